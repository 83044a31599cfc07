"""Lines around an engine that answers with what it reads: what each line of a batch is read as."""

import pytest

from onepass.runtime.text_translator import Hypotheses, TextTranslator, Translation
from tiny_run import tokenizer

WORDS = tokenizer()


def translate(lines: list[str], liked: set[str]) -> list[Translation]:
    """Texts are their own translations, those in `liked` with a better score."""
    wanted = [WORDS.encode_src(text) for text in liked]

    def decode(batch: list[list[int]]) -> Hypotheses:
        return Hypotheses(batch, [-0.5 if ids in wanted else -1.0 for ids in batch], with_end=False)

    return TextTranslator(WORDS, decode).translate(lines)


def test_of_both_readings_of_a_line_in_capitals_the_better_one_stays() -> None:
    lines = ["FIND THE CASTLE!", "The castle.", "", "HELP", "I", "42", "HELP"]
    found = translate(lines, liked={"Find the castle!"})
    assert [translation.text for translation in found] == lines
    assert [translation.score for translation in found] == [-0.5, -1.0, 0.0, -1.0, -1.0, 0.0, -1.0]
    assert found[0].src_pieces == tuple(WORDS.src_pieces(WORDS.encode_src("Find the castle!")))
    assert found[3].src_pieces == tuple(WORDS.src_pieces(WORDS.encode_src("HELP")))
    assert found[6] == found[3]


@pytest.mark.parametrize("silent", ["FIND THE CASTLE!", "Find the castle!"])
def test_a_reading_without_words_never_stays(silent: str) -> None:
    nothing = WORDS.encode_src(silent)

    def decode(batch: list[list[int]]) -> Hypotheses:
        empty = [ids == nothing for ids in batch]
        texts = [[] if no else ids for ids, no in zip(batch, empty, strict=True)]
        return Hypotheses(texts, [0.0 if no else -2.0 for no in empty], with_end=False)

    [found] = TextTranslator(WORDS, decode).translate(["FIND THE CASTLE!"])
    assert (found.text, found.score) == ("FIND THE CASTLE!", -2.0)
