"""Translators that need no model: what they write, and what each word comes from, is known exactly."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from onepass.runtime.alignment import Link
from onepass.runtime.text_translator import Translation
from onepass.text.segmentation import Range


class Reversing:
    """Writes the words of a text from the last to the first, in capitals unless told otherwise.

    Attributes:
        seen: the texts that it was given.
    """

    def __init__(self, write: Callable[[str], str] = str.upper) -> None:
        self.seen: list[str] = []
        self._write = write

    def translate(self, lines: Iterable[str], *, alignment: bool = False) -> list[Translation]:
        return [self._translate(line) for line in lines]

    def _translate(self, line: str) -> Translation:
        self.seen.append(line)
        text, links = "", []
        for word in reversed(list(re.finditer(r"\S+", line))):
            text += " " if text else ""
            written = self._write(word[0])
            links.append(Link(Range(*word.span()), Range(len(text), len(text) + len(written))))
            text += written
        return Translation(text, (), (), None, 0.0, links=tuple(links))


class Repeating:
    """Writes what it is given."""

    def translate(self, lines: Iterable[str], *, alignment: bool = False) -> list[Translation]:
        return [Translation(line, (), (), None, 0.0, links=()) for line in lines]


class Worded:
    """Writes given words, in their order, each with the numbers of the source words that it comes from."""

    def __init__(self, *words: tuple[str, tuple[int, ...]]) -> None:
        self._words = words

    def translate(self, lines: Iterable[str], *, alignment: bool = False) -> list[Translation]:
        [line] = lines
        places = [Range(*word.span()) for word in re.finditer(r"\S+", line)]
        text, links = "", []
        for word, sources in self._words:
            text += " " if text else ""
            links += [Link(places[source], Range(len(text), len(text) + len(word))) for source in sources]
            text += word
        return [Translation(text, (), (), None, 0.0, links=tuple(links))]
