"""Sentences: cut where a reader would, nothing lost, and joined again with what lay between them."""

import time
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onepass.text.graphemes import may_cut
from onepass.text.segmentation import Range, Segment, break_long, joined, segments
from onepass.text.spans import find_spans

CASES = [
    ("en", ["Dr. Reed met Mrs. Hall at 5 p.m. in the garden.", "It rained."]),
    ("en", ["She likes fruit, e.g. plums.", "He paid $3.50 for it.", "See p. 5 for more."]),
    ("en", ["J. R. R. Tolkien wrote it.", "John F. Kennedy was young.", "We live in the U.S. today."]),
    ("en", ["Really?!", "Yes...", "No way!", "Why?"]),
    ("en", ["Wait... what happened here?", "Well… nothing.", "Hm!"]),
    ("en", ['"Where are you?" he asked.', '"I am here."', "She left."]),
    ("en", ["She said: “Go now.”", "Then he left.", "(It was late.)", "We slept."]),
    ("en", ["1. First comes the tea.", "2. Then comes the milk."]),
    ("en", ["It weighs 3.5 kilos.", "Version 1.2.3 is out.", "He is 42.", "She is 41."]),
    ("en", ["They waited for me.", "Tom was late.", "No.", "I will not go.", "No. 5 is red."]),
    ("en", ["i am here.", "are you?", "yes."]),
    ("en", ["He said \"we won.", "They lost.\"", "That was all."]),
    ("en", ["\"He was ill.", "They saw Tom.", "\"We saw it.\""]),
    ("en", ["Reds vs. Blues ended two to one.", "See Hall et al. Nobody else did it.", "A. First."]),
    ("de", ["Am 3. Oktober kam Dr. Kern z. B. aus Bonn.", "Das kostet 3,50 Euro.", "Die 2. Reihe ist leer."]),
    ("de", ["„Wo bist du?“, fragte er.", "Er ist 42.", "Sie ist 12."]),
    ("pt", ["O Sr. Prado mora na R. das Flores, n.º 5.", "Ele pagou R$ 3,50.", "A Dra. Lima saiu."]),
    ("pt-BR", ["Custa aprox. 5 euros.", "Não sei."]),
    ("fr", ["M. Petit est là avec M. Roux.", "Il a dit : « Oui. »", "Puis il partit."]),
    ("es", ["¿Qué?", "¡No!", "Sí."]),
]  # fmt: skip


@pytest.mark.parametrize(("language", "sentences"), CASES)
def test_sentences_end_where_a_reader_ends_them(language: str, sentences: list[str]) -> None:
    text = " ".join(sentences)
    assert [part.text for part in segments(text, language, find_spans(text))] == sentences


@pytest.mark.parametrize("language", ["zh", "ja", "en"])
def test_chinese_and_japanese_sentences_need_no_space(language: str) -> None:
    sentences = [
        "我喜欢茶。",
        "狗很大！",
        "你呢？",
        "私はお茶が好きです。",
        "「どこにいるの？」と彼は聞いた。",
    ]
    assert [part.text for part in segments("".join(sentences), language)] == sentences


def test_white_space_and_line_ends_stay_with_the_sentence_before() -> None:
    assert segments(" \tOne.  Two\n\n\tThree\r\n\u2029Four\n", "en") == [
        Segment(0, "", " \t"),
        Segment(2, "One.", "  "),
        Segment(8, "Two", "\n\n\t"),
        Segment(14, "Three", "\r\n\u2029"),
        Segment(22, "Four", "\n"),
    ]
    assert segments("", "en") == []
    assert segments(" \n", "en") == [Segment(0, "", " \n")]


def test_a_protected_range_is_not_cut() -> None:
    text = "Press Ctrl. Then Esc. now. Go."
    assert [part.text for part in segments(text, "en")] == ["Press Ctrl.", "Then Esc. now.", "Go."]
    kept = [Range(text.index("Ctrl"), text.index(" now"))]
    assert [part.text for part in segments(text, "en", kept)] == ["Press Ctrl. Then Esc. now.", "Go."]


def test_a_protected_range_that_begins_with_a_number_is_not_cut() -> None:
    text = "It was 5. Then 6. Go."
    assert len(segments(text, "en")) == 3
    assert [part.text for part in segments(text, "en", [Range(7, 17)])] == ["It was 5. Then 6.", "Go."]


def test_mark_up_between_sentences_without_a_space_is_not_torn_apart() -> None:
    text = "<p>All is well.</p><p>They left.</p> Bye."
    assert [part.text for part in segments(text, "en", find_spans(text))] == [text[:-5], "Bye."]


def test_addresses_and_mark_up_belong_to_their_sentence() -> None:
    text = "<b>Hello.</b> See https://a.example/c. Then write to me@x.example. <i>All <b>done!</b></i> Yes."
    assert [part.text for part in segments(text, "en", find_spans(text))] == [
        "<b>Hello.</b>",
        "See https://a.example/c.",
        "Then write to me@x.example.",
        "<i>All <b>done!</b></i>",
        "Yes.",
    ]


def test_a_line_end_cuts_even_a_protected_range() -> None:
    assert [part.text for part in segments("one\ntwo", "en", [Range(0, 7)])] == ["one", "two"]


