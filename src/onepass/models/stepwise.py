"""Models that write word by word: which there are, and what a search needs of them."""

from __future__ import annotations

from typing import Protocol, TypeVar

from torch import Tensor

from onepass.models.autoregressive import AutoregressiveTransformer
from onepass.models.marian import MarianTransformer, marian_sizes
from onepass.nn.transformer import Memory, initialise
from onepass.settings import StudentSettings, TransformerSettings

WordByWord = AutoregressiveTransformer | MarianTransformer
"""A teacher, trained here or read."""


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


def build(
    sizes: TransformerSettings, student: StudentSettings, src_size: int, tgt_size: int, *, joint: bool
) -> WordByWord:
    """A model with fresh weights; nothing of a student's settings but its sizes means anything for it."""
    if sizes.norm == "pre":
        return AutoregressiveTransformer(sizes, src_size, tgt_size, joint=joint)
    model = MarianTransformer(marian_sizes(sizes, src_size, tgt_size, joint=joint))
    initialise(model)
    return model
