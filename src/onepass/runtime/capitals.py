"""Words in capitals within a sentence, read in small letters, and capitals for what is written of them.

Training has few such words, and their subwords are rare: VERY is `VER` and `Y`, very is one. Of most
abbreviations it is the other way round, so they stay; for the others the model's own score decides.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from onepass.runtime.alignment import AlignedWord, Written, aligned_words, links_of, passage_links
from onepass.text.segmentation import Range

CLEARLY = 0.03
"""The score of a translation must be better by so much, or the US would become nós."""
_WORD_OF_LINE = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_WORD = re.compile(r"(?<![\w-])[^\W\d_]{2,}(?![\w-])")


def calm_line(text: str, encode: Callable[[str], Sequence[int]]) -> str:
    """A text in capitals, in small letters behind its first one; words that have more subwords so stay."""

    def small(word: re.Match[str]) -> str:
        found = word[0].lower() if text[: word.start()].strip() else word[0].capitalize()
        return found if word[0] != "I" and len(encode(word[0].lower())) <= len(encode(word[0])) else word[0]

    return _WORD_OF_LINE.sub(small, text)


class CalmText(NamedTuple):
    """A text with such words in small letters; `places`: of these words, in order."""

    text: str
    places: tuple[Range, ...]


def calm_text(text: str, encode: Callable[[str], Sequence[int]]) -> CalmText | None:
    """The text with words in small letters that have no more subwords so.

    Args:
        text: with placeholders for its spans.
        encode: a text to the ids that a model reads.

    Returns:
        None where there are no such words, or no others.
    """
    if text.isupper():
        return None
    words = [word for word in _WORD.finditer(text) if word[0].isupper()]
    places = tuple(
        Range(*word.span()) for word in words if len(encode(word[0].lower())) <= len(encode(word[0]))
    )
    calm = text
    for start, end in places:
        small = text[start:end].lower()
        small = small if text[:start].strip() else small.capitalize()
        if len(small) != end - start:  # "İ" has two letters when small
            return None
        calm = calm[:start] + small + calm[end:]
    return CalmText(calm, places) if places else None


def with_capitals(source: CalmText, written: Written) -> str:
    """A translation with capitals for the words that come from those of the source alone."""
    translation = found = written.translation
    # Small words often seem to come from their neighbours, and words that are shared out from other ones.
    ways = passage_links(written), links_of(source.text, translation, [written])
    for one, other in zip(*(aligned_words(source.text, translation, list(way)) for way in ways), strict=True):
        capitals = translation[one.start : one.end].upper()
        if _is_of(one, source) and _is_of(other, source) and len(capitals) == one.end - one.start:
            found = found[: one.start] + capitals + found[one.end :]
    return found


def _is_of(word: AlignedWord, source: CalmText) -> bool:
    """Whether a word comes from words that were in capitals, and from no others."""
    return bool(word.sources) and all(
        any(place.start <= at.start < place.end for at in source.places) for place in word.sources
    )
