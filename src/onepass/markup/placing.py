"""Puts the marks of a source around the words of its translation, by their alignment.

Each element gets one stretch of the translation, within that of its parent, so tags stay properly nested and
none is lost or doubled: the stretch that has most of its words and fewest others. Marks stay beside the word
that they stood at, in their order.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise, product, takewhile
from typing import NamedTuple

from onepass.markup.marked import Marked, Node
from onepass.runtime.alignment import Link
from onepass.text.segmentation import Range

_SPACELESS = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
_UNIT = re.compile(rf"[{_SPACELESS}]|[^\W{_SPACELESS}]+(?:[-'’][^\W{_SPACELESS}]+)*|[^\w\s]")
"""A word, a character of a script without spaces, or a sign."""
_MOST_PAIRS = 64
"""Of units that one link links, each with each."""


class Placed(NamedTuple):
    """A node and its stretch of the translation."""

    node: Node
    place: Range


def with_marks(
    source: Marked, translation: str, links: Sequence[Link], encode: Callable[[str], str] = str
) -> str:
    """The translation of a marked text, with its marks.

    Args:
        source: the marked text.
        translation: of its text.
        links: between the tokens of both.
        encode: makes text of the format out of plain text.
    """
    if not source.root.children:
        return encode(translation)
    units = _Units(source, translation, links)
    whole = Placed(source.root, Range(0, len(translation)))
    return "".join(_written(whole, units, translation, encode))


def _written(placed: Placed, units: _Units, translation: str, encode: Callable[[str], str]) -> Iterator[str]:
    """An element with all within it."""
    node, (at, end) = placed
    if node.is_copied:
        yield _apart(node.raw, placed.place, translation)
        return
    yield node.raw
    for child in _placed_children(placed, units):
        start = max(at, child.place.start)
        yield encode(translation[at:start])
        yield from _written(child, units, translation, encode)
        at = max(start, child.place.end)
    yield encode(translation[at:end])
    yield node.close


def _apart(raw: str, place: Range, translation: str) -> str:
    """What is copied; where no word of the translation stands for it, with a space between it and others."""
    if place.start < place.end:
        return raw
    before, after = translation[: place.start][-1:], translation[place.end :][:1]
    return f"{' ' if before.isalnum() else ''}{raw}{' ' if after.isalnum() else ''}"


def _placed_children(parent: Placed, units: _Units) -> list[Placed]:
    """The children of an element, none within another, in the order of the translation."""
    node, within = parent
    free, whole = units.within(within), units.source_words(node)
    taken: list[Range] = []
    placed: list[Placed] = []
    for child in node.children:
        if not child.is_mark:
            place = _stretch(child, Placed(node, within), units, free, whole, taken)
            taken.insert(bisect_left(taken, place), place)
            placed.append(Placed(child, place))
    last = within.start
    for child in node.children:
        if child.is_mark:
            last = max(last, _outside(units.beside(child.start, parent), taken))
            placed.append(Placed(child, Range(last, last)))
    order = {id(child): number for number, child in enumerate(node.children)}
    return sorted(placed, key=lambda one: (one.place.start, order[id(one.node)]))


def _outside(place: int, taken: Sequence[Range]) -> int:
    """The place, or the end of the stretch that it would cut."""
    number = bisect_left(taken, Range(place, -1)) - 1
    return max(place, taken[number].end) if number >= 0 else place


def _stretch(
    child: Node, parent: Placed, units: _Units, free: Range, whole: Range, taken: Sequence[Range]
) -> Range:
    """Where an element stands.

    Args:
        child: the element.
        parent: around it.
        units: of both texts.
        free: the units of the parent's stretch.
        whole: the words that the parent has in the source.
        taken: what its siblings have.
    """
    if child.is_copied and (copied := units.copy_of(child, parent, taken)):
        return copied
    if units.source_words(child) == whole and not taken:
        found = units.words_of(free)
    else:
        wanted = [unit for unit in units.linked(child) if free.start <= unit < free.end]
        wanted = [unit for unit in wanted if not _is_taken(units.places[unit], taken)]
        found = units.densest(wanted, taken) or Range(0, 0)
        if found.start == found.end and not child.is_copied and not units.linked(child):
            found = units.nearest_free(child, parent, free, taken)
    if found.start == found.end:
        place = _outside(units.beside(child.start, parent), taken)
        return Range(place, place)
    found = units.with_signs(child, found, free, taken)
    return Range(units.places[found.start].start, units.places[found.end - 1].end)


def _is_taken(place: Range, taken: Sequence[Range]) -> bool:
    number = bisect_right(taken, Range(place.start, 1 << 60)) - 1
    return number >= 0 and place.start < taken[number].end


class _Units:
    """The words and signs of a marked text and of its translation, and what links them."""

    def __init__(self, source: Marked, translation: str, links: Sequence[Link]) -> None:
        self._text, self._translation = source.text, translation
        edges = _edges(source.root)
        self._src = _cut(source.text, edges)
        self._src_starts = [unit.start for unit in self._src]
        self.places = _cut(translation, _matching_edges(edges, source.text, translation, links))
        self._starts = [unit.start for unit in self.places]
        self._is_word = [_is_word(translation, unit) for unit in self.places]
        self._to: list[set[int]] = [set() for _ in self._src]
        self._from: list[set[int]] = [set() for _ in self.places]
        for link in links:
            for src, tgt in self._pairs(link):
                self._to[src].add(tgt)
                self._from[tgt].add(src)

    def _pairs(self, link: Link) -> Iterator[tuple[int, int]]:
        """The units that a link links: each with each, or where they are as many, in their order."""
        src = _overlapping(self._src, self._src_starts, link.src)
        tgt = _overlapping(self.places, self._starts, link.tgt)
        if len(src) == len(tgt) or len(src) * len(tgt) > _MOST_PAIRS:
            longest = max(len(src), len(tgt))
            yield from (
                (src[i * len(src) // longest], tgt[i * len(tgt) // longest])
                for i in range(longest if src and tgt else 0)
            )
        else:
            yield from product(src, tgt)

    def within(self, place: Range) -> Range:
        """The units of the translation that stand in a stretch of it."""
        return Range(bisect_left(self._starts, place.start), bisect_left(self._starts, place.end))

    def words_of(self, units: Range) -> Range:
        """From the first word among the units to the last."""
        words = [unit for unit in range(*units) if self._is_word[unit]]
        return Range(words[0], words[-1] + 1) if words else Range(units.start, units.start)

    def source_words(self, node: Node) -> Range:
        """The words of the source that an element has: more than half of each, else those that it touches."""
        touched = _overlapping(self._src, self._src_starts, Range(node.start, node.end))
        mostly = [
            unit
            for unit in touched
            if 2 * (min(node.end, self._src[unit].end) - max(node.start, self._src[unit].start))
            > self._src[unit].end - self._src[unit].start
        ]
        words = [unit for unit in mostly or touched if _is_word(self._text, self._src[unit])]
        chosen = words or mostly or list(touched)
        return Range(chosen[0], chosen[-1] + 1) if chosen else Range(0, 0)

    def linked(self, node: Node) -> list[int]:
        """The units of the translation that come from an element, mostly if there are such."""
        own = self.source_words(node)
        found = sorted({tgt for src in range(*own) for tgt in self._to[src]})
        mostly = [
            unit
            for unit in found
            if 2 * sum(own.start <= src < own.end for src in self._from[unit]) >= len(self._from[unit])
        ]
        words = [unit for unit in mostly or found if self._is_word[unit]]
        has_word = any(_is_word(self._text, self._src[src]) for src in range(*own))
        return words if has_word else words or found

    def densest(self, wanted: Sequence[int], taken: Sequence[Range]) -> Range | None:
        """The stretch with most wanted units, less the other words in it; of equal ones the longest text."""
        best, best_value = None, (0, 0)
        first, value, length, before = 0, 0, 0, 0
        for unit in wanted:
            size = self.places[unit].end - self.places[unit].start
            if value and (cost := self._cost(before + 1, unit, value, taken)) < value:
                value, length = value - cost + 1, length + size
            else:
                first, value, length = unit, 1, size
            before = unit
            if (value, length) > best_value:
                best, best_value = Range(first, unit + 1), (value, length)
        return best

    def _cost(self, start: int, end: int, most: int, taken: Sequence[Range]) -> int:
        """How many words stand between, up to `most`; `most` where a sibling does."""
        count = 0
        for unit in range(start, end):
            if _is_taken(self.places[unit], taken):
                return most
            count += self._is_word[unit]
            if count >= most:
                return most
        return count

    def copy_of(self, child: Node, parent: Placed, taken: Sequence[Range]) -> Range | None:
        """Where the translation has the text of an element as it is, nearest to where it would stand."""
        text, about = self._text[child.start : child.end], self.beside(child.start, parent)
        found = [
            Range(*match.span())
            for match in re.finditer(rf"(?<!\w){re.escape(text)}(?!\w)", self._translation)
            if parent.place.start <= match.start() and match.end() <= parent.place.end
        ]
        free = [place for place in found if not any(_overlap(place, other) for other in taken)]
        return min(free, key=lambda place: abs(place.start - about), default=None)

    def nearest_free(self, child: Node, parent: Placed, free: Range, taken: Sequence[Range]) -> Range:
        """The free word nearest to where an element would stand that nothing is linked with."""
        place = self.beside(child.start, parent)
        start = min(max(bisect_left(self._starts, place), free.start), max(free.end - 1, free.start))
        for far in range(free.end - free.start + 1):
            for unit in (start + far, start - far):
                if (
                    free.start <= unit < free.end
                    and self._is_word[unit]
                    and not _is_taken(self.places[unit], taken)
                ):
                    return Range(unit, unit + 1)
        return Range(start, start)

    def with_signs(self, child: Node, found: Range, free: Range, taken: Sequence[Range]) -> Range:
        """The stretch with the signs at its edges, of which the source's element has some there, too."""
        start, end = found
        own = _overlapping(self._src, self._src_starts, Range(child.start, child.end))
        is_sign = [not _is_word(self._text, self._src[unit]) for unit in own]
        for _ in takewhile(bool, is_sign):
            if start > free.start and self._is_sign_at(start - 1, start, taken):
                start -= 1
        for _ in takewhile(bool, reversed(is_sign)):
            if end < free.end and self._is_sign_at(end, end - 1, taken):
                end += 1
        return Range(start, end)

    def _is_sign_at(self, unit: int, other: int, taken: Sequence[Range]) -> bool:
        """Whether a unit is a sign that touches another unit."""
        one, two = sorted((self.places[unit], self.places[other]))
        return not self._is_word[unit] and one.end == two.start and not _is_taken(self.places[unit], taken)

    def beside(self, place: int, placed: Placed) -> int:
        """Where in the parent's stretch of the translation a mark stands that stood there in the source."""
        parent, within = placed
        own = _overlapping(self._src, self._src_starts, Range(parent.start, parent.end))
        if not own or place <= self._src[own[0]].start:
            return within.start
        if place >= self._src[own[-1]].end:
            return within.end
        behind = bisect_left(self._src_starts, place)
        after_space = self._text[place - 1].isspace()
        order = [(behind, False), (behind - 1, True)]
        for unit, at_end in order if after_space else order[::-1]:
            ends = [
                self.places[tgt].end if at_end else self.places[tgt].start
                for tgt in self._to[unit]
                if within.start <= self.places[tgt].start < within.end
            ]
            if ends:
                return max(ends) if at_end else min(ends)
        share = (place - parent.start) / max(parent.end - parent.start, 1)
        about = within.start + round(share * (within.end - within.start))
        number = bisect_left(self._starts, about)
        return min(self._starts[number], within.end) if number < len(self._starts) else within.end


