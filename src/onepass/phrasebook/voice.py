"""The voice of one German translation: which of several right words it takes.

It picks a noun once a sentence, so that a later pronoun agrees with the noun chosen before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import TypeVar

from onepass.phrasebook.meaning import GermanNoun, Noun

T = TypeVar("T")

WEIGHTS = {1: (1.0,), 2: (0.6, 0.4), 3: (0.5, 0.3, 0.2), 4: (0.4, 0.3, 0.2, 0.1)}
"""The fixed probabilities of the first, second, ... alternative, by how many there are."""


@dataclass(slots=True)
class Voice:
    """The choices of one German translation: forms of address and words, each made once a sentence."""

    random: Random
    address: str = ""
    chosen: dict[int, GermanNoun] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.address:
            self.address = self.pick(("Sie", "du", "ihr"))

    def pick(self, options: Sequence[T]) -> T:
        """Return one of the options with the fixed probabilities of `WEIGHTS`."""
        if len(options) == 1:
            return options[0]
        point = self.random.random()
        for option, weight in zip(options, WEIGHTS[len(options)], strict=True):
            point -= weight
            if point < 0:
                return option
        return options[-1]

    def chance(self, probability: float) -> bool:
        """Return True with the given probability."""
        return self.random.random() < probability

    def noun(self, noun: Noun) -> GermanNoun:
        """Return the German word of this sentence for a noun."""
        if id(noun) not in self.chosen:
            self.chosen[id(noun)] = self.pick(noun.de)
        return self.chosen[id(noun)]
