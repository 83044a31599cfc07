"""What a model is trained on: a batch of pairs in, summed losses out, with what they count.

The trainer divides once an update.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from onepass.text.batches import padded


@dataclass(frozen=True)
class Batch:
    """One batch of pairs; `fertilities` only where a student learns.

    Attributes:
        src_ids: int64 [B, S], padded with 0.
        tgt_ids: int64 [B, T], padded with 0.
        fertilities: int64 [B, S]; row sums are the target lengths.
        progress: how far the training is, 0 to 1.
    """

    src_ids: Tensor
    tgt_ids: Tensor
    fertilities: Tensor | None = None
    progress: float = 0.0


@dataclass(frozen=True)
class LossTerm:
    """A summed loss over `count` things; the training loss is Σ weight · sum / count.

    With weight 0 it is measured and not learnt from.
    """

    sum: Tensor
    count: int
    weight: float = 1.0


class Objective(Protocol):
    """What a model is trained on."""

    def counts(self, batch: Batch) -> Mapping[str, int]:
        """What each term's sum will be divided by, known before the model runs."""

    def terms(self, model: torch.nn.Module, batch: Batch) -> Mapping[str, LossTerm]:
        """The loss terms of one batch."""


def pad_ids(rows: Sequence[Sequence[int] | NDArray[np.int64]]) -> Tensor:
    """Rows of ids -> int64 [B, longest], padded with 0."""
    return torch.from_numpy(padded(rows))
