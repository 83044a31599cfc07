"""The output layer together with a loss of its scores, a few hundred positions at a time.

The gradient is computed along with the loss, so the [N, V] scores, which would be most of a step's
memory traffic, never exist as a whole. Scores are computed in the type of autocast, where it is on,
and everything behind them in float32 at least.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

SCORES_AT_ONCE = 1 << 21
"""Scores (positions times vocabulary) in memory at a time: small enough for a CPU's cache."""

KEPT = 1 << 25
"""Scores at most that `label_log_probs` keeps for its gradient; more are computed again."""

UNSEEN = 2.0**-12
"""Of the largest gradient of a position: below this, its share of the sums is lost in 16 bits."""


class PartLoss(NamedTuple):
    """The summed loss of a few positions, and its gradient with respect to their scores [n, V]."""

    sum: Tensor
    gradient: Tensor | None


def _parts(states: Tensor, weight: Tensor) -> Iterator[slice]:
    rows = max(SCORES_AT_ONCE // weight.size(0), 1)
    return (slice(first, first + rows) for first in range(0, len(states), rows))


def _compute_dtype(states: Tensor) -> torch.dtype:
    kind = states.device.type
    return torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else states.dtype


def _log_probs(states: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """[n, D] and [V, D] of one type -> [n, V] in float32 at least, in which the bias is added."""
    with torch.autocast(states.device.type, enabled=False):
        exact = torch.promote_types(states.dtype, torch.float32)
        scores = states @ weight.T
        if bias is not None:
            scores = scores.to(exact) + bias
        return torch.log_softmax(scores, -1, dtype=exact)


class _OutputLoss(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        states: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        part_loss: Callable[[Tensor, slice, bool], PartLoss],
    ) -> Tensor:
        dtype = _compute_dtype(states)
        exact = torch.promote_types(dtype, torch.float32)
        low_states, low_weight = states.to(dtype), weight.to(dtype)
        with_gradient = any(ctx.needs_input_grad[:3])
        loss = torch.zeros((), dtype=exact, device=states.device)
        grad_states = torch.empty_like(low_states)
        grad_weight = torch.zeros(weight.shape if with_gradient else (0,), dtype=exact, device=weight.device)
        grad_bias = None if bias is None else torch.zeros_like(bias)
        for rows in _parts(states, weight):
            part = part_loss(_log_probs(low_states[rows], low_weight, bias), rows, with_gradient)
            loss += part.sum
            if part.gradient is not None:
                if grad_bias is not None:
                    grad_bias += part.gradient.sum(0)
                gradient = part.gradient.to(dtype)
                with torch.autocast(states.device.type, enabled=False):
                    grad_states[rows] = gradient @ low_weight
                    grad_weight += gradient.T @ low_states[rows]
        ctx.save_for_backward(grad_states, grad_weight, grad_bias)
        ctx.dtypes = states.dtype, weight.dtype
        return loss

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor | None, None]:
        grad_states, grad_weight, grad_bias = ctx.saved_tensors
        states_dtype, weight_dtype = ctx.dtypes
        of_bias = None if grad_bias is None else grad_bias * grad
        return (grad_states * grad).to(states_dtype), (grad_weight * grad).to(weight_dtype), of_bias, None


def output_cross_entropy(
    states: Tensor,
    weight: Tensor,
    targets: Tensor,
    label_smoothing: float = 0.0,
    *,
    bias: Tensor | None = None,
) -> Tensor:
    """Summed cross entropy of softmax(states · weightᵀ + bias).

    Args:
        states: [N, D].
        weight: of the output layer, [V, D]; so is `bias`, [V], if it has one.
        targets: int64 [N].
        label_smoothing: share of each target that is spread evenly over the vocabulary.
    """
    even = label_smoothing / weight.size(0)

    def part_loss(log_probs: Tensor, rows: slice, with_gradient: bool) -> PartLoss:
        target = targets[rows, None]  # [n, 1]
        loss = (label_smoothing - 1) * log_probs.gather(1, target).sum()
        if label_smoothing:
            loss -= even * log_probs.sum()
        if not with_gradient:
            return PartLoss(loss, None)
        gradient = log_probs.exp_()
        if label_smoothing:
            gradient.sub_(even)
        return PartLoss(
            loss, gradient.scatter_add_(1, target, gradient.new_full(target.shape, label_smoothing - 1))
        )

    return _OutputLoss.apply(states, weight, bias, part_loss)  # type: ignore[no-any-return,no-untyped-call]


def output_reverse_kl(
    states: Tensor,
    weight: Tensor,
    teacher_states: Tensor,
    teacher_weight: Tensor,
    *,
    bias: Tensor | None = None,
    teacher_bias: Tensor | None = None,
) -> Tensor:
    """Summed L_RKL = -Σ_y p(y) log q(y), p = softmax(states · weightᵀ + bias), q the teacher's (equation 11).

    The paper calls it a reverse KL divergence; like the paper's formula it leaves out the entropy of p.

    Args:
        states: [N, D]; the gradient goes through them, `weight` [V, D] and `bias` [V], if there is one.
        teacher_states: [N, D'], constant; likewise `teacher_weight` [V, D'] and `teacher_bias` [V].
    """
    teacher = _LogProbs(teacher_states, teacher_weight, teacher_bias)

    def part_loss(log_probs: Tensor, rows: slice, with_gradient: bool) -> PartLoss:
        expected = teacher(rows)
        probs = log_probs.exp_()
        losses = -(probs * expected).sum(1, keepdim=True)  # [n, 1]
        gradient = probs.mul_(expected.add_(losses)).neg_() if with_gradient else None
        return PartLoss(losses.sum(), gradient)

    return _OutputLoss.apply(states, weight, bias, part_loss)  # type: ignore[no-any-return,no-untyped-call]


def output_kl(
    states: Tensor,
    weight: Tensor,
    larger_states: Tensor,
    larger_weight: Tensor,
    *,
    bias: Tensor | None = None,
    larger_bias: Tensor | None = None,
) -> Tensor:
    """Summed KL divergence Σ_y q(y) log(q(y) / p(y)), p = softmax(states · weightᵀ + bias), q the larger's.

    The arguments are those of `output_reverse_kl`.
    """
    larger = _LogProbs(larger_states, larger_weight, larger_bias)

    def part_loss(log_probs: Tensor, rows: slice, with_gradient: bool) -> PartLoss:
        expected = larger(rows)
        probs = expected.exp()
        loss = (probs * expected.sub_(log_probs)).sum()
        return PartLoss(loss, log_probs.exp_().sub_(probs) if with_gradient else None)

    return _OutputLoss.apply(states, weight, bias, part_loss)  # type: ignore[no-any-return,no-untyped-call]


@torch.no_grad()
def reverse_kl_by_position(
    states: Tensor,
    weight: Tensor,
    teacher_states: Tensor,
    teacher_weight: Tensor,
    *,
    bias: Tensor | None = None,
    teacher_bias: Tensor | None = None,
) -> Tensor:
    """The terms of `output_reverse_kl`, float32 [N], without a gradient."""
    student = _LogProbs(states, weight, bias)
    teacher = _LogProbs(teacher_states, teacher_weight, teacher_bias)
    parts = [-(student(rows).exp_() * teacher(rows)).sum(1) for rows in _parts(states, weight)]
    return torch.cat(parts)


class _LabelLogProbs(torch.autograd.Function):
    """Its gradient needs the log probabilities of all labels: kept where they are few, else made again."""

    @staticmethod
    def forward(
        ctx: Any, states: Tensor, weight: Tensor, bias: Tensor | None, labels: Tensor, fixed: int
    ) -> Tensor:
        dtype = _compute_dtype(states)
        low_states, low_weight = states.to(dtype), weight.to(dtype)
        keep = len(states) * len(weight) <= KEPT and any(ctx.needs_input_grad[:3])
        parts, kept = [], []
        for rows in _parts(states, weight):
            log_probs = _log_probs(low_states[rows], low_weight, bias)
            parts.append(log_probs.gather(1, labels[rows]))
            kept += [log_probs] if keep else []
        ctx.save_for_backward(low_states, low_weight, bias, labels, torch.cat(kept) if keep else None)
        ctx.dtypes, ctx.fixed = (states.dtype, weight.dtype), fixed
        return torch.cat(parts)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor | None, None, None]:
        all_states, weight, bias, all_labels, kept = ctx.saved_tensors
        states_dtype, weight_dtype = ctx.dtypes
        # What 16 bits would round away is not computed: most slots of a graph are on no likely path.
        size = grad.abs().sum(1)
        least = size.max() * (UNSEEN if torch.finfo(all_states.dtype).bits == 16 else 0)
        matter = (size > least).nonzero()[:, 0]
        states, labels, grad = all_states[matter], all_labels[matter], grad[matter]
        total = grad.sum(1, keepdim=True)
        grad_states = torch.zeros_like(all_states)
        grad_weight = torch.zeros(weight.shape, dtype=grad.dtype, device=weight.device)
        grad_bias = None if bias is None else torch.zeros_like(bias)
        for rows in _parts(states, weight):
            again = _log_probs(states[rows], weight, bias) if kept is None else kept[matter[rows]]
            probs = again.exp_()
            gradient = probs.mul_(-total[rows]).scatter_add_(1, labels[rows], grad[rows])
            if grad_bias is not None:
                grad_bias += gradient.sum(0)
            with torch.autocast(states.device.type, enabled=False):
                gradient = gradient.to(states.dtype)
                grad_states[matter[rows]] = gradient @ weight
                grad_weight[ctx.fixed :] += gradient[:, ctx.fixed :].T @ states[rows]
        return grad_states.to(states_dtype), grad_weight.to(weight_dtype), grad_bias, None, None


