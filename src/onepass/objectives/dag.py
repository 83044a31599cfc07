"""The likelihood of a target over all paths of a directed acyclic graph (Huang et al. 2022, section 3).

A sentence of T words is T + 2 steps: the first slot, T slots that write a word each, the last slot. With
P_j(y) the words of slot j and E_ij the edges,

    f_0 = 1 at the first slot,   f_t(j) = P_j(y_t) Σ_i f_{t-1}(i) E_ij,   P(y) = f_{T+1}(last slot).

The sums are matrix products of probabilities scaled by the largest of each step, in float64, whose range
holds what log-sums would. A slot that is too far left to be reached in t steps, or too far right for the
steps that are left, is impossible at step t.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from onepass.models.autoregressive import PAD
from onepass.models.dag import DAGTransformer
from onepass.models.one_pass import NEVER, Decoded, OnePassTransformer
from onepass.models.slots import IMPOSSIBLE, Revealed, SlotTransformer
from onepass.models.stepwise import WordByWord
from onepass.nn.output_layer import score_labels
from onepass.objectives.bigrams import BigramObjective, Expected, first_and_second
from onepass.objectives.glancing import Glancing, choose
from onepass.objectives.latent import LatentObjective, Losses, each_slot, in_place, slot_log_probs
from onepass.objectives.objective import Batch, Objective
from onepass.objectives.vocabulary import Output
from onepass.settings import FinetuneSettings, StudentSettings

LARGEST_EXPONENT = 700.0
"""exp() of more leaves float64; it belongs to edges whose probability is 0 there."""


class Graph(NamedTuple):
    """What a path is made of.

    Attributes:
        words: log probability of step t's word in slot j, [B, T + 2, L]; impossible steps included.
        edges: log probability of going from slot i to slot j, [B, L, L].
        steps: int64 [B], T_b + 2.
        lengths: real slots, int64 [B].
    """

    words: Tensor
    edges: Tensor
    steps: Tensor
    lengths: Tensor


def graph(word_log_probs: Tensor, edges: Tensor, tgt_lengths: Tensor, lengths: Tensor) -> Graph:
    """The graph of a batch.

    Args:
        word_log_probs: of each target word in each slot, [B, T, L].
        edges: [B, L, L].
        tgt_lengths: T_b, int64 [B].
        lengths: real slots, int64 [B].
    """
    steps = tgt_lengths + 2
    step = torch.arange(word_log_probs.size(1) + 2, device=edges.device)[None, :, None]
    slot = torch.arange(edges.size(1), device=edges.device)[None, None, :]
    final_step, final_slot = (steps - 1)[:, None, None], (lengths - 1)[:, None, None]
    possible = (slot >= step) & (final_slot - slot >= final_step - step) & (step <= final_step)
    silent = (step == 0) | (step == final_step)
    possible &= torch.where(silent, (slot == 0) | (slot == final_slot), (slot > 0) & (slot < final_slot))
    words = F.pad(word_log_probs, (0, 0, 1, 1)).masked_fill(silent, 0)
    return Graph(words.masked_fill(~possible, IMPOSSIBLE), edges, steps, lengths)


def _log(sums: Tensor) -> Tensor:
    return sums.clamp_min(torch.finfo(sums.dtype).tiny).log()


def _from_start(words: Tensor, edge_probs: Tensor) -> Tensor:
    """log f_t(j): [B, T + 2, L]."""
    reached = [words[:, 0]]
    for t in range(1, words.size(1)):
        scale = reached[-1].amax(1, keepdim=True)
        sums = torch.bmm((reached[-1] - scale).exp()[:, None], edge_probs)[:, 0]
        reached.append(words[:, t] + _log(sums) + scale)
    return torch.stack(reached, 1)


def _to_end(words: Tensor, edge_probs: Tensor, steps: Tensor, lengths: Tensor) -> Tensor:
    """Log probability of what follows step t in slot j: [B, T + 2, L]."""
    slot = torch.arange(words.size(2), device=words.device)
    end = torch.zeros_like(words[:, 0]).masked_fill(slot != (lengths - 1)[:, None], IMPOSSIBLE)  # [B, L]
    follows = [end.masked_fill((steps != words.size(1))[:, None], IMPOSSIBLE)]
    for t in range(words.size(1) - 2, -1, -1):
        ahead = words[:, t + 1] + follows[-1]
        scale = ahead.amax(1, keepdim=True)
        sums = torch.bmm(edge_probs, (ahead - scale).exp()[:, :, None])[:, :, 0]
        follows.append(torch.where((steps == t + 1)[:, None], end, _log(sums) + scale))
    return torch.stack(follows[::-1], 1)


def _total(reached: Tensor, steps: Tensor, lengths: Tensor) -> Tensor:
    """log P(y), read at the last step of each sentence in its last slot: [B]."""
    row = torch.arange(reached.size(0), device=reached.device)
    return reached[row, steps - 1, lengths - 1]


class _LogLikelihood(torch.autograd.Function):
    """Only f is kept; what follows is computed in the backward pass."""

    @staticmethod
    def forward(ctx: Any, words: Tensor, edges: Tensor, steps: Tensor, lengths: Tensor) -> Tensor:
        with torch.autocast(words.device.type, enabled=False):
            reached = _from_start(words.double(), edges.double().exp())
        total = _total(reached, steps, lengths)
        ctx.save_for_backward(words, edges, steps, lengths, reached, total)
        return total.to(words.dtype)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, None, None]:
        words, edges, steps, lengths, reached, total = ctx.saved_tensors
        dtype, words, edge_probs = words.dtype, words.double(), edges.double().exp()
        follows = _to_end(words, edge_probs, steps, lengths)
        fits = total > IMPOSSIBLE / 2
        grad = torch.where(fits, grad, 0)[:, None, None]
        total = torch.where(fits, total, 0)[:, None, None]
        inside = words > IMPOSSIBLE / 2
        posterior = (reached + follows - total).masked_fill(~inside, IMPOSSIBLE).exp()
        # P(edge i -> j in a path) = E_ij Σ_t f_t(i) P_j(y_{t+1}) b_{t+1}(j) / P(y): one product over t.
        scale = reached.amax(2, keepdim=True)
        left = (reached - scale).masked_fill(~inside, IMPOSSIBLE).exp()[:, :-1]  # [B, T + 1, L]
        ahead = (words + follows)[:, 1:] + scale[:, :-1] - total
        right = ahead.clamp(max=LARGEST_EXPONENT).masked_fill(~inside[:, 1:], IMPOSSIBLE).exp()
        used = edge_probs * torch.bmm(left.transpose(1, 2), right)
        return (posterior * grad).to(dtype), (used * grad).to(edges.dtype), None, None


def log_likelihood(paths: Graph) -> Tensor:
    """log P(y) of each sentence, [B]; below IMPOSSIBLE / 2 where there are too few slots.

    The gradient of `words` is the probability that step t is in slot j, that of `edges` that a path has the
    edge; both are 0 for a sentence with too few slots.
    """
    return _LogLikelihood.apply(*paths)  # type: ignore[no-any-return,no-untyped-call]


@torch.no_grad()
def best_path(paths: Graph) -> Tensor:
    """The most probable path: the slot of each step, int64 [B, T + 2]; 0 behind the last step."""
    words, edges, steps, lengths = paths
    reached, came_from = words[:, 0], []
    for t in range(1, words.size(1)):
        best, back = (reached[:, :, None] + edges).max(1)  # [B, L]
        # Behind a sentence's last step everything stays, so that its end can be read at the last of all.
        reached = torch.where((t < steps)[:, None], best + words[:, t], reached)
        came_from.append(back)
    path = torch.zeros(words.shape[:2], dtype=torch.int64, device=words.device)
    place = lengths - 1
    for t in range(words.size(1) - 1, -1, -1):
        real = t < steps
        path[:, t] = torch.where(real, place, 0)
        if t:
            place = torch.where(real, came_from[t - 1].gather(1, place[:, None])[:, 0], place)
    return path


def objective(student: StudentSettings, larger: OnePassTransformer | None) -> Objective:
    """Of a DAG student: what spells the target."""
    return DAGObjective(student.slots, Glancing.of(student.glancing))


def finetuning(settings: FinetuneSettings, teacher: WordByWord | None) -> Objective:
    """Of a DAG student's fine-tuning: the bigrams of the references."""
    return BigramObjective(expected_bigrams)


