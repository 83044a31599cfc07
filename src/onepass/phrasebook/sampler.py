"""The random choices that a sentence is made with, all from one stream."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import TypeVar

T = TypeVar("T")


class Sampler:
    """Draws from one random stream."""

    def __init__(self, random: Random) -> None:
        self.random = random

    def one(self, options: Sequence[T]) -> T:
        """Return one of the options, all equally likely."""
        return options[int(self.random.random() * len(options))]

    def chance(self, probability: float) -> bool:
        """Return True with the given probability."""
        return self.random.random() < probability

    def number(self, low: int, high: int) -> int:
        """Return a whole number of at least `low` and below `high`."""
        return self.random.randrange(low, high)
