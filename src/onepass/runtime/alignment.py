"""Word alignment of a translated line: which words of the source each of its words comes from.

An engine says which source token each target token comes from. Here tokens get their places in the two lines.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from onepass.text.segmentation import Range
from onepass.text.validity import cleaned

_WORD = re.compile(r"\S+")
_NOBODY = -2
_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")


class Link(NamedTuple):
    """A token of a translation, and the token of the source that it comes from.

    Attributes:
        src: place in the source line, from `start` to before `end`, in code points.
        tgt: place in the translation.
    """

    src: Range
    tgt: Range


class AlignedWord(NamedTuple):
    """A word of a translation: what stands between white space.

    Attributes:
        start, end: its place in the translation, in code points.
        sources: the places in the source line of the words that it comes from, in order; seldom none.
    """

    start: int
    end: int
    sources: tuple[Range, ...]


class Written(NamedTuple):
    """A passage of a line, and what was written for it.

    Attributes:
        start: where it begins in the line that was read.
        text: what was read.
        translation: what was written.
        src_pieces, tgt_pieces: subwords, `▁` marking the start of a word; none for what passed as it is.
        sources: the number of the source subword that each target subword comes from.
    """

    start: int
    text: str
    translation: str
    src_pieces: Sequence[str]
    tgt_pieces: Sequence[str]
    sources: Sequence[int]


def links_of(line: str, translation: str, passages: Sequence[Written]) -> tuple[Link, ...]:
    """The links of a line, in the order of the translation.

    Args:
        line: as it was given.
        translation: of the line: those of its passages with white space or nothing between them.
        passages: in order; their places are those of `cleaned(line)`.
    """
    places = _places_before_cleaning(line)
    found: list[Link] = []
    at = 0
    for passage in passages:
        if passage.translation:
            space = re.compile(r"\s*").match(translation, at)
            at = space.end() if space and not passage.translation[0].isspace() else at
        for src, tgt in passage_links(passage):
            src = Range(src.start + passage.start, src.end + passage.start)
            if places is not None and src.end > src.start:
                src = Range(places[src.start], places[src.end - 1] + 1)
            found.append(Link(src, Range(tgt.start + at, tgt.end + at)))
        at += len(passage.translation)
    return tuple(_shared_out(found, line, translation))


class _Words:
    """The words of a text, and which one stands where."""

    def __init__(self, text: str) -> None:
        self.places = [Range(*word.span()) for word in _WORD.finditer(text)]
        self._starts = [place.start for place in self.places]

    def at(self, place: int) -> int:
        """The number of the word that has this character; -1 where none is before it."""
        return bisect_right(self._starts, place) - 1


def aligned_words(line: str, translation: str, links: Sequence[Link]) -> tuple[AlignedWord, ...]:
    """The words of a translation with those of the line that they come from.

    Args:
        line: the source.
        translation: of it.
        links: of their tokens.
    """
    src, tgt = _Words(_as_read(line)), _Words(translation)
    sources: list[set[int]] = [set() for _ in tgt.places]
    for link in _lettered(links, translation, tgt):
        sources[tgt.at(link.tgt.start)].add(src.at(link.src.start))
    return tuple(
        AlignedWord(*place, tuple(src.places[number] for number in sorted(numbers)))
        for place, numbers in zip(tgt.places, sources, strict=True)
    )


def _lettered(links: Sequence[Link], translation: str, words: _Words) -> list[Link]:
    """The links that say where words come from.

    A sign that stands at a word, as a comma, counts only where the word has no letters or digits.
    """
    found = [link for link in links if link.src.start < link.src.end]
    has_letters = [any(map(str.isalnum, translation[slice(*link.tgt)])) for link in found]
    lettered = {words.at(link.tgt.start) for link, has in zip(found, has_letters, strict=True) if has}
    return [
        link
        for link, has in zip(found, has_letters, strict=True)
        if has or words.at(link.tgt.start) not in lettered
    ]


def _shared_out(links: Sequence[Link], line: str, translation: str) -> list[Link]:
    """The links, with words for source words that have none, of others that have several.

    Small words are often attended to less than the word that they stand with: "the house" may become
    "das Haus" by way of "house" alone. Of its words, a source word gives away the one whose neighbours come
    from the neighbours of the one without.
    """
    src, tgt = _Words(_as_read(line)), _Words(translation)
    sources: list[set[int]] = [set() for _ in tgt.places]
    for link in _lettered(links, translation, tgt):
        sources[tgt.at(link.tgt.start)].add(src.at(link.src.start))
    given = _given_away(sources, len(src.places))
    return [
        link._replace(src=src.places[given[tgt.at(link.tgt.start)]])
        if tgt.at(link.tgt.start) in given
        else link
        for link in links
    ]


def _given_away(sources: Sequence[set[int]], count: int) -> dict[int, int]:
    """Words of a translation, and the source words without any that they come from instead.

    Args:
        sources: of each word of the translation, the numbers of its source words.
        count: of source words.
    """
    owners = [min(numbers) if len(numbers) == 1 else _NOBODY for numbers in sources]
    words_of: dict[int, list[int]] = {}
    for word, owner in enumerate(owners):
        words_of.setdefault(owner, []).append(word)
    left = {owner: len(words) for owner, words in words_of.items()}
    linked = set[int]().union(*sources)
    given: dict[int, int] = {}
    for number in range(count):
        if number in linked:
            continue
        behind = Counter(word + 1 for word in words_of.get(number - 1, ()))
        before = Counter(word - 1 for word in words_of.get(number + 1, ()))
        found = [
            (fit, -abs(owners[word] - number), word)
            for word, fit in (behind + before).items()
            if 0 <= word < len(owners) and owners[word] >= 0 and left[owners[word]] > 1 and word not in given
        ]
        fit, near, word = max(found, default=(0, 0, 0))
        if fit == 2 or near == -1:
            given[word] = number
            left[owners[word]] -= 1
    return given


def passage_links(passage: Written) -> Iterator[Link]:
    """The links within a passage; what passed as it is comes from itself."""
    if not passage.src_pieces:
        for word in _WORD.finditer(passage.text if passage.text == passage.translation else ""):
            yield Link(Range(*word.span()), Range(*word.span()))
        return
    src, tgt = (
        piece_places(pieces, text)
        for pieces, text in (
            (passage.src_pieces, passage.text),
            (passage.tgt_pieces, passage.translation),
        )
    )
    for place, source in zip(tgt, passage.sources, strict=True):
        if place.end > place.start:
            yield Link(src[source], place)


def piece_places(pieces: Sequence[str], text: str) -> list[Range]:
    """The places of subwords in the text that they spell, in code points; of an empty one, nothing.

    A text may have been normalised before it was cut, and what was written may have been put in capitals.
    Then characters are counted and not compared, word by word where both have as many words.
    """
    spelt = _spelt_places(pieces, text)
    if spelt is not None:
        return spelt
    words = [Range(*word.span()) for word in _WORD.finditer(text)]
    groups: list[list[str]] = []
    for piece in pieces:
        if piece.startswith("▁") or not groups:
            groups.append([])
        groups[-1].append(piece)
    if len(groups) != len(words) or "" in map("".join, groups):
        groups, words = [list(pieces)], [Range(0, len(text))]
    return [place for group, word in zip(groups, words, strict=True) for place in _spread(group, text, word)]


def _spelt_places(pieces: Sequence[str], text: str) -> list[Range] | None:
    """The places of subwords that are, but for white space, the text; None where they are not."""
    found, at = [], 0
    for piece in pieces:
        part = piece.lstrip("▁")
        while part and at < len(text) and text[at].isspace():
            at += 1
        if not text.startswith(part, at):
            return None
        found.append(Range(at, at + len(part)))
        at += len(part)
    return None if text[at:].strip() else found


def _spread(pieces: Sequence[str], text: str, within: Range) -> Iterator[Range]:
    """The places of the subwords of a stretch of a text, by their numbers of visible characters."""
    characters = [
        place
        for place in range(*within)
        for part in unicodedata.normalize("NFKC", text[place])
        if not part.isspace()
    ]
    if not characters:
        yield from [Range(within.start, within.start)] * len(pieces)
        return
    sizes = [len(piece.replace("▁", "")) for piece in pieces]
    total, before = max(sum(sizes), 1), 0
    for size in sizes:
        first = characters[min(before * len(characters) // total, len(characters) - 1)]
        before += size
        if size:
            last = characters[max(before * len(characters) // total - 1, 0)]
            yield Range(first, max(first, last) + 1)
        else:
            yield Range(first, first)


def _as_read(line: str) -> str:
    """The line with a space for each character that a model does not see, at the same places."""
    places = _places_before_cleaning(line)
    if places is None:
        return line
    seen = [" "] * len(line)
    for place, char in zip(places, cleaned(line), strict=True):
        width = _width(line, place)
        seen[place : place + width] = char * width
    return "".join(seen)


def _places_before_cleaning(line: str) -> list[int] | None:
    """Where in a line each character of `cleaned(line)` stands; None where nothing was cleaned."""
    text = cleaned(line)
    if text == line:
        return None
    places: list[int] = []
    at = 0
    for char in text:
        # Several characters may have become one space.
        while at < len(line) - 1 and cleaned(line[at : at + _width(line, at)]) != char:
            at += 1
        places.append(at)
        at = min(at + _width(line, at), len(line) - 1)
    return places


def _width(line: str, at: int) -> int:
    """2 for a surrogate pair, which is read as one character."""
    return 2 if _PAIR.match(line, at) else 1
