"""Placeholders: protected spans of a sentence stand as single characters, and come back in its translation.

A placeholder is a private character that says the span's class and which of its class it is, so two numbers
of a sentence are never confused. There are 64, one for each id that a tokenizer reserves: `pieces` gives the
text between them and their slots, and `placeholder` turns a slot into its character again. To a model each
is a word of its own, so a span that touches what is beside it in the source is put back without the space.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

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
_GLUED = re.compile(rf"(?<=[{FIRST_MARK}-{LAST_MARK}])\d+|\d+(?=[{FIRST_MARK}-{LAST_MARK}])")
"""Digits beside a placeholder, with which a number would have another value."""
_OPENERS = '([{<"“„«‘¿¡'


class Seam(NamedTuple):
    """The characters that a placeholder touches in a masked text; none at its ends and beside white space."""

    before: str
    behind: str


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
    unmasked: tuple[Span, ...] = ()

    def seams(self) -> dict[int, Seam]:
        """What each placeholder touches, by slot."""
        padded = f" {self.text} "
        return {
            ord(mark[0]) - ord(FIRST_MARK): Seam(
                padded[mark.start() - 1].strip(), padded[mark.end() : mark.end() + 1].strip()
            )
            for mark in _PLACEHOLDER.finditer(padded)
        }


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


def usual_slots(spans: Sequence[Span]) -> list[int | None]:
    """The slot of each span, those of a class numbered in their order; None: there is no slot left."""
    used = Counter[SpanKind]()
    slots: list[int | None] = []
    for span in spans:
        used[span.kind] += 1
        is_left = used[span.kind] <= CAPACITY[span.kind]
        slots.append(_FIRST_SLOT[span.kind] + used[span.kind] - 1 if is_left else None)
    return slots


def slots_of(kind: SpanKind) -> range:
    """The slots of a class."""
    return range(_FIRST_SLOT[kind], _FIRST_SLOT[kind] + CAPACITY[kind])


def masked(text: str, spans: Sequence[Span], slots: Sequence[int | None] | None = None) -> MaskedText:
    """A sentence with a placeholder for each of its spans.

    Args:
        text: the sentence.
        spans: its spans, in order, disjoint.
        slots: of each span, no two the same; None for one that stays [the usual ones].

    Raises:
        ValueError: the text has a placeholder of its own outside the spans; `find_spans` makes each a span.
    """
    parts: list[str] = []
    by_slot: dict[int, Span] = {}
    unmasked = []
    place = 0
    for span, slot in zip(spans, usual_slots(spans) if slots is None else slots, strict=True):
        gap, place = text[place : span.start], span.end
        _check_gap(gap)
        if slot is not None:
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
    if not _GLUED.search(source.text):
        translation = _GLUED.sub("", translation)
    left, seams = dict(source.spans), source.seams()
    text, surplus, last = "", 0, None
    for piece in pieces(translation):
        if isinstance(piece, str):
            text += piece if last is None else _after(piece, seams[last])
            last = last if piece.isspace() else None
        elif piece in left:
            before = seams[piece].before
            if _touch(before, text.rstrip()[-1:]) if last is None else before == placeholder(last):
                text = text.rstrip(" ")
            text += written(left.pop(piece))
            last = piece
        elif any(span.text == placeholder(piece) for span in source.unmasked):
            text += placeholder(piece)  # a character of the source that happens to be one
            last = None
        else:
            surplus += 1
    missing = tuple(left.values())
    if missing:
        text = " ".join([text, *map(written, missing)]).strip()
    return RestoredText(text, missing, surplus)


def _touch(before: str, end: str) -> bool:
    """Whether a span that stands directly behind `before` in the source does so behind `end`."""
    if not before or not end:
        return False
    return before == end or end in _OPENERS or (before.isalnum() and end.isalnum())


def _after(text: str, seam: Seam) -> str:
    """What follows a span, with or without the space before it."""
    first = text.lstrip(" ")[:1]
    if seam.behind and (first == seam.behind or (first.isalnum() and seam.behind.isalnum())):
        return text.lstrip(" ")
    if not seam.behind and text[:1].isalpha() and text[:1] not in "ªº":
        return f" {text}"
    return text
