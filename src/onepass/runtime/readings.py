"""What a model made of the passages of a line, and which of two readings of a passage is the better one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Part(NamedTuple):
    """What was written for a row of source ids; `weight`: how many tokens its score is the mean of.

    `sources`: which source id each token comes from; None where the engine does not say.
    `others`: what else could have been written, the best first.
    """

    ids: list[int]
    score: float
    fertilities: list[int] | None
    weight: int
    sources: list[int] | None
    others: tuple[Part, ...] = ()


class Reading(NamedTuple):
    """A passage as it was read, and what became of it; `ids`: none where it passed as it is.

    `others`: what else may have become of it, the best first.
    """

    ids: list[int]
    part: Part
    text: str
    others: tuple[Reading, ...] = ()


NOTHING = Part([], 0.0, None, 0, [])
"""What the model wrote of a passage that it did not read."""


def merit(reading: Reading) -> tuple[bool, float]:
    """By which the better reading of a passage is found: one with words, then its score."""
    return bool(reading.text), reading.part.score  # no words have the score 0


def mean_score(readings: Sequence[Reading]) -> float:
    """The score of a line from those of its passages: that of its tokens."""
    weight = sum(reading.part.weight for reading in readings)
    return sum(reading.part.score * reading.part.weight for reading in readings) / max(weight, 1)


def in_capitals(reading: Reading) -> Reading:
    """A reading whose text is in capitals."""
    return reading._replace(text=reading.text.upper(), others=tuple(map(in_capitals, reading.others)))
