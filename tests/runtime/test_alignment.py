"""Where the words of a translation come from, around an engine whose answer is known token by token."""

import re
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onepass.runtime.alignment import Link, Written, aligned_words, links_of, piece_places
from onepass.runtime.sentences import Languages
from onepass.runtime.text_translator import Hypotheses, TextTranslator, Translation
from onepass.text.segmentation import Range
from tiny_run import tokenizer

WORDS = tokenizer()


def backwards(batch: Sequence[list[int]]) -> Hypotheses:
    """Writes the words of a source from the last to the first, each token from its own."""
    ids, sources = [], []
    for row in batch:
        starts = [i for i, piece in enumerate(WORDS.src_pieces(row)) if i == 0 or piece.startswith("▁")]
        words = [range(start, end) for start, end in zip(starts, [*starts[1:], len(row)], strict=True)]
        order = [i for word in reversed(words) for i in word]
        ids.append([row[i] for i in order])
        sources.append(order)
    return Hypotheses(ids, [-1.0] * len(ids), with_end=False, sources=sources)


def translate(line: str, *, split: bool = True) -> Translation:
    translator = TextTranslator(
        WORDS, backwards, decode_aligned=backwards, languages=Languages("en", "de"), split=split
    )
    return translator.translate([line], alignment=True)[0]


def words_with_sources(line: str, found: Translation) -> list[tuple[str, list[str]]]:
    assert found.alignment is not None
    return [
        (found.text[start:end], [whole(line[slice(*place)]) for place in sources])
        for start, end, sources in found.alignment
    ]


def whole(text: str) -> str:
    """With one character for the two halves of a surrogate pair."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16")


@pytest.mark.parametrize(
    "line",
    [
        "Where is the castle",
        "  Where is it now?  I am here today.\n\n\tWe go. ",
        "HELP ME",
        "12.50 😀 Where is it",
        "Where\x00is\u3164\u3164it",
        "The\u00a0castle \ud83d\ude00 here",
        "",
        " \n ",
    ],
)
def test_each_word_comes_from_the_word_that_it_was(line: str) -> None:
    found = translate(line)
    pairs = words_with_sources(line, found)
    assert [word for word, _ in pairs] == found.text.split()
    assert all([word.lower()] == [source.lower() for source in sources] for word, sources in pairs)


def test_the_order_of_sentences_is_kept_and_of_words_is_not() -> None:
    line = "Where is it? I am here."
    assert words_with_sources(line, translate(line)) == [
        (word, [word]) for word in ("it?", "is", "Where", "here.", "am", "I")
    ]


def test_a_long_text_is_aligned_in_all_its_parts() -> None:
    line = " ".join(f"castle{number % 7} and" for number in range(200))
    pairs = words_with_sources(line, translate(line, split=False))
    assert len(pairs) == 400
    assert all([word] == sources for word, sources in pairs)


def test_nothing_is_said_of_what_nobody_asked() -> None:
    translator = TextTranslator(WORDS, backwards, decode_aligned=backwards)
    assert translator.translate(["Where is it"])[0].alignment is None
    assert TextTranslator(WORDS, backwards).translate(["Where is it"], alignment=True)[0].alignment is None


def link(line: str, text: str, src: str, tgt: str) -> Link:
    return Link(*(Range(t.index(word), t.index(word) + len(word)) for t, word in ((line, src), (text, tgt))))


def test_a_sign_at_a_word_does_not_count_beside_its_letters() -> None:
    line, text = "I see.", "Ich sehe."
    links = [link(line, text, "I", "Ich"), link(line, text, "see", "sehe"), link(line, text, "I", ".")]
    assert [word.sources for word in aligned_words(line, text, links)] == [(Range(0, 1),), (Range(2, 6),)]


@given(st.lists(st.text("abß…½Ⅷ漢é", min_size=1, max_size=6), min_size=1, max_size=6))
def test_the_places_of_subwords_cover_their_words_in_order(words: list[str]) -> None:
    text = " ".join(words)
    pieces = [piece for word in words for piece in (f"▁{word[:2]}", *word[2:])]
    places = piece_places(pieces, text)
    spelt = "".join(text[place.start : place.end] for place in places)
    assert spelt == text.replace(" ", "") or re.search("[…½Ⅷ]", text)
    assert all(one.start <= other.start for one, other in pairwise(places))
    assert all(0 <= place.start <= place.end <= len(text) for place in places)


def test_a_word_without_any_takes_one_that_stands_where_its_own_would() -> None:
    line, text = "I have never seen the house", "Ich habe noch nie das Haus gesehen"
    links = [("I", "Ich"), ("seen", "habe"), ("never", "noch"), ("never", "nie"), ("house", "das")]
    links += [("house", "Haus"), ("seen", "gesehen")]
    written = Written(0, line, text, spelt(line), spelt(text), [line.split().index(src) for src, _ in links])
    found = aligned_words(line, text, links_of(line, text, [written]))
    assert [" ".join(line[slice(*place)] for place in word.sources) for word in found] == [
        *("I", "have", "never", "never", "the", "house", "seen")
    ]


def spelt(text: str) -> list[str]:
    return [f"▁{word}" for word in text.split()]


def test_a_translation_without_words_has_no_alignment() -> None:
    space = [token for token, piece in enumerate(WORDS.tgt_vocabulary()) if piece == "▁"]

    def blank(batch: Sequence[list[int]]) -> Hypotheses:
        sources = [[0] * len(space)] * len(batch)
        return Hypotheses([space] * len(batch), [-1.0] * len(batch), with_end=False, sources=sources)

    [found] = TextTranslator(WORDS, blank, decode_aligned=blank).translate(["Where"], alignment=True)
    assert (found.text, found.alignment) == ("", ())


def test_subwords_that_spell_the_text_stand_where_they_do() -> None:
    """Also what stands for a placeholder, which has no mark of a word's start and may hold a space."""
    text = "I have US$ 5 (7) cats."
    places = piece_places(["▁I", "▁have", "US$ 5", "▁(", "7", ")", "▁cat", "s", "."], text)
    assert [text[slice(*place)] for place in places] == ["I", "have", "US$ 5", "(", "7", ")", "cat", "s", "."]
