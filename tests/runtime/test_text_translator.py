"""Lines around an engine that answers with what it reads: what each line of a batch is read as."""

import re
from collections.abc import Iterable
from typing import Any

import pytest

from onepass.errors import UsageError
from onepass.runtime.sentences import Languages
from onepass.runtime.text_translator import MAX_SRC_TOKENS, Hypotheses, TextTranslator, Translation
from tiny_run import tokenizer

WORDS = tokenizer()


def translate(lines: list[str], liked: set[str]) -> list[Translation]:
    """Texts are their own translations, those in `liked` with a better score."""
    wanted = [WORDS.encode_src(text) for text in liked]

    def decode(batch: list[list[int]]) -> Hypotheses:
        return Hypotheses(batch, [-0.5 if ids in wanted else -1.0 for ids in batch], with_end=False)

    return TextTranslator(WORDS, decode).translate(lines)


def read_of(found: Translation) -> str:
    spelt = "".join(found.src_pieces).replace("▁", " ").strip()
    return re.sub("<0x(..)>", lambda byte: chr(int(byte[1], 16)), spelt)


def test_of_both_readings_of_a_line_in_capitals_the_better_one_stays() -> None:
    lines = ["Q W!", "The castle.", "", "Z", "I", "42", "Z"]
    assert len(WORDS.encode_src("Q w!")) == len(WORDS.encode_src("Q W!"))
    found = translate(lines, liked={"Q w!"})
    assert [translation.text for translation in found] == lines
    assert [translation.score for translation in found] == [-0.5, -1.0, 0.0, -1.0, -1.0, 0.0, -1.0]
    assert read_of(found[0]) == "Q w!"
    assert read_of(found[3]) == "Z"
    assert found[6] == found[3]


def test_words_that_have_fewer_subwords_in_small_letters_are_read_so_whatever_their_score() -> None:
    [found] = translate(["FIND THE CASTLE!"], liked={"FIND THE CASTLE!"})
    assert (found.text, read_of(found)) == ("FIND THE CASTLE!", "Find the castle!")


@pytest.mark.parametrize("silent", ["FIND THE CASTLE!", "Find the castle!"])
def test_a_reading_without_words_never_stays(silent: str) -> None:
    nothing = WORDS.encode_src(silent)

    def decode(batch: list[list[int]]) -> Hypotheses:
        empty = [ids == nothing for ids in batch]
        texts = [[] if no else ids for ids, no in zip(batch, empty, strict=True)]
        return Hypotheses(texts, [0.0 if no else -2.0 for no in empty], with_end=False)

    [found] = TextTranslator(WORDS, decode).translate(["FIND THE CASTLE!"])
    assert (found.text, found.score) == ("FIND THE CASTLE!", -2.0)


# --- sentences ---------------------------------------------------------------


class Echo:
    """An engine that writes what it reads; `rows`: the texts that it read."""

    def __init__(self) -> None:
        self.rows: list[str] = []
        self.batches = 0

    def __call__(self, batch: list[list[int]]) -> Hypotheses:
        self.batches += 1
        self.rows += map(WORDS.decode_src, batch)
        return Hypotheses(batch, [-1.0] * len(batch), with_end=False)


def echo(lines: Iterable[str], *, split: bool = True) -> tuple[list[Translation], list[str]]:
    engine = Echo()
    translator = TextTranslator(WORDS, engine, languages=Languages("en", "de"), split=split)
    return translator.translate(lines), engine.rows


def test_a_text_is_read_by_sentences_and_keeps_its_white_space() -> None:
    text = "  Where is it?  I am here.\n\n\tIt is 3.5 km. We go. \n"
    [found], rows = echo([text])
    assert found.text == text
    assert sorted(rows) == ["I am here.", "It is 3.5 km.", "We go.", "Where is it?"]
    assert found.score == -1.0
    order = ("Where is it?", "I am here.", "It is 3.5 km.", "We go.")
    read = [i for row in order for i in WORDS.encode_src(row)]
    assert found.src_pieces == found.tgt_pieces == tuple(WORDS.src_pieces(read))


def test_without_splitting_a_line_is_read_whole() -> None:
    [found], rows = echo([" Where is it? I am here. "], split=False)
    assert rows == ["Where is it? I am here."]
    assert found.text == " Where is it? I am here. "


def test_the_sentences_of_all_lines_are_one_batch() -> None:
    engine = Echo()
    translator = TextTranslator(WORDS, engine, languages=Languages("en", "de"), split=True)
    found = translator.translate(["We go. I am here.", "", "Where is it?"])
    assert [translation.text for translation in found] == ["We go. I am here.", "", "Where is it?"]
    assert (engine.batches, len(engine.rows)) == (1, 3)


@pytest.mark.parametrize(
    "line", ["12:30 - 5", "😀 😀", "https://example.org/a?b=c", "我喜欢茶。", "...", "B2", "a)"]
)
def test_what_has_no_letters_to_translate_passes(line: str) -> None:
    [found], rows = echo([line])
    assert (found.text, rows, found.src_pieces, found.score) == (line, [], (), 0.0)


@pytest.mark.parametrize(
    ("line", "read"),
    [("We go. 😀", "We go."), ("👍🏽 We go!", "We go!"), ("1. We go.", "We go."), ("- We go", "We go")],
)
def test_signs_beside_a_sentence_are_not_read(line: str, read: str) -> None:
    [found], rows = echo([line])
    assert (found.text, rows) == (line, [read])


def test_what_nobody_sees_is_a_space() -> None:
    [found], rows = echo(["We go.\x00 I\u2800am\x1bhere."])
    assert found.text == "We go. I am here."
    assert sorted(rows) == ["I am here.", "We go."]


@pytest.mark.parametrize("unit", ["word ", "word, ", "x"])
def test_nothing_of_a_sentence_that_is_too_long_is_lost(unit: str) -> None:
    line = (unit * 3000).strip()
    [found], rows = echo([line])
    assert found.text == line
    assert len(rows) > 2
    assert all(len(WORDS.encode_src(row)) <= MAX_SRC_TOKENS for row in rows)


def test_each_sentence_in_capitals_is_read_in_small_letters_too() -> None:
    _, rows = echo(["WE GO! I am here."])
    assert sorted(rows) == ["I am here.", "WE GO!", "We go!"]


def test_broken_characters_are_left_out() -> None:
    lone = WORDS.src_vocabulary().index("<0xF0>")

    def decode(batch: list[list[int]]) -> Hypotheses:
        return Hypotheses([[*row, lone] for row in batch], [-1.0] * len(batch), with_end=False)

    for line in ("We go", "WE GO"):
        [found] = TextTranslator(WORDS, decode).translate([line])
        assert found.text == line


def test_what_the_lines_are_indexed_by_does_not_matter() -> None:
    class Column(list[str]):
        """As a column of a table: a number is the label of a row, not its place."""

        def __getitem__(self, label: object) -> Any:
            return {7: "We go", 0: "IT IS HERE", 1: "Yes"}[label]  # type: ignore[index]

    found, _ = echo(Column(["We go", "IT IS HERE", "Yes"]))
    assert [translation.text for translation in found] == ["We go", "IT IS HERE", "Yes"]


@pytest.mark.parametrize("line", [None, float("nan"), 3, b"We go"])
def test_what_is_no_text_is_refused(line: Any) -> None:
    with pytest.raises(UsageError, match="line 2"):
        echo(["We go", line])
