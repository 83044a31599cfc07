"""HTML and XML: whole sentences are translated, and all that is not text comes back byte for byte.

Inline elements go with the words that their words became (`onepass.markup.placing`). Any other element ends a
sentence, also one that nobody knows.
"""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from html.entities import html5
from typing import NamedTuple

from onepass.markup.marked import Close, Copied, Mark, Open, Piece
from onepass.markup.passages import Aligns, Passage, translated
from onepass.markup.tags import Kind, Token, tokens

_NAMES = {
    "inline": (
        "a abbr acronym b bdi bdo big cite data del dfn em font i ins label mark q rb rp rt ruby s small "
        "span strike strong sub sup time tt u wbr"
    ),
    "copied": "code kbd math pre samp script style svg textarea var",
    "copied within a sentence": "code kbd math samp svg var",
    "unseen": "script style",
}
INLINE = frozenset(_NAMES["inline"].split())
"""Elements that are part of a sentence."""
COPIED = frozenset(_NAMES["copied"].split())
"""Elements that are copied as they are, unless told otherwise."""
_WITHIN_SENTENCE = INLINE | frozenset(_NAMES["copied within a sentence"].split())
_UNSEEN = frozenset(_NAMES["unseen"].split())
ATTRIBUTES = ("title", "alt", "placeholder", "aria-label", "content")
"""Attributes that may be translated; `content` is that of a `<meta>` that describes the page."""
_DESCRIBING = ("description", "keywords", "title", "og:title", "og:description")
_ATTRIBUTE = re.compile(r"(?<=[\s/\"'])([^\s/>=\"']++)(\s*+=\s*+)(\"[^\"]*+\"|'[^']*+'|[^\s\"'>][^\s>]*+)")
_NO = re.compile(r"(?:^|\s)notranslate(?:\s|$)")
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z_:][A-Za-z0-9_.:-]{0,63});")
_INVISIBLE = ("\u00a0", "\u00ad", "\u200b", "\u200c", "\u200d")
_SPACE = re.compile(r"[ \t\n\r\f]+")
_MOST_TAGS = 2000
"""Of a sentence or paragraph; one with more is translated text by text."""


def translate_html(
    translator: Aligns, page: str, *, attributes: Collection[str] = (), copied: Collection[str] = COPIED
) -> str:
    """Translates the text of any HTML or XML, of a page or of a fragment.

    Args:
        translator: made by `Translator.load`.
        page: the mark-up.
        attributes: those whose values are translated, of `ATTRIBUTES` or others [none].
        copied: elements that stay as they are, in small letters.

    Raises:
        UsageError: the model does not say where its words come from.
    """
    found = list(tokens(page))
    if attributes:
        found = _with_attributes(translator, found, frozenset(attributes))
    text = translated(translator, _Reader(found, frozenset(copied), _MOST_TAGS).parts())
    if _marks(tokens(text)) == _marks(found):
        return text
    # Half a tag within what is copied has become a whole one: then no tag leaves its place.
    return translated(translator, _Reader(found, frozenset(copied), 1).parts())


def _marks(found: Iterable[Token]) -> Counter[str]:
    return Counter(token.raw for token in found if token.kind is not Kind.TEXT)


def encoded(text: str) -> str:
    """Plain text as HTML or XML."""
    return html.escape(text, quote=False).replace("\u00a0", "&#160;")


class _State(NamedTuple):
    """How text is read: whether it is translated, and whether its lines are joined."""

    is_translated: bool = True
    joins_lines: bool = True


class _Scope(NamedTuple):
    """An element in which text is read otherwise: the number of its last token, and the state behind it."""

    last: int
    behind: _State


