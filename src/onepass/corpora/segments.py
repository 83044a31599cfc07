"""Segments: the dev and test files of WMT and IWSLT (`.sgm`, `.xml`), which are small and read whole.

Their `<seg>` elements are found by pattern: the older files are SGML, where `&` may stand for itself,
and no XML parser reads them.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise, zip_longest
from pathlib import Path
from typing import NamedTuple

from onepass.errors import DataError
from onepass.text.lines import numbered_lines, one_line
from onepass.text.pair import Pair

_START = re.compile(r"<seg\b", re.IGNORECASE)
_SEGMENT = re.compile(r"<seg\b([^>]*)>(.*?)</seg\s*>", re.IGNORECASE | re.DOTALL)
_ID = re.compile(r"\bid\s*=\s*[\"']?([^\"'\s>]+)", re.IGNORECASE)
_ENTITY = re.compile(r"&(?:#\d+|#[xX][0-9a-fA-F]+|\w+);")
_DOCUMENT = re.compile(r"<doc\b[^>]*>.*?</doc\s*>", re.DOTALL)
_LANGUAGE = re.compile(r"<(src|ref)\b[^>]*\blang\s*=\s*[\"']([^\"']*)[\"'][^>]*>.*?</\1\s*>", re.DOTALL)


class _Segment(NamedTuple):
    place: int
    name: str
    text: str


@dataclass
class _Side:
    """One language: where its segments are from, and they."""

    path: Path
    content: str
    segments: list[_Segment] = field(default_factory=list)

    def where(self, place: int) -> str:
        return f"{self.path}, line {self.content.count(chr(10), 0, place) + 1}"

    def add(self, start: int, end: int) -> None:
        """Adds the segments of a part of the content."""
        starts = [match.start() for match in _START.finditer(self.content, start, end)]
        for place, next_place in pairwise([*starts, end]):
            match = _SEGMENT.match(self.content, place, next_place)
            if match is None:
                raise DataError(
                    "A <seg> has no </seg>", where=self.where(place), fix="copy or download the file again"
                )
            name = _ID.search(match[1])
            text = _ENTITY.sub(lambda entity: html.unescape(entity[0]), match[2])
            self.segments.append(_Segment(place, name[1] if name else "", one_line(text)))


def read_two_files(src_path: Path, tgt_path: Path) -> Iterator[Pair]:
    """The pairs of a source file and its reference file.

    Raises:
        DataError: a file is damaged, or the two do not have the same segments.
    """
    sides = [_Side(path, _content(path)) for path in (src_path, tgt_path)]
    for side in sides:
        side.add(0, len(side.content))
    return _paired(*sides)


def read_one_file(path: Path, *, src: str, tgt: str) -> Iterator[Pair]:
    """The pairs of WMT's newer form: each document holds a source and one or more references.

    The first reference in the target language is read.

    Raises:
        DataError: the file is damaged or lacks a language, or both sides do not have the same segments.
    """
    content = _content(path)
    sides = {("src", src): _Side(path, content), ("ref", tgt): _Side(path, content)}
    for document in _DOCUMENT.finditer(content):
        missing = dict(sides)
        for block in _LANGUAGE.finditer(content, *document.span()):
            side = missing.pop((block[1], block[2]), None)
            if side is not None:
                side.add(*block.span())
    return _paired(*sides.values())


def _content(path: Path) -> str:
    return "\n".join(line.text for line in numbered_lines(path))


def _paired(src: _Side, tgt: _Side) -> Iterator[Pair]:
    for side, what in ((src, "source"), (tgt, "target")):
        if not side.segments:
            raise DataError(
                f"There are no <seg> elements in the {what} language",
                where=side.path,
                fix="check that it is a WMT or IWSLT file of this language pair",
            )
    for src_segment, tgt_segment in zip_longest(src.segments, tgt.segments):
        if src_segment is None or tgt_segment is None or src_segment.name != tgt_segment.name:
            here, segment = (tgt, tgt_segment) if tgt_segment else (src, src_segment)
            raise DataError(
                f"The two sides do not have the same segments: {len(src.segments):,} in the source, "
                f"{len(tgt.segments):,} in the reference, and here is the first difference",
                where=here.where(segment.place),
                value=f"id {segment.name}: {segment.text[:80]}",
                fix="check that both sides are complete and belong together",
            )
        yield Pair(src_segment.text, tgt_segment.text)
