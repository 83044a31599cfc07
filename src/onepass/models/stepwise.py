"""What a search needs of a model that writes word by word."""

from __future__ import annotations

from typing import Protocol, TypeVar

from torch import Tensor

from onepass.nn.transformer import Memory


class Cache(Protocol):
    """The state of a step-by-step decoding."""

    def select(self, rows: Tensor) -> None:
        """Keeps the given rows of the batch, in that order."""


CacheT = TypeVar("CacheT", bound=Cache)


class Stepwise(Protocol[CacheT]):
    """A source is read once, then the target is written a position at a time."""

    def encode(self, src_ids: Tensor) -> Memory:
        """src_ids int64 [B, S], padded with 0."""

    def start(self, memory: Memory) -> CacheT:
        """A cache to decode from the first position."""

    def step(self, last_ids: Tensor, cache: CacheT) -> Tensor:
        """One position: the ids decoded last (BOS at first) [B] -> logits of the next token [B, V]."""


class Scoring(Protocol):
    """All positions of a known target are computed at once."""

    def decode(self, tgt_ids: Tensor, memory: Memory) -> Tensor:
        """Decoder states that predict y_1 .. y_T </s>, given y_1 .. y_T [B, T]: [B, T + 1, D]."""

    def logits(self, states: Tensor) -> Tensor:
        """Decoder states [..., D] -> scores of the target vocabulary [..., V]."""