class _Reader:
    """Cuts a page into passages and what lies between them.

    Args:
        found: the tokens.
        copied: elements that stay as they are.
        most: tokens of a passage; one with more is translated text by text.
    """

    def __init__(self, found: Sequence[Token], copied: Collection[str], most: int) -> None:
        self._tokens, self._copied, self._most = found, copied, most
        self._ends = _ends(found)
        self._state, self._scopes = _State(), list[_Scope]()
        self._waiting: list[Token] = []  # of a passage
        self._pieces: list[Piece] = []

    def parts(self) -> Iterator[str | Passage]:
        """What is copied, and the passages."""
        number = 0
        while number < len(self._tokens):
            token, last = self._tokens[number], number
            if self._state.is_translated and self._is_within_sentence(token):
                last = self._add_copied(number)
            elif self._state.is_translated and self._is_part(token):
                self._add(token)
            else:
                yield from self._passage()
                yield token.raw
                self._enter(token, number)
            while self._scopes and self._scopes[-1].last <= last:
                yield from self._passage()
                self._state = self._scopes.pop().behind
            number = last + 1
        yield from self._passage()

    def _is_within_sentence(self, token: Token) -> bool:
        """Whether it begins an element that is copied and does not end a sentence."""
        return self._is_copied(token) and token.name in _WITHIN_SENTENCE | _UNSEEN

    def _is_part(self, token: Token) -> bool:
        """Whether a token is part of a sentence."""
        return token.kind in (Kind.TEXT, Kind.OTHER) or (token.name in INLINE and not self._is_copied(token))

    def _enter(self, token: Token, number: int) -> None:
        """Reads on as the element that begins here has it."""
        state = self._state
        if token.kind is not Kind.OPEN:
            return
        if state.is_translated and self._is_copied(token):
            state = state._replace(is_translated=False)
        elif not state.is_translated and _says(token, "translate") in ("yes", ""):
            state = state._replace(is_translated=True)
        if token.name == "pre":
            state = state._replace(joins_lines=False)
        if state != self._state:
            self._scopes.append(_Scope(self._last(number), self._state))
            self._state = state

    def _add(self, token: Token) -> None:
        self._waiting.append(token)
        match token.kind:
            case Kind.TEXT:
                self._pieces += _text_pieces(token.raw)
            case Kind.OPEN:
                self._pieces.append(Open(token.raw, token.name))
            case Kind.CLOSE:
                self._pieces.append(Close(token.raw, token.name))
            case _:
                self._pieces.append(Mark(token.raw))

    def _add_copied(self, number: int) -> int:
        """Adds an element that is copied; the number of its last token."""
        last = self._last(number)
        found = self._tokens[number : last + 1]
        raw = "".join(token.raw for token in found)
        text = "" if found[0].name in _UNSEEN else _plain(found)
        self._waiting.append(Token(Kind.OTHER, raw))
        self._pieces.append(Copied(raw, text))
        return last

    def _passage(self) -> Iterator[str | Passage]:
        waiting, pieces = self._waiting, self._pieces
        self._waiting, self._pieces = [], []
        if not waiting:
            return
        if len(waiting) <= self._most:
            raw = "".join(token.raw for token in waiting)
            yield Passage(raw, pieces, encoded, joins_lines=self._state.joins_lines)
            return
        for token in waiting:
            is_text = token.kind is Kind.TEXT
            yield Passage(token.raw, list(_text_pieces(token.raw)), encoded) if is_text else token.raw

    def _is_copied(self, token: Token) -> bool:
        if token.kind is not Kind.OPEN:
            return False
        if token.name in self._copied:
            return True
        return "translate" in token.raw.lower() and (
            _says(token, "translate") == "no" or _NO.search(_says(token, "class") or "") is not None
        )

    def _last(self, number: int) -> int:
        """The token that ends an element; without one what is inline in it, too."""
        if number in self._ends:
            return self._ends[number]
        last = number
        while last + 1 < len(self._tokens):
            token = self._tokens[last + 1]
            is_tag = token.kind in (Kind.OPEN, Kind.CLOSE, Kind.VOID)
            if is_tag and token.name not in INLINE:
                break
            last += 1
        return last


def _ends(found: Sequence[Token]) -> dict[int, int]:
    """The number of the tag that ends each element which has one."""
    opened: dict[str, list[int]] = {}
    ends = {}
    for number, token in enumerate(found):
        if token.kind is Kind.OPEN:
            opened.setdefault(token.name, []).append(number)
        elif token.kind is Kind.CLOSE and opened.get(token.name):
            ends[opened[token.name].pop()] = number
    return ends


def _says(token: Token, name: str) -> str | None:
    """The value of an attribute, in small letters."""
    for attribute, _, value in _ATTRIBUTE.findall(token.raw):
        if attribute.lower() == name:
            return html.unescape(value.strip("\"'")).strip().lower()
    return None


def _text_pieces(raw: str) -> Iterator[Piece]:
    """Text with its entities decoded; one that HTML does not have is copied, and never expanded."""
    at = 0
    for match in _ENTITY.finditer(raw):
        char = html.unescape(match[0])
        known = match[0][1] == "#" or match[0][1:] in html5
        if raw[at : match.start()]:
            yield raw[at : match.start()]
        is_text = (known and char.isprintable()) or char in _INVISIBLE
        yield char if is_text else Copied(match[0], match[0])
        at = match.end()
    if raw[at:]:
        yield raw[at:]


def _plain(found: Sequence[Token]) -> str:
    """The text of some tokens, as it is read in a sentence."""
    text = "".join(token.raw for token in found if token.kind is Kind.TEXT)
    return _SPACE.sub(" ", html.unescape(text)).strip()


class _Value(NamedTuple):
    """The value of an attribute: of which token, and where in it."""

    token: int
    start: int
    end: int
    text: str


def _with_attributes(translator: Aligns, found: list[Token], names: Collection[str]) -> list[Token]:
    """The tokens with the values of some attributes translated."""
    values = [
        _Value(number, match.start(3), match.end(3), html.unescape(match[3].strip("\"'")))
        for number, token in enumerate(found)
        if token.kind in (Kind.OPEN, Kind.VOID)
        for match in _ATTRIBUTE.finditer(token.raw)
        if match[1].lower() in names
        and (
            match[1].lower() != "content"
            or (token.name == "meta" and (_says(token, "name") or _says(token, "property")) in _DESCRIBING)
        )
    ]
    texts = translator.translate([value.text for value in values]) if values else []
    for value, text in reversed(list(zip(values, texts, strict=True))):
        if text.text != value.text:
            raw = found[value.token].raw
            new = f'{raw[: value.start]}"{html.escape(text.text)}"{raw[value.end :]}'
            found[value.token] = found[value.token]._replace(raw=new)
    return found