class DAGObjective(LatentObjective):
    """-log P of the target over all its paths through the graph."""

    def fits(self, batch: Batch) -> Tensor:
        return self.read_lengths(batch) * self.slots >= (batch.tgt_ids != PAD).sum(1)

    def losses(self, model: SlotTransformer, batch: Batch, decoded: Decoded, output: Output) -> Losses:
        assert isinstance(model, DAGTransformer)
        words = slot_log_probs(output, decoded, batch.tgt_ids)
        return Losses(-log_likelihood(_graph(model, batch, decoded, words)), words)

    def glance(
        self, model: SlotTransformer, batch: Batch, attempt: Decoded, output: Output, share: float
    ) -> Revealed:
        assert isinstance(model, DAGTransformer)
        states, mask, _ = attempt
        places = each_slot(output.places(batch.tgt_ids), mask)
        scored = score_labels(states[mask], output.weight, places, NEVER, bias=output.bias)
        words = in_place(scored.log_probs, mask)
        path = best_path(_graph(model, batch, attempt, words))[:, 1:-1]  # [B, T]
        real = (batch.tgt_ids != PAD) & self.fits(batch)[:, None]
        written = torch.zeros(mask.shape, dtype=torch.int64, device=mask.device)
        written.masked_scatter_(mask, output.at(scored.best))
        wrong = ((written.gather(1, path) != batch.tgt_ids) & real).sum(1)
        chosen = choose((share * wrong).round().long(), real)
        # What is not chosen goes to the first slot, which is never told.
        place = path.masked_fill(~chosen, 0)
        revealed = torch.zeros_like(mask).scatter_(1, place, True)
        revealed[:, 0] = False
        return Revealed(revealed, torch.zeros_like(written).scatter_(1, place, batch.tgt_ids))


