"""Training pairs with placeholders: the spans that both sides have stand on both as the same placeholder.

So a student learns to carry a placeholder to where the span's translation stands. A pair whose sides differ
in their spans stays as it is: `$5` against `5 dólares`, or `3` against `três`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from onepass.text.numbers import number_values
from onepass.text.pair import Pair
from onepass.text.placeholders import are_maskable, masked, slots_of, usual_slots
from onepass.text.spans import Span, SpanKind, find_spans

USUAL = 0.5
"""Share of the masked pairs whose placeholders are numbered in order; those of the others are drawn."""
_OF_NUMERALS = re.compile(r"[\d\s.,'’]+")
NUMBERS = (SpanKind.ONE, SpanKind.NUMBER)


@dataclass
class MaskingCounts:
    """What became of the pairs.

    Attributes:
        masked: have placeholders.
        left: have spans that stay by the share.
        differing: have other spans on one side than on the other.
    """

    masked: int = 0
    left: int = 0
    differing: int = 0

    def summary(self) -> str:
        """One line for people."""
        return (
            f"{self.masked:,} pairs have placeholders, {self.left:,} keep their spans, "
            f"{self.differing:,} have other spans on one side"
        )


@dataclass(frozen=True)
class _Meaning:
    """What both sides must have alike: the values of a number and what is around them, or the text."""

    values: tuple[Decimal, ...]
    text: str


def mask_pairs(
    pairs: Iterable[Pair], share: float, counts: MaskingCounts, *, src: str, tgt: str, seed: int
) -> Iterator[Pair]:
    """Yields the pairs in their order, some with placeholders; which depends on the seed and their number.

    Args:
        pairs: of sources and translations.
        share: of the pairs with spans that get placeholders.
        counts: is updated while the result is consumed.
        src, tgt: language codes.
        seed: of the choice.
    """
    random = np.random.default_rng(seed)
    for pair in pairs:
        chosen, usual = random.random(2)
        spans = find_spans(pair.src)
        if not spans:
            yield pair
        elif chosen >= share:
            counts.left += 1
            yield pair
        elif (order := matched(spans, theirs := find_spans(pair.tgt), src, tgt)) is None:
            counts.differing += 1
            yield pair
        else:
            counts.masked += 1
            slots = usual_slots(spans) if usual < USUAL else _drawn_slots(spans, random)
            yield Pair(
                masked(pair.src, spans, slots).text,
                masked(pair.tgt, theirs, [slots[number] for number in order]).text,
            )


def matched(ours: Sequence[Span], theirs: Sequence[Span], src: str, tgt: str) -> list[int] | None:
    """For each span of a translation the number of the source's span that it is; None: they differ.

    A span that is there twice is matched in order.
    """
    if len(ours) != len(theirs) or not are_maskable(ours):
        return None
    left: dict[_Meaning, list[int]] = {}
    for number, span in enumerate(ours):
        left.setdefault(_meaning(span, src), []).append(number)
    order: list[int] = []
    for span in theirs:
        numbers = left.get(_meaning(span, tgt))
        if not numbers:
            return None
        order.append(numbers.pop(0))
    return order


def _meaning(span: Span, language: str) -> _Meaning:
    if span.kind not in NUMBERS:
        return _Meaning((), span.text)
    return _Meaning(tuple(number_values(span.text, language)), _OF_NUMERALS.sub(" ", span.text).strip())


def _drawn_slots(spans: Sequence[Span], random: np.random.Generator) -> list[int | None]:
    left: dict[SpanKind, list[int]] = {
        kind: random.permutation(list(slots_of(kind))).tolist() for kind in {span.kind for span in spans}
    }
    return [left[span.kind].pop() for span in spans]
