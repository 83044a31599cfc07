"""HTML and XML as tokens with their places: joined they are the page, however broken it is.

The reader builds no document, since writing a document anew changes quotes, entities and broken tags. What is
no complete tag is text, as browsers have it. No entity is expanded but those of HTML, nothing is fetched, and
the time is linear in the page.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum
from typing import NamedTuple

_VOID_NAMES = (
    "area base basefont bgsound br col embed frame hr img input keygen link meta param source track wbr"
)
VOID = frozenset(_VOID_NAMES.split())
"""Elements without an end."""
_RAW = frozenset(("script", "style", "textarea", "xmp", "iframe", "noembed", "noframes"))
"""Elements that have no elements in them, whatever they look like."""
_ESCAPABLE_RAW = "title"
"""The same, but its text is text."""
_TAG = re.compile(
    r"</?(?P<name>[A-Za-z][^\s/>]*+)"
    r"(?:[\s/]++|[^\s/>=]++(?:\s*+=\s*+(?:\"[^\"]*+\"|'[^']*+'|[^\s\"'>][^\s>]*+|(?=>)))?+|=)*+>"
)
_MOST_FAILURES = 20
"""Beginnings of tags without an end that are looked at; what follows is text."""


class Kind(Enum):
    """What a token is."""

    TEXT = "text"
    OPEN = "open"
    CLOSE = "close"
    VOID = "void"
    """A tag that has no end: `<br>`, `<x/>`."""
    OTHER = "other"
    """Comments, declarations, processing instructions, CDATA, scripts."""


class Token(NamedTuple):
    """A stretch of a page; `name`: of a tag, in small letters."""

    kind: Kind
    raw: str
    name: str = ""


def tokens(page: str) -> Iterator[Token]:
    """The tokens of a page, in order."""
    scanner = _Scanner(page)
    start = at = 0
    while (at := page.find("<", at)) >= 0:
        token = scanner.at(at)
        if token is None:
            at += 1
            continue
        if start < at:
            yield Token(Kind.TEXT, page[start:at])
        yield token
        start = at = at + len(token.raw)
        if token.kind is Kind.OPEN and (token.name in _RAW or token.name == _ESCAPABLE_RAW):
            stop = scanner.end_of_raw(token.name, at)
            if stop > at:
                yield Token(Kind.TEXT if token.name == _ESCAPABLE_RAW else Kind.OTHER, page[at:stop])
            start = at = stop
    if start < len(page):
        yield Token(Kind.TEXT, page[start:])


class _Scanner:
    """Finds where tokens end; what it has not found once it does not look for again."""

    def __init__(self, page: str) -> None:
        self._page = page
        self._missing: set[str] = set()
        self._failures = 0

    def at(self, at: int) -> Token | None:
        """The token that begins with this `<`; None where it is text."""
        page = self._page
        following = page[at + 1 : at + 2]
        if following == "!":
            return self._declaration(at)
        if following == "?":
            end = self._end("?>" if page.startswith(("<?php", "<?="), at) else ">", at)
            return None if end is None else Token(Kind.OTHER, page[at:end])
        if not (following.isascii() and following.isalpha()) and following != "/":
            return None
        if self._failures >= _MOST_FAILURES or self._end(">", at) is None:
            return None
        match = _TAG.match(page, at)
        if match is None:
            self._failures += following != "/" or page[at + 2 : at + 3].isalpha()
            return None
        name = match["name"].lower()
        if following == "/":
            return Token(Kind.CLOSE, match[0], name)
        is_void = name in VOID or match[0].endswith("/>")
        return Token(Kind.VOID if is_void else Kind.OPEN, match[0], name)

    def _declaration(self, at: int) -> Token | None:
        page = self._page
        if page.startswith("<!--", at):
            short = next((mark for mark in ("<!-->", "<!--->") if page.startswith(mark, at)), "")
            end = at + len(short) if short else self._end("-->", at + 4)
        elif page.startswith("<![CDATA[", at):
            end = self._end("]]>", at)
        elif not page[at + 2 : at + 3].isalpha():
            return None
        else:
            end = self._end(">", at)
            bracket = page.find("[", at, end)
            if bracket >= 0:  # declarations within a declaration
                end = self._end("]>", bracket) or end
        return None if end is None else Token(Kind.OTHER, page[at:end])

    def _end(self, mark: str, at: int) -> int | None:
        if mark in self._missing:
            return None
        found = self._page.find(mark, at)
        if found < 0:
            self._missing.add(mark)
            return None
        return found + len(mark)

    def end_of_raw(self, name: str, at: int) -> int:
        """Where the end tag of an element begins that has no elements in it; else the end of the page."""
        if name in self._missing:
            return len(self._page)
        end = re.compile(rf"</{re.escape(name)}(?=[\s/>])", re.IGNORECASE).search(self._page, at)
        if end is None:
            self._missing.add(name)
            return len(self._page)
        return end.start()
