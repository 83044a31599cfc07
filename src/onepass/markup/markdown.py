"""Markdown: paragraphs, headings, list items and cells are translated, and the rest stays byte for byte.

markdown-it finds the blocks, as CommonMark and GitHub have them. Emphasis, links and inline HTML go with
their words. A paragraph that was wrapped comes back as one line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

from markdown_it import MarkdownIt
from markdown_it.token import Token

from onepass.markup.marked import Close, Copied, Mark, Open, Piece
from onepass.markup.passages import Aligns, Passage, translated
from onepass.markup.tags import Kind, tokens
from onepass.text.segmentation import Range

_FRONT_MATTER = re.compile(r"---[ \t]*\n[\s\S]*?\n(?:---|\.\.\.)[ \t]*(?:\n|\Z)")
_LINE = re.compile(r"[^\n]*\n|[^\n]+\Z")
_INLINE = re.compile(
    r"(?P<escape>\\[!-/:-@\[-`{-~])"
    r"|(?P<code>(?<!`)(?P<ticks>`{1,20})(?!`)[\s\S]{1,2000}?(?<!`)(?P=ticks)(?!`))"
    r"|(?P<auto><[A-Za-z][A-Za-z0-9+.-]{1,31}:[^\s<>]*>|<[^\s<>@]{1,64}@[^\s<>]{1,255}>)"
    r"|(?P<tag></?[A-Za-z][^<>]{0,1000}>|<!--[\s\S]{0,1000}?-->)"
    r"|(?P<image>!\[)"
    r"|(?P<link>\[)"
    r"|(?P<end>\](?:\([^()\n]{0,1000}(?:\([^()\n]{0,200}\)[^()\n]{0,1000})?\)|\[[^\]\n]{0,200}\])?)"
    r"|(?P<emphasis>\*{1,3}|_{1,3}|~~)"
)
_TASK = re.compile(r"\[[ xX]\][ \t]+")
_BREAK = re.compile(r"(?: {2,}|\\)\n")


def translate_markdown(translator: Aligns, text: str) -> str:
    """Translates the text of a Markdown document.

    Raises:
        UsageError: the model does not say where its words come from.
    """
    return translated(translator, _parts(text))


def _parts(text: str) -> Iterator[str | Passage]:
    front = _FRONT_MATTER.match(text)
    if front:
        yield front[0]
        text = text[front.end() :]
    lines = _LINE.findall(text)
    parser = MarkdownIt("commonmark").enable("table")
    at = 0
    for first, last, contents in _blocks(parser.parse(text.replace("\r\n", "\n"))):
        if first < at:
            continue
        yield "".join(lines[at:first])
        yield from _block("".join(lines[first:last]), contents)
        at = last
    yield "".join(lines[at:])


class _Block(NamedTuple):
    """Lines from `first` to before `last`, and the texts in them: several where they are a row's cells."""

    first: int
    last: int
    contents: list[str]


def _blocks(found: Sequence[Token]) -> Iterator[_Block]:
    texts = [token for token in found if token.type == "inline" and token.map is not None]
    for (first, last), group in groupby(texts, key=_lines):
        yield _Block(first, last, [token.content for token in group])


def _lines(token: Token) -> Range:
    return Range(*(token.map or (0, 0)))


def _block(raw: str, contents: Sequence[str]) -> Iterator[str | Passage]:
    """What stands around the texts of some lines, and these."""
    at = 0
    for content in contents:
        # Each line of a text is in the source, behind marks of lists and quotations.
        lines = [line.strip() for line in content.split("\n")]
        start = end = at
        for number, line in enumerate(lines):
            place = raw.find(line, end)
            if place < 0:
                yield raw[at:]
                return
            start = place if number == 0 else start
            end = place + len(line)
        yield raw[at:start]
        yield from _sentences(raw[start:end], content)
        at = end
    yield raw[at:]


def _sentences(raw: str, content: str) -> Iterator[str | Passage]:
    """A text without the box of a task, cut at its hard breaks where the source has it as it is."""
    if task := _TASK.match(raw):
        yield task[0]
        raw, content = raw[task.end() :], content[task.end() :]
    if raw != content:
        yield Passage(raw, list(_pieces(content)))
        return
    at = 0
    for match in _BREAK.finditer(raw):
        yield Passage(raw[at : match.start()], list(_pieces(raw[at : match.start()])))
        yield match[0]
        at = match.end()
    yield Passage(raw[at:], list(_pieces(raw[at:])))


def _pieces(text: str) -> Iterator[Piece]:
    """The text and the marks of a paragraph."""
    found = list(_INLINE.finditer(text))
    brackets = _link_brackets(found)
    opened: list[str] = []
    at = 0
    for match in found:
        piece = _piece(text, match, opened, match.start() in brackets)
        if piece is None:
            continue
        if at < match.start():
            yield text[at : match.start()]
        yield piece
        at = match.end()
    if at < len(text):
        yield text[at:]


def _link_brackets(found: Sequence[re.Match[str]]) -> set[int]:
    """Where the brackets of links and images stand; those without an address are text."""
    opened: list[int] = []
    links = set[int]()
    for match in found:
        if match.lastgroup in ("image", "link"):
            opened.append(match.start())
        elif match.lastgroup == "end" and opened:
            start = opened.pop()
            if match[0] != "]":
                links.update((start, match.start()))
    return links


def _piece(text: str, match: re.Match[str], opened: list[str], is_link: bool) -> Piece | None:
    """The mark that a match is; None where it is text."""
    raw, kind = match[0], match.lastgroup
    if kind == "code":
        return Copied(raw, raw.strip("` "))
    if kind == "auto":
        return Copied(raw, raw[1:-1])
    if kind == "tag":
        return _tag(raw)
    if kind in ("image", "link"):
        return Open(raw, "[") if is_link else None
    if kind == "end":
        return Close(raw, "[") if is_link else None
    return _emphasis(text, match, opened) if kind == "emphasis" else None


def _tag(raw: str) -> Piece:
    [token, *_] = tokens(raw)
    if token.kind is Kind.OPEN:
        return Open(raw, token.name)
    return Close(raw, token.name) if token.kind is Kind.CLOSE else Mark(raw)


def _emphasis(text: str, match: re.Match[str], opened: list[str]) -> Piece | None:
    """Stars, underscores or tildes, where they begin or end an emphasis."""
    raw = match[0]
    before, after = text[: match.start()][-1:], text[match.end() :][:1]
    inside_word = before.isalnum() and after.isalnum()
    if raw in opened and before and not before.isspace() and not (raw[0] == "_" and after.isalnum()):
        opened.remove(raw)
        return Close(raw, raw)
    if after and not after.isspace() and not (raw[0] == "_" and inside_word):
        if text.find(raw, match.end()) < 0:
            return None
        opened.append(raw)
        return Open(raw, raw)
    return None