def label_log_probs(
    states: Tensor, weight: Tensor, labels: Tensor, *, bias: Tensor | None = None, fixed: int = 0
) -> Tensor:
    """Log probabilities of a few labels at every position.

    Args:
        states: [N, D], N >= 1.
        weight: of the output layer, [V, D]; so is `bias`, [V], if it has one.
        labels: int64 [N, K].
        fixed: rows of the weight, the first ones, that get no gradient.

    Returns:
        [N, K], float32 at least.
    """
    return _LabelLogProbs.apply(states, weight, bias, labels, fixed)  # type: ignore[no-any-return,no-untyped-call]


class Scored(NamedTuple):
    """What is known of every position.

    Attributes:
        best: its most probable label, int64 [N].
        best_log_probs: of that label, [N].
        log_probs: of the labels asked for, [N, K].
    """

    best: Tensor
    best_log_probs: Tensor
    log_probs: Tensor


@torch.no_grad()
def score_labels(
    states: Tensor,
    weight: Tensor,
    labels: Tensor,
    excluded: Sequence[int] = (),
    *,
    bias: Tensor | None = None,
) -> Scored:
    """The most probable label of every position and the log probabilities of some, without a gradient.

    Args:
        states: [N, D], N >= 1.
        weight: of the output layer, [V, D]; so is `bias`, [V], if it has one.
        labels: int64 [N, K].
        excluded: labels that are never the most probable; they keep their share of the probability.
    """
    log_probs, parts = _LogProbs(states, weight, bias), []
    for rows in _parts(states, weight):
        scores = log_probs(rows)
        asked = scores.gather(1, labels[rows])
        scores[:, list(excluded)] = -torch.inf
        best = scores.max(-1)
        parts.append((best.indices, best.values, asked))
    return Scored(*map(torch.cat, zip(*parts, strict=True)))


@torch.no_grad()
def top_labels(
    states: Tensor, weight: Tensor, count: int, excluded: Sequence[int] = (), *, bias: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """The most probable labels of every position, best first, and their log probabilities: [N, count] each.

    The arguments are those of `score_labels`.
    """
    log_probs, parts = _LogProbs(states, weight, bias), []
    for rows in _parts(states, weight):
        scores = log_probs(rows)
        scores[:, list(excluded)] = -torch.inf
        best = scores.topk(count)
        parts.append((best.indices, best.values))
    labels, values = map(torch.cat, zip(*parts, strict=True))
    return labels, values


class _LogProbs:
    """Log probabilities of some rows of `states`."""

    def __init__(self, states: Tensor, weight: Tensor, bias: Tensor | None) -> None:
        dtype = _compute_dtype(states)
        self.states, self.weight = states.detach().to(dtype), weight.detach().to(dtype)
        self.bias = None if bias is None else bias.detach()

    def __call__(self, rows: slice) -> Tensor:
        return _log_probs(self.states[rows], self.weight, self.bias)