def _graph(model: DAGTransformer, batch: Batch, decoded: Decoded, words: Tensor) -> Graph:
    """From the log probabilities of the target's words in the slots, [B, L, T]."""
    tgt_lengths = (batch.tgt_ids != PAD).sum(1)
    return graph(words.transpose(1, 2), model.edges(decoded), tgt_lengths, decoded.mask.sum(1))


def expected_bigrams(model: SlotTransformer, decoded: Decoded, output: Output, tgt_ids: Tensor) -> Expected:
    """What a translation drawn from a graph has of the bigrams of the targets, [B, T] padded with 0."""
    assert isinstance(model, DAGTransformer)
    log_probs, edges = slot_log_probs(output, decoded, tgt_ids), model.edges(decoded)
    with torch.autocast(tgt_ids.device.type, enabled=False):
        return expected_of_paths(log_probs, edges, tgt_ids, decoded.mask)


def expected_of_paths(log_probs: Tensor, edges: Tensor, tgt_ids: Tensor, mask: Tensor) -> Expected:
    """Of the words along a path through the graph.

    Args:
        log_probs: of the target's words in each slot, [B, L, T].
        edges: log probability of going from slot i to slot j, [B, L, L].
        tgt_ids: int64 [B, T], padded with 0.
        mask: bool [B, L], the real slots; the first and the last of them write nothing.
    """
    slot = torch.arange(mask.size(1), device=mask.device)
    last = mask.sum(1) - 1
    writes = (slot > 0) & (slot < last[:, None])  # [B, L]
    real = writes[:, :, None] & (tgt_ids != PAD)[:, None, :]
    first, second = first_and_second(log_probs.exp().masked_fill(~real, 0), tgt_ids, last)
    follows = edges.exp()
    # P(a path visits j) = Σ_i P(it visits i) E_ij, and 1 for the first slot: a triangular system.
    start = (slot == 0).to(follows.dtype).expand(len(mask), -1)[:, :, None]
    system = torch.eye(mask.size(1), dtype=follows.dtype, device=mask.device) - follows.transpose(1, 2)
    visited = torch.linalg.solve_triangular(system, start, upper=False, unitriangular=True)  # [B, L, 1]
    return Expected((first * visited * (follows @ second)).sum(1), visited.sum((1, 2)) - 2)
