"""Alternatives: further translations of a line, made of those that its sentences have."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

MOST_COMBINATIONS = 4
"""Combinations that are looked at for each alternative that is wanted: some spell the same."""


class Scored(NamedTuple):
    """A further translation of a row of ids, and its score."""

    ids: list[int]
    score: float


class Alternative(NamedTuple):
    """A further translation of a line; the score is as that of the translation."""

    text: str
    score: float


class _Combination(NamedTuple):
    """Choices so far: which, the sum of their scores, and of their weights."""

    chosen: tuple[int, ...]
    total: float
    weight: int

    @property
    def mean(self) -> float:
        return self.total / max(self.weight, 1)


def combinations(
    scores: Sequence[Sequence[float]], weights: Sequence[Sequence[int]], count: int
) -> Iterator[tuple[int, ...]]:
    """Which translation of each sentence to take: combinations, the best mean score first.

    Args:
        scores: of the translations of each sentence, its own first.
        weights: tokens that each score is the mean of.
        count: combinations that are kept from sentence to sentence.
    """
    kept = [_Combination((), 0.0, 0)]
    for of_sentence, of_weights in zip(scores, weights, strict=True):
        longer = [
            _Combination((*before.chosen, number), before.total + score * weight, before.weight + weight)
            for before in kept
            for number, (score, weight) in enumerate(zip(of_sentence, of_weights, strict=True))
        ]
        kept = sorted(longer, key=lambda each: -each.mean)[:count]
    return (each.chosen for each in kept)