def _overlap(one: Range, other: Range) -> bool:
    return one.start < other.end and other.start < one.end


def _is_word(text: str, unit: Range) -> bool:
    return text[unit.start].isalnum() or text[unit.start] == "_"


def _edges(root: Node) -> list[int]:
    """Where nodes begin or end."""
    found, nodes = set[int](), [root]
    while nodes:
        node = nodes.pop()
        found.update((node.start, node.end))
        nodes += node.children
    return sorted(found)


def _cut(text: str, edges: Sequence[int]) -> list[Range]:
    """The units of a text; one that an edge is within is cut there."""
    units = []
    for match in _UNIT.finditer(text):
        first, last = bisect_right(edges, match.start()), bisect_left(edges, match.end())
        stops = [match.start(), *edges[first:last], match.end()]
        units += [Range(start, end) for start, end in pairwise(stops)]
    return units


def _matching_edges(edges: Sequence[int], text: str, translation: str, links: Sequence[Link]) -> list[int]:
    """Edges within words that the translation has as they are, as in H₂O with its 2 marked."""
    found: list[int] = []
    words = list(_UNIT.finditer(translation))
    starts = [word.start() for word in words]
    by_source = sorted(links)
    sources = [link.src.start for link in by_source]
    for match in _UNIT.finditer(text):
        inside = edges[bisect_right(edges, match.start()) : bisect_left(edges, match.end())]
        if not inside:
            continue
        for link in by_source[bisect_left(sources, match.start()) : bisect_left(sources, match.end())]:
            number = bisect_right(starts, link.tgt.start) - 1
            if number >= 0 and words[number][0] == match[0]:
                found += [starts[number] + edge - match.start() for edge in inside]
    return sorted(set(found))


def _overlapping(units: Sequence[Range], starts: Sequence[int], place: Range) -> range:
    """The numbers of the units that share a character with a stretch."""
    first = max(bisect_right(starts, place.start) - 1, 0)
    while first < len(units) and units[first].end <= place.start:
        first += 1
    last = bisect_left(starts, place.end)
    return range(first, max(first, last))