ODD = st.lists(
    st.sampled_from(
        [*'aB .!?\n\r\t"“”()1。」<>@/\u0301\u200d\ud800\u2028', "Dr. ", "https://a.b ", "😀", "word"]
    )
).map("".join)


@given(ODD | st.text(), st.sampled_from(["en", "de", "pt", "ja", "zh", "", "x-y"]))
@settings(max_examples=300)
def test_segments_are_the_text(text: str, language: str) -> None:
    spans = find_spans(text)
    parts = segments(text, language, spans)
    assert "".join(part.text + part.space for part in parts) == text
    for number, part in enumerate(parts):
        assert text.startswith(part.text + part.space, part.start)
        assert part.text == part.text.strip()
        assert not part.space.strip()
        assert part.text or number == 0
        assert "\n" not in part.text
        assert not any(span.start < part.start < span.end for span in spans)


def test_a_sentence_longer_than_the_window_is_not_cut_there() -> None:
    long = "word " * 1000 + "end."
    assert [part.text for part in segments(f"{long} {long}", "en")] == [long, long]
    many = ["This is a short one."] * 500
    assert [part.text for part in segments(" ".join(many), "en")] == many


def at_most(length: int) -> Callable[[str], bool]:
    return lambda part: len(part) <= length


def texts(parts: list[Segment]) -> list[str]:
    return [part.text for part in parts]


def test_a_text_that_fits_is_one_part() -> None:
    assert break_long("One, two. ", at_most(9)) == [Segment(0, "One, two.", " ")]
    assert break_long("", at_most(9)) == []


def test_long_sentences_are_cut_at_clause_marks_then_spaces_then_anywhere() -> None:
    clauses = "We waited for the train, which was late; it came (at last) after dark"
    assert texts(break_long(clauses, at_most(40))) == [
        "We waited for the train, which was late;",
        "it came (at last) after dark",
    ]
    assert texts(break_long("one two three four five six", at_most(14))) == ["one two three", "four five six"]
    assert texts(break_long("a" * 25, at_most(10))) == ["a" * 10, "a" * 7, "a" * 8]
    wide = "这是一个很长的句子，它有很多部分；但是没有空格。"
    assert texts(break_long(wide, at_most(14))) == ["这是一个很长的句子，", "它有很多部分；但是没有空格。"]


def test_a_protected_range_is_cut_only_where_it_alone_is_too_long() -> None:
    text = "see https://a.example/b,%20c now"
    assert "https://a.example/b,%20c" in texts(break_long(text, at_most(24), find_spans(text)))
    parts = break_long(text, at_most(8), find_spans(text))
    assert all(len(part.text) <= 8 for part in parts)


@given(ODD | st.text(), st.integers(0, 12))
@settings(max_examples=300)
def test_breaking_drops_nothing_and_parts_fit(text: str, length: int) -> None:
    parts = break_long(text, at_most(length), find_spans(text))
    assert "".join(part.text + part.space for part in parts) == text
    for part in parts:
        assert text.startswith(part.text, part.start)
        assert len(part.text) <= max(length, 1)


@given(
    st.lists(st.sampled_from(["a", "e\u0301", "👩\u200d🚀", "👍🏽", "🇵🇹", "\r\n", " "])), st.integers(6, 12)
)
def test_no_character_is_cut(characters: list[str], length: int) -> None:
    text = "".join(characters)
    assert all(may_cut(text, part.start) for part in break_long(text, at_most(length)))


def test_fits_sees_parts_not_the_whole_of_a_long_text() -> None:
    seen = []

    def fits(part: str) -> bool:
        seen.append(len(part))
        return len(part) <= 300

    break_long("word, " * 20_000, fits)
    assert max(seen) <= 2 * 300
    assert sum(seen) < 20 * 120_000


def test_translations_are_joined_with_the_white_space_of_the_source() -> None:
    parts = segments(" Hi.  You?\n\nYes. ", "en")
    assert joined(parts, ["", "Oi.", "Você?", "Sim."], "en", "pt") == " Oi.  Você?\n\nSim. "


def test_languages_without_spaces_lose_and_get_them() -> None:
    assert (
        joined(segments("我很好。你呢？", "zh"), ["I am well.", "And you?"], "zh", "en")
        == "I am well. And you?"
    )
    assert joined(segments("Yes. No.\nGo.", "en"), ["是。", "不。", "走。"], "en", "zh") == "是。不。\n走。"
    assert joined(segments("Ja. No.", "en"), ["OK.", "不。"], "en", "zh") == "OK. 不。"
    assert joined(segments("好。坏。", "zh"), ["良い。", "悪い。"], "zh", "ja") == "良い。悪い。"


def test_parts_of_a_word_are_joined_without_a_space() -> None:
    parts = break_long("a" * 20, at_most(10))
    assert joined(parts, ["b" * 10] * 2, "en", "pt") == "b" * 20


@pytest.mark.slow
@pytest.mark.parametrize(
    "unit", ["“", "「", ". ", "A. ", "(", "! ", "。 ", "\u0301", "x", "🇩🇪", ", ", "。", "? "]
)
def test_a_megabyte_of_anything_takes_seconds(unit: str) -> None:
    text = unit * (1_000_000 // len(unit))
    began = time.process_time()
    segments(text, "en")
    break_long(text, at_most(500))
    assert time.process_time() - began < 8
