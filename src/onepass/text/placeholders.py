"""Placeholders: protected spans of a sentence stand as single characters, and come back in its translation.

A placeholder is a private character that says the span's class and which of its class it is, so two numbers
of a sentence are never confused. There are 64, one for each id that a tokenizer reserves: `pieces` gives a
tokenizer the text between them and their slots, and `placeholder` turns a slot into its character again.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from onepass.text.patterns import FIRST_MARK, LAST_MARK
from onepass.text.spans import Span, SpanKind

CAPACITY = {
    SpanKind.ONE: 4,
    SpanKind.NUMBER: 20,
    SpanKind.MARKUP: 20,
    SpanKind.ADDRESS: 10,
    SpanKind.CHARACTER: 10,
}
"""Placeholders of each class, and so the most spans of it in a sentence."""
SLOTS = sum(CAPACITY.values())
_FIRST_SLOT = {kind: sum(list(CAPACITY.values())[:i]) for i, kind in enumerate(CAPACITY)}
_PLACEHOLDER = re.compile(f"([{FIRST_MARK}-{LAST_MARK}])")


@dataclass(frozen=True)
class MaskedText:
    """A sentence with placeholders.

    Attributes:
        text: the sentence with a placeholder for each span.
        spans: what each placeholder stands for, by slot.
        unmasked: spans beyond the placeholders of their class; they stand in the text as they are.
    """

    text: str
    spans: dict[int, Span]
    unmasked: tuple[Span, ...]


@dataclass(frozen=True)
class RestoredText:
    """A translation with its spans.

    Attributes:
        text: the translation; each span of the source is in it once.
        missing: spans whose placeholder the translation did not have; they stand at its end.
        surplus: placeholders that were there a second time or that no span has; they are left out.
    """

    text: str
    missing: tuple[Span, ...]
    surplus: int


def placeholder(slot: int) -> str:
    """The character of a slot, 0 to `SLOTS` - 1.

    Raises:
        ValueError: there is no such slot.
    """
    if not 0 <= slot < SLOTS:
        raise ValueError(f"There are slots 0 to {SLOTS - 1}, not {slot}")
    return chr(ord(FIRST_MARK) + slot)


def kind_of(slot: int) -> SpanKind:
    """The class that a slot belongs to."""
    return next(kind for kind in reversed(CAPACITY) if slot >= _FIRST_SLOT[kind])


def are_maskable(spans: Sequence[Span]) -> bool:
    """Whether there are placeholders for all; where not, `segmentation.break_long` makes parts that are."""
    return all(count <= CAPACITY[kind] for kind, count in Counter(span.kind for span in spans).items())


def masked(text: str, spans: Sequence[Span]) -> MaskedText:
    """A sentence with a placeholder for each of its spans, numbered in their order.

    Raises:
        ValueError: the text has a placeholder of its own outside the spans; `find_spans` makes each a span.
    """
    parts: list[str] = []
    used = Counter[SpanKind]()
    by_slot: dict[int, Span] = {}
    unmasked = []
    place = 0
    for span in spans:
        gap, place = text[place : span.start], span.end
        _check_gap(gap)
        if used[span.kind] < CAPACITY[span.kind]:
            slot = _FIRST_SLOT[span.kind] + used[span.kind]
            used[span.kind] += 1
            by_slot[slot] = span
            parts += [gap, placeholder(slot)]
        else:
            unmasked.append(span)
            parts += [gap, span.text]
    _check_gap(text[place:])
    return MaskedText("".join([*parts, text[place:]]), by_slot, tuple(unmasked))


def _check_gap(gap: str) -> None:
    if found := _PLACEHOLDER.search(gap):
        raise ValueError(f"The text has the placeholder {found[0]!r} of its own")


def pieces(text: str) -> Iterator[str | int]:
    """A masked text for a tokenizer: texts, none empty, and the slots between them."""
    for part in _PLACEHOLDER.split(text):
        if len(part) == 1 and FIRST_MARK <= part <= LAST_MARK:
            yield ord(part) - ord(FIRST_MARK)
        elif part:
            yield part


def restored(
    translation: str, source: MaskedText, written: Callable[[Span], str] = lambda span: span.text
) -> RestoredText:
    """A translation with the spans of its source for their placeholders.

    Args:
        translation: with placeholders, at best each of the source's once.
        source: what was translated.
        written: how a span is written in the translation: as it was, or a number localised.
    """
    left = dict(source.spans)
    parts: list[str] = []
    surplus = 0
    for piece in pieces(translation):
        if isinstance(piece, str):
            parts.append(piece)
        elif piece in left:
            parts.append(written(left.pop(piece)))
        else:
            surplus += 1
    text = "".join(parts)
    missing = tuple(left.values())
    if missing:
        text = " ".join([text, *map(written, missing)]).strip()
    return RestoredText(text, missing, surplus)
