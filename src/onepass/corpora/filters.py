"""Filters: which training pairs are dropped, each drop counted under its reason.

The checks run in the order of `REASONS` and a pair counts under the first that it fails. Words are
what whitespace separates. The limit in subword tokens (`max_tokens`) is applied where pairs are
encoded, which counts its drops here too (`FilterCounts.drop`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from onepass.settings import FilterSettings
from onepass.text.duplicates import key_of
from onepass.text.pair import Pair

REASONS = ("empty", "too long", "length ratio", "identical", "duplicate")

_DIGITS = re.compile(r"\d+(?:[.,:]\d+)*")

SHORT_WORDS = 5
"""No pair is dropped for its length ratio while both sides have at most this many words: a one-word
compound may well be five words in the other language."""


@dataclass
class FilterCounts:
    """How many pairs came in, and how many were dropped for which reason.

    Attributes:
        read: pairs that came in.
        dropped: pairs dropped, by reason; for a corpus every reason of `REASONS` is there, be it with 0.
    """

    read: int = 0
    dropped: dict[str, int] = field(default_factory=lambda: dict.fromkeys(REASONS, 0))

    @property
    def kept(self) -> int:
        """Pairs read and not dropped."""
        return self.read - sum(self.dropped.values())

    def drop(self, reason: str) -> None:
        """Counts one pair, already counted in `read`, as dropped."""
        self.dropped[reason] = self.dropped.get(reason, 0) + 1

    def to_dict(self) -> dict[str, Any]:
        """As plain values, for JSON."""
        return {"read": self.read, "kept": self.kept, "dropped": dict(self.dropped)}

    def summary(self) -> str:
        """One line for people: `29,000 pairs read, 28,991 kept (100.0%); dropped: 9 duplicate`."""
        reasons = ", ".join(f"{n:,} {reason}" for reason, n in self.dropped.items() if n)
        percent = 100 * self.kept / self.read if self.read else 0.0
        return f"{self.read:,} pairs read, {self.kept:,} kept ({percent:.1f}%); dropped: {reasons or 'none'}"


@dataclass(frozen=True)
class Judge:
    """Says of each pair whether it is dropped, and why.

    Attributes:
        settings: the limits.
        of_sources: the sources decide alone: they may have no translation yet.
    """

    settings: FilterSettings
    of_sources: bool = False

    def reason(self, pair: Pair) -> str | None:
        """The reason to drop a pair that the pair alone shows, or None."""
        src_words = len(pair.src.split())
        tgt_words = src_words if self.of_sources else len(pair.tgt.split())
        if not src_words or not tgt_words:
            return "empty"
        if max(src_words, tgt_words) > self.settings.max_words:
            return "too long"
        if is_lopsided(src_words, tgt_words, self.settings.max_length_ratio, short=SHORT_WORDS):
            return "length ratio"
        if self.settings.drop_identical and not self.of_sources and pair.src == pair.tgt:
            return "identical"
        return None

    @property
    def keys(self) -> dict[str, Callable[[Pair], int]]:
        """What pairs that no other reason drops must not share with an earlier one, by the reason.

        No outline is shared with a duplicate alone: that has an earlier one, which has the same outline.
        """
        found: dict[str, Callable[[Pair], int]] = {}
        if self.settings.drop_duplicates:
            found["duplicate"] = self._key
        if self.settings.drop_near_duplicates:
            found["near duplicate"] = lambda pair: key_of(f"{_outline(pair.src)}\n")
        return found

    def _key(self, pair: Pair) -> int:
        return key_of(f"{pair.src}\n{pair.src if self.of_sources else pair.tgt}")


def is_lopsided(src: int, tgt: int, most: float, *, short: int) -> bool:
    """Whether the longer side is more than `most` times the shorter one, and longer than `short`."""
    return max(src, tgt) > max(short, most * min(src, tgt))


def filter_pairs(pairs: Iterable[Pair], judge: Judge, counts: FilterCounts) -> Iterator[Pair]:
    """Yields the pairs that pass, in their order, and counts the rest.

    A duplicate is a pair seen before with the same text on both sides; another translation of the same
    source is not. Only a 64-bit hash of each kept pair is remembered, about 100 bytes a pair: two
    different pairs among a million collide, and lose one of them, with probability 3e-8.

    Args:
        pairs: what `read_pairs` yields.
        judge: of each pair.
        counts: is updated while the result is consumed.
    """
    keys = judge.keys
    seen: dict[str, set[int]] = {reason: set() for reason in keys}
    for pair in pairs:
        counts.read += 1
        reason = judge.reason(pair)
        for repeated, key in keys.items():
            if reason is None and _is_known(key(pair), seen[repeated]):
                reason = repeated
        if reason is None:
            yield pair
        else:
            counts.drop(reason)


def _is_known(key: int, seen: set[int]) -> bool:
    known = key in seen
    seen.add(key)
    return known


def _outline(text: str) -> str:
    """What near duplicates share: the letters of the source, in small, and that there are digits."""
    letters = _DIGITS.sub("0", text.casefold())
    return "".join(filter(str.isalnum, letters))
