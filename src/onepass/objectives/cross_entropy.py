"""Token cross entropy, and the loss of the teacher.

An objective computes sums and says what they count; the trainer divides once an update.

The output layer and its cross entropy are one function that works on a few hundred positions at a
time and computes the gradient at once: the [N, V] scores, which would be most of a step's memory
traffic, never exist as a whole.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from onepass.models.autoregressive import PAD, AutoregressiveTransformer, with_end


@dataclass(frozen=True)
class Batch:
    """One batch of pairs; `fertilities` only where a student learns.

    Attributes:
        src_ids: int64 [B, S], padded with 0.
        tgt_ids: int64 [B, T], padded with 0.
        fertilities: int64 [B, S]; row sums are the target lengths.
    """

    src_ids: Tensor
    tgt_ids: Tensor
    fertilities: Tensor | None = None


@dataclass(frozen=True)
class LossTerm:
    """A summed loss over `count` things; the training loss is Σ weight · sum / count."""

    sum: Tensor
    count: int
    weight: float = 1.0


class Objective(Protocol):
    """What a model is trained on."""

    def counts(self, batch: Batch) -> Mapping[str, int]:
        """What each term's sum will be divided by, known before the model runs."""

    def terms(self, model: torch.nn.Module, batch: Batch) -> Mapping[str, LossTerm]:
        """The loss terms of one batch."""


SCORES_AT_ONCE = 1 << 21
"""Scores (positions times vocabulary) in memory at a time: small enough for a CPU's cache."""


class _OutputCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, states: Tensor, weight: Tensor, targets: Tensor, smoothing: float) -> Tensor:
        kind = states.device.type
        dtype = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else states.dtype
        exact = torch.promote_types(dtype, torch.float32)
        low_states, low_weight = states.to(dtype), weight.to(dtype)
        with_gradient = any(ctx.needs_input_grad[:2])
        loss = torch.zeros((), dtype=exact, device=states.device)
        grad_states = torch.empty_like(low_states)
        grad_weight = torch.zeros(weight.shape if with_gradient else (0,), dtype=exact, device=weight.device)
        vocabulary = weight.size(0)
        rows = max(SCORES_AT_ONCE // vocabulary, 1)
        for first in range(0, len(states), rows):
            part = slice(first, first + rows)
            target = targets[part, None]  # [n, 1]
            with torch.autocast(kind, enabled=False):
                log_probs = torch.log_softmax(low_states[part] @ low_weight.T, -1, dtype=exact)  # [n, V]
                loss -= (1 - smoothing) * log_probs.gather(1, target).sum()
                if smoothing:
                    loss -= smoothing / vocabulary * log_probs.sum()
                if with_gradient:
                    grad = log_probs.exp_().sub_(smoothing / vocabulary)
                    grad.scatter_add_(1, target, grad.new_full(target.shape, smoothing - 1))
                    low_grad = grad.to(dtype)
                    grad_states[part] = low_grad @ low_weight
                    grad_weight += low_grad.T @ low_states[part]
        ctx.save_for_backward(grad_states, grad_weight)
        ctx.dtypes = states.dtype, weight.dtype
        return loss

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, None, None]:
        grad_states, grad_weight = ctx.saved_tensors
        states_dtype, weight_dtype = ctx.dtypes
        return (grad_states * grad).to(states_dtype), (grad_weight * grad).to(weight_dtype), None, None


def output_cross_entropy(
    states: Tensor, weight: Tensor, targets: Tensor, label_smoothing: float = 0.0
) -> Tensor:
    """Summed cross entropy of softmax(states · weightᵀ), in float32 at least.

    Args:
        states: [N, D].
        weight: of the output layer, [V, D].
        targets: int64 [N].
        label_smoothing: share of each target that is spread evenly over the vocabulary.
    """
    return _OutputCrossEntropy.apply(states, weight, targets, label_smoothing)  # type: ignore[no-any-return,no-untyped-call]


@dataclass(frozen=True)
class TeacherObjective:
    """Cross entropy of y_1 .. y_T </s> with label smoothing."""

    label_smoothing: float

    def counts(self, batch: Batch) -> dict[str, int]:
        return {"tokens": int((batch.tgt_ids != PAD).sum()) + batch.tgt_ids.size(0)}

    def terms(self, model: torch.nn.Module, batch: Batch) -> dict[str, LossTerm]:
        assert isinstance(model, AutoregressiveTransformer)
        targets = with_end(batch.tgt_ids)
        real = targets != PAD
        states = model.decode(batch.tgt_ids, model.encode(batch.src_ids))
        smoothing = self.label_smoothing if model.training else 0.0
        loss = output_cross_entropy(states[real], model.tgt_embedding.weight, targets[real], smoothing)
        return {"tokens": LossTerm(loss, self.counts(batch)["tokens"])}


def pad_ids(rows: Sequence[Sequence[int] | NDArray[np.int64]]) -> Tensor:
    """Rows of ids -> int64 [B, longest], padded with 0."""
    padded = np.zeros((len(rows), max(map(len, rows))), dtype=np.int64)
    for i, row in enumerate(rows):
        padded[i, : len(row)] = row
    return torch.from_numpy(padded)
