"""Training pairs made as people type: without the final mark, in small letters, of other people.

A corpus of whole sentences holds next to none of these, and a model that has seen none translates them badly.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np

from onepass.corpora.names import names
from onepass.settings import AugmentSettings
from onepass.text.pair import Pair

FINAL_MARKS = ".!?。！？"
_WORD = re.compile(r"[^\W\d_]+")


@dataclass
class AugmentCounts:
    """How many pairs were changed.

    Attributes:
        unpunctuated: lost their final marks.
        uncapitalised: lost the capital that their source begins with.
        lowercased: lost all capitals of their source.
        renamed: are of other people and places.
    """

    unpunctuated: int = 0
    uncapitalised: int = 0
    lowercased: int = 0
    renamed: int = 0

    def summary(self) -> str:
        """One line for people."""
        return (
            f"{self.unpunctuated:,} left without final mark, {self.uncapitalised:,} begin with a small letter"
            f", {self.lowercased:,} have no other, {self.renamed:,} have other names"
        )


def augment_pairs(
    pairs: Iterable[Pair], settings: AugmentSettings, counts: AugmentCounts, *, seed: int
) -> Iterator[Pair]:
    """Yields the pairs in their order, some changed; which ones depends on the seed and their number alone.

    Args:
        pairs: of the training set.
        settings: the share of each change; a pair may be changed in several ways.
        counts: is updated while the result is consumed.
        seed: of the choice.
    """
    random, of_names = np.random.default_rng(seed), np.random.default_rng([seed, 1])
    for pair in pairs:
        if of_names.random() < settings.renamed:
            changed = _with_other_names(pair, of_names)
            counts.renamed += changed != pair
            pair = changed
        marks, capitals = random.random(2)
        if marks < settings.unpunctuated:
            changed = _without_final_marks(pair)
            counts.unpunctuated += changed != pair
            pair = changed
        if capitals < settings.uncapitalised:
            changed = Pair(pair.src[:1].lower() + pair.src[1:], pair.tgt)
            counts.uncapitalised += changed != pair
            pair = changed
        elif capitals < settings.uncapitalised + settings.lowercased:
            changed = Pair(pair.src.lower(), pair.tgt)
            counts.lowercased += changed != pair
            pair = changed
        yield pair


def _without_final_marks(pair: Pair) -> Pair:
    """The pair without the marks that its sides end with; as it is where a side has none or nothing else."""
    bare = Pair(*(side.rstrip().rstrip(FINAL_MARKS).rstrip() for side in pair))
    both = all(short and short != side.rstrip() for short, side in zip(bare, pair, strict=True))
    return bare if both else pair


@cache
def _namesakes() -> dict[str, tuple[str, ...]]:
    """For each name all names of its group."""
    return {name: group for group in names() for name in group}


def _with_other_names(pair: Pair, random: np.random.Generator) -> Pair:
    """The pair with every name that both sides have once replaced by another of its group."""
    in_src, in_tgt = (Counter(_WORD.findall(side)) for side in pair)
    others = _namesakes()
    other = {
        name: others[name][random.integers(len(others[name]))]
        for name in in_src
        if name in others and in_src[name] == in_tgt[name] == 1
    }
    return Pair(*(_WORD.sub(lambda word: other.get(word[0], word[0]), side) for side in pair))
