"""Passages of a document: each is translated as a whole, all of a document together.

What a passage looks like when nothing in it was translated is known from the start, so it comes back byte for
byte. White space at its edges stays as well.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from onepass.errors import UsageError
from onepass.markup.marked import Copied, Mark, Piece, marked
from onepass.markup.placing import with_marks
from onepass.runtime.text_translator import Translation
from onepass.text.validity import has_letters

_SPACE = re.compile(r"[ \t\n\r\f]+")


class Aligns(Protocol):
    """Whatever translates lines and says where its words come from."""

    def translate(self, lines: Iterable[str], *, alignment: bool = False) -> list[Translation]: ...


class Passage:
    """A marked text that is translated as a whole.

    Args:
        raw: what it is in the document.
        pieces: its text and its marks, in order.
        encode: makes text of the format out of plain text.
        joins_lines: white space in it is one space each; else lines stay, and a line end ends a sentence.

    Attributes:
        text: what is to be translated; empty where nothing is.
        has_marks: within its text, so that its translation needs an alignment.
    """

    def __init__(
        self,
        raw: str,
        pieces: Sequence[Piece],
        encode: Callable[[str], str] = str,
        *,
        joins_lines: bool = True,
    ) -> None:
        self._raw, self._encode = raw, encode
        middle = list(pieces)
        self._before, self._after = _edge(middle, 0), _edge(middle, -1)[::-1]
        self._before += [_cut_edge(middle, 0, str.lstrip)]
        self._after = [_cut_edge(middle, -1, str.rstrip), *self._after]
        self._marked = marked(_with_single_spaces(middle) if joins_lines else middle)
        translatable = any(isinstance(piece, str) and has_letters(piece) for piece in middle)
        self.text = self._marked.text if translatable else ""
        self.has_marks = bool(self._marked.root.children)

    def written(self, translation: Translation | None) -> str:
        """The passage in the document's format; as it was where nothing was translated."""
        if translation is None or translation.text == self._marked.text:
            return self._raw
        if translation.links is None and self.has_marks:
            raise UsageError("The translator does not say where its words come from")
        text = with_marks(self._marked, translation.text, translation.links or (), self._encode)
        return "".join([*self._before, self.finished(text), *self._after])

    def finished(self, text: str) -> str:
        """The translation with its marks, as the format has it."""
        return text


def translated(translator: Aligns, parts: Iterable[str | Passage]) -> str:
    """A document with its passages translated, all together."""
    listed = list(parts)
    passages = [part for part in listed if isinstance(part, Passage) and part.text]
    texts, has_marks = [part.text for part in passages], any(part.has_marks for part in passages)
    found = iter(translator.translate(texts, alignment=has_marks) if texts else [])
    return "".join(
        part if isinstance(part, str) else part.written(next(found) if part.text else None) for part in listed
    )


def _edge(pieces: list[Piece], end: int) -> list[str]:
    """Takes marks and white space off an end."""
    taken = []
    while pieces:
        match pieces[end]:
            case str() as text if not text.strip():
                taken.append(text)
            case Mark(raw) | Copied(raw, ""):
                taken.append(raw)
            case _:
                break
        del pieces[end]
    return taken


def _cut_edge(pieces: list[Piece], end: int, strip: Callable[[str], str]) -> str:
    """Takes the white space at an end of the first or last text."""
    order = range(len(pieces)) if end == 0 else range(len(pieces) - 1, -1, -1)
    taken: list[str] = []
    for number in order:
        piece = pieces[number]
        if isinstance(piece, Copied):
            break
        if not isinstance(piece, str):
            continue
        kept = strip(piece)
        pieces[number] = kept
        taken.append(piece[: len(piece) - len(kept)] if end == 0 else piece[len(kept) :])
        if kept:
            break
    return "".join(taken if end == 0 else taken[::-1])


def _with_single_spaces(pieces: Iterable[Piece]) -> Iterable[Piece]:
    """The pieces with one space for white space, also where it is on both sides of a tag."""
    ended = False
    for piece in pieces:
        if isinstance(piece, str):
            text = _SPACE.sub(" ", piece)
            text = text[1:] if ended and text.startswith(" ") else text
            ended = text.endswith(" ") if text else ended
            yield text
        else:
            if isinstance(piece, Copied):
                ended = False
            yield piece
