"""A text with inline marks, read as a tree: whole sentences for the model, and the marks beside them.

The marks are pieces of any format's mark-up: of HTML tags, of Markdown stars, of DOCX runs. What is no pair
stays a mark at a place: a tag without its other half, crossed tags, a comment, an empty element.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

DEEPEST = 100
"""Elements within each other; the tags of deeper ones are marks."""


class Open(NamedTuple):
    """What begins an element; a `Close` of the same name ends it."""

    raw: str
    name: str


class Close(NamedTuple):
    """What ends an element."""

    raw: str
    name: str


class Mark(NamedTuple):
    """What has no end of its own."""

    raw: str


class Copied(NamedTuple):
    """What is copied as it is, with the text that stands for it in the sentence."""

    raw: str
    text: str


Piece = str | Open | Close | Mark | Copied
"""Of a marked text; a `str` is to be translated."""


@dataclass(eq=False)
class Node:
    """An element, or a mark where it has no text; the root is the whole text.

    Attributes:
        start, end: its place in the text.
        raw: what it begins with; of a mark or of what is copied all of it.
        close: what it ends with.
        children: in order.
        is_mark: it has no text.
        is_copied: its raw stands for whatever its text becomes.
    """

    start: int
    end: int
    raw: str = ""
    close: str = ""
    children: list[Node] = field(default_factory=list)
    is_mark: bool = False
    is_copied: bool = False

    def source(self) -> Iterator[str]:
        """What it is in the source, where it has no text to translate."""
        yield self.raw
        for child in self.children:
            yield from child.source()
        yield self.close


@dataclass(frozen=True)
class Marked:
    """A text and the tree of its marks."""

    text: str
    root: Node


@dataclass(eq=False)
class _Opened:
    node: Node
    name: str
    is_flat: bool  # too deep: its tags are marks


def marked(pieces: Iterable[Piece]) -> Marked:
    """Reads the pieces of a text in their order."""
    root = Node(0, 0)
    stack = [_Opened(root, "", False)]
    texts: list[str] = []
    at = 0
    for piece in pieces:
        inner = _innermost(stack)
        match piece:
            case str():
                texts.append(piece)
                at += len(piece)
            case Copied(raw, text):
                texts.append(text)
                copied = Node(at, at + len(text), raw, is_mark=not text, is_copied=bool(text))
                inner.children.append(copied)
                at += len(text)
            case Mark(raw):
                inner.children.append(Node(at, at, raw, is_mark=True))
            case Open(raw, name):
                node = Node(at, at, raw)
                is_flat = len(stack) > DEEPEST
                if is_flat:
                    node.is_mark = True
                inner.children.append(node)
                stack.append(_Opened(node, name, is_flat))
            case Close(raw, name):
                _close(stack, raw, name, at)
    while len(stack) > 1:
        _dissolve(stack)
    root.end = at
    return Marked("".join(texts), root)


def _innermost(stack: list[_Opened]) -> Node:
    return next(opened.node for opened in reversed(stack) if not opened.is_flat)


def _close(stack: list[_Opened], raw: str, name: str, at: int) -> None:
    if all(opened.name != name for opened in stack[1:]):
        _innermost(stack).children.append(Node(at, at, raw, is_mark=True))
        return
    while stack[-1].name != name:
        _dissolve(stack)
    opened = stack.pop()
    if opened.is_flat:
        _innermost(stack).children.append(Node(at, at, raw, is_mark=True))
        return
    node = opened.node
    node.end, node.close = at, raw
    if node.start == node.end:
        node.raw, node.close = "".join(node.source()), ""
        node.children, node.is_mark = [], True


def _dissolve(stack: list[_Opened]) -> None:
    """The innermost element has no end: its tag is a mark, and what it holds is its parent's."""
    opened = stack.pop()
    if opened.is_flat:
        return
    node = opened.node
    outer = _innermost(stack).children
    outer.extend(node.children)
    node.children, node.is_mark = [], True
