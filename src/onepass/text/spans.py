"""Protected spans: the stretches of a text that a translation must carry as they are.

Addresses, numbers, mark-up, emoji and characters that a vocabulary lacks. Spans are in order, never overlap
and never hold a line end: spans and the gaps between them, joined, are the text.
"""

from __future__ import annotations

import unicodedata
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import takewhile

from onepass.text.graphemes import clusters
from onepass.text.patterns import SIGNS_OF_SPANS, any_span


class SpanKind(Enum):
    """What a span is to the grammar of the sentence around it."""

    ONE = "one"
    """The number one alone, which the words around it agree with: 1 day, 2 days."""
    NUMBER = "number"
    """Other numbers with sign, unit or currency, dates and times."""
    MARKUP = "markup"
    """Tags, entities, format placeholders, code and Markdown marks."""
    ADDRESS = "address"
    """What names a thing: URLs, e-mail addresses, paths, versions, identifiers, hashtags, mentions."""
    CHARACTER = "character"
    """Emoji and characters that the vocabulary lacks."""


@dataclass(frozen=True)
class Span:
    """A stretch of a text.

    Attributes:
        start, end: its place, in code points.
        text: what is there.
        kind: its class.
    """

    start: int
    end: int
    text: str
    kind: SpanKind


_KINDS = {
    "emoji": SpanKind.CHARACTER,
    "private": SpanKind.CHARACTER,
    "url": SpanKind.ADDRESS,
    "email": SpanKind.ADDRESS,
    "drive": SpanKind.ADDRESS,
    "path": SpanKind.ADDRESS,
    "file": SpanKind.ADDRESS,
    "domain": SpanKind.ADDRESS,
    "identifier": SpanKind.ADDRESS,
    "phone": SpanKind.ADDRESS,
    "version": SpanKind.ADDRESS,
    "hashtag": SpanKind.ADDRESS,
    "mention": SpanKind.ADDRESS,
    "code": SpanKind.MARKUP,
    "tag": SpanKind.MARKUP,
    "entity": SpanKind.MARKUP,
    "braces": SpanKind.MARKUP,
    "printf": SpanKind.MARKUP,
    "link": SpanKind.MARKUP,
    "variable": SpanKind.MARKUP,
    "escape": SpanKind.MARKUP,
    "emphasis": SpanKind.MARKUP,
    "bullet": SpanKind.MARKUP,
    "timestamp": SpanKind.NUMBER,
    "date": SpanKind.NUMBER,
    "ticket": SpanKind.NUMBER,
    "number": SpanKind.NUMBER,
}
_OPEN_ENDED = ("url", "domain", "drive", "path")
"""What takes all up to a space, closing punctuation of the sentence included."""
_OPENING = {")": "(", "]": "[", "}": "{"}
_PUNCTUATION = ".,;:!?'’*…([{"


def find_spans(text: str, knows: Callable[[str], bool] | None = None) -> list[Span]:
    """The protected spans of a text.

    Args:
        text: any text.
        knows: says of one character whether a vocabulary has it; the runs of others are spans too.
            White space and invisible format characters are never asked about.
    """
    spans = list(_written_spans(text)) if SIGNS_OF_SPANS.search(text) else []
    if knows is not None and (unknown := _unknown(text, knows)):
        found = [span for gap in _gaps(text, spans) for span in _runs(gap, unknown)]
        spans = _united(sorted([*spans, *found], key=lambda span: span.start), text)
    return spans


def with_longer(spans: Sequence[Span], longer: Sequence[Span]) -> list[Span]:
    """Spans in order, with others that take the place of what lies within them.

    Args:
        spans: in order, disjoint.
        longer: the others, disjoint; one that a span reaches out of does not count.
    """
    taken, within = list[Span](), set[Span]()
    for other in longer:
        touched = [span for span in spans if span.start < other.end and other.start < span.end]
        if all(other.start <= span.start and span.end <= other.end for span in touched):
            taken.append(other)
            within.update(touched)
    kept = [span for span in spans if span not in within]
    return sorted([*kept, *taken], key=lambda span: span.start)


def spans_within(spans: Sequence[Span], start: int, end: int) -> list[Span]:
    """The spans that lie between two places of the text, with places counted from `start`."""
    first = bisect_left(spans, start, key=lambda span: span.start)
    return [
        Span(span.start - start, span.end - start, span.text, span.kind)
        for span in takewhile(
            lambda span: span.end <= end, (spans[number] for number in range(first, len(spans)))
        )
    ]


def _written_spans(text: str) -> Iterator[Span]:
    place, pattern = 0, any_span()
    while match := pattern.search(text, place):
        name = match.lastgroup or ""
        start, end = match.span(name)
        place = end
        if name == "word":
            continue
        if name in _OPEN_ENDED:
            place = end = start + _closed_length(match[name])
        yield Span(start, end, text[start:end], _kind(name, text[start:end]))


def _kind(name: str, text: str) -> SpanKind:
    if name == "number" and len(text) == 1 and unicodedata.digit(text, 0) == 1:
        return SpanKind.ONE
    return _KINDS[name]


def _closed_length(address: str) -> int:
    """The length without the sentence's punctuation and without brackets that were opened before."""
    extra = {mark: address.count(mark) - address.count(opening) for mark, opening in _OPENING.items()}
    end = len(address)
    while end:
        last = address[end - 1]
        if last in _OPENING and extra[last] > 0:
            extra[last] -= 1
        elif last not in _PUNCTUATION:
            break
        end -= 1
    return end


def _unknown(text: str, knows: Callable[[str], bool]) -> set[str]:
    return {
        char
        for char in set(text)
        if not char.isspace() and unicodedata.category(char) not in ("Cf", "Cc") and not knows(char)
    }


def _gaps(text: str, spans: Sequence[Span]) -> Iterator[Span]:
    """What lies between the spans; of no kind yet."""
    edges = [0, *(edge for span in spans for edge in (span.start, span.end)), len(text)]
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        if start < end:
            yield Span(start, end, text[start:end], SpanKind.CHARACTER)


def _runs(gap: Span, unknown: set[str]) -> Iterator[Span]:
    """The characters with an unknown part; a mark is not parted from its letter."""
    place = gap.start
    for cluster in clusters(gap.text):
        if not unknown.isdisjoint(cluster):
            yield Span(place, place + len(cluster), cluster, SpanKind.CHARACTER)
        place += len(cluster)


def _united(spans: Sequence[Span], text: str) -> list[Span]:
    """Neighbouring characters are one span."""
    united: list[Span] = []
    first = 0
    for number, span in enumerate(spans, 1):
        after = spans[number] if number < len(spans) else None
        if after and after.start == span.end and after.kind is span.kind is SpanKind.CHARACTER:
            continue  # the run goes on
        start, first = spans[first].start, number
        united.append(Span(start, span.end, text[start : span.end], span.kind))
    return united
