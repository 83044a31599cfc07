"""Fine-tuning of CTC and the graph for the bigrams of the target (Shao and Feng 2022; Ma et al. 2023).

A likelihood punishes the right words one slot away as hard as wrong ones. Here a sentence's loss is that of
BLEU, for bigrams g that are expected of a translation drawn from the student, wherever they stand:

    L = 1 - M / H · min(1, exp(1 - R / H)),   M = Σ_g min(C_y(g), E[C(g)])

Begin and end of a sentence count as tokens, so the target has R = T + 1 bigrams, the translation
H = E[length] + 1. The slots are independent, so E[C(u v)] is a sum over pairs of slots: u is written in
one, v in the other, nothing between them. Any target will do, also one with more tokens than slots.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from onepass.models.autoregressive import BOS, EOS, PAD, with_end
from onepass.models.ctc import CTCTransformer
from onepass.models.dag import DAGTransformer
from onepass.models.one_pass import Decoded
from onepass.models.slots import IMPOSSIBLE, SlotTransformer
from onepass.objectives.cross_entropy import Batch, LossTerm
from onepass.objectives.ctc import with_blank
from onepass.objectives.latent import slot_log_probs


class Expected(NamedTuple):
    """What a translation drawn from the student has.

    Attributes:
        bigrams: how often it has each of the target's T + 1 bigrams, [B, T + 1]; anything behind the last.
        length: its tokens, [B].
    """

    bigrams: Tensor
    length: Tensor


@dataclass(frozen=True)
class BigramObjective:
    """The loss of a sentence times its tokens, so that long ones count for more, as in BLEU."""

    def counts(self, batch: Batch) -> dict[str, int]:
        return {"bigrams": int((batch.tgt_ids != PAD).sum()), "length": batch.src_ids.size(0)}

    def terms(self, model: torch.nn.Module, batch: Batch) -> dict[str, LossTerm]:
        """Terms `bigrams`, and measured alone `length`: the expected length over the target's."""
        assert isinstance(model, SlotTransformer)
        decoded = model.decode(batch.src_ids, model.encode(batch.src_ids))
        expected = _expected(model, decoded, batch.tgt_ids)
        counts, lengths = self.counts(batch), (batch.tgt_ids != PAD).sum(1)
        losses = (1 - score(expected, batch.tgt_ids)) * lengths
        ratio = expected.length.detach() / lengths
        return {
            "bigrams": LossTerm(losses.sum(), counts["bigrams"]),
            "length": LossTerm(ratio.sum(), counts["length"], weight=0.0),
        }


def _expected(model: SlotTransformer, decoded: Decoded, tgt_ids: Tensor) -> Expected:
    in_full = torch.autocast(tgt_ids.device.type, enabled=False)
    if isinstance(model, CTCTransformer):
        log_probs = slot_log_probs(model, decoded, with_blank(tgt_ids, model.blank))
        with in_full:
            return expected_of_ctc(log_probs, tgt_ids, decoded.mask)
    assert isinstance(model, DAGTransformer)
    log_probs, edges = slot_log_probs(model, decoded, tgt_ids), model.edges(decoded)
    with in_full:
        return expected_of_graph(log_probs, edges, tgt_ids, decoded.mask)


def score(expected: Expected, tgt_ids: Tensor) -> Tensor:
    """Precision of the expected bigrams times brevity penalty: [B], 1 where all is as in the target."""
    before, after = _ends(tgt_ids)
    bigram = before * (tgt_ids.max() + EOS) + after
    real = after != PAD
    times = ((bigram[:, :, None] == bigram[:, None, :]) & real[:, None, :]).sum(2).clamp(min=1)
    # A bigram that the target has n times is there n times: each adds its share of the matches.
    matched = torch.minimum(expected.bigrams, times) / times  # [B, T + 1]
    in_target, in_hyp = real.sum(1), expected.length + 1
    brevity = (1 - in_target / in_hyp).clamp(max=0).exp()
    return matched.masked_fill(~real, 0).sum(1) / in_hyp * brevity


def expected_of_ctc(log_probs: Tensor, tgt_ids: Tensor, mask: Tensor) -> Expected:
    """Of the tokens that are left when equal neighbours are one and blanks go.

    The length counts equal neighbours of which the target has none each for itself.

    Args:
        log_probs: of the target's tokens and the blank in each slot, [B, L, T + 1].
        tgt_ids: int64 [B, T], padded with 0.
        mask: bool [B, L], the real slots.
    """
    real = mask[:, :, None] & (tgt_ids != PAD)[:, None, :]
    tokens = log_probs[:, :, :-1].exp().masked_fill(~real, 0)
    blank = log_probs[:, :, -1].masked_fill(~mask, 0)  # what is no slot is a blank
    last = torch.full_like(tgt_ids[:, 0], mask.size(1) + 1)
    first, second = _first_and_second(F.pad(tokens, (0, 0, 1, 1)), tgt_ids, last)
    # P(nothing between the places i < j) is a product of blanks: their sum up to j - 1 less that up to i.
    up_to = blank.cumsum(1)
    until, before = F.pad(up_to, (1, 1)), F.pad(up_to, (2, 0))  # [B, L + 2]
    later = torch.ones(until.size(1), until.size(1), dtype=torch.bool, device=mask.device).triu(1)
    nothing = (before[:, None, :] - until[:, :, None]).masked_fill(~later, IMPOSSIBLE).exp()
    bigrams = (first * (nothing @ second)).sum(1)
    # Two equal tokens side by side are one token.
    one, other = _ends(tgt_ids)
    merged = (first[:, :-1] * second[:, 1:]).sum(1)
    times = (tgt_ids[:, :, None] == tgt_ids[:, None, :]).sum(2)
    repeats = ((tokens[:, :-1] * tokens[:, 1:]).sum(1) / times).sum(1)
    return Expected(bigrams - torch.where(one == other, merged, 0), -blank.expm1().sum(1) - repeats)


def expected_of_graph(log_probs: Tensor, edges: Tensor, tgt_ids: Tensor, mask: Tensor) -> Expected:
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
    first, second = _first_and_second(log_probs.exp().masked_fill(~real, 0), tgt_ids, last)
    follows = edges.exp()
    # P(a path visits j) = Σ_i P(it visits i) E_ij, and 1 for the first slot: a triangular system.
    start = (slot == 0).to(follows.dtype).expand(len(mask), -1)[:, :, None]
    system = torch.eye(mask.size(1), dtype=follows.dtype, device=mask.device) - follows.transpose(1, 2)
    visited = torch.linalg.solve_triangular(system, start, upper=False, unitriangular=True)  # [B, L, 1]
    return Expected((first * visited * (follows @ second)).sum(1), visited.sum((1, 2)) - 2)


def _ends(tgt_ids: Tensor) -> tuple[Tensor, Tensor]:
    """The first and the second tokens of the target's bigrams, int64 [B, T + 1] each."""
    return F.pad(tgt_ids, (1, 0), value=BOS), with_end(tgt_ids)


def _first_and_second(tokens: Tensor, tgt_ids: Tensor, last: Tensor) -> tuple[Tensor, Tensor]:
    """Probabilities of the first and of the second token of each bigram in each place, [B, L, T + 1].

    Args:
        tokens: of the target's, [B, L, T]; 0 in the first place, where a sentence begins, and the last one.
        tgt_ids: int64 [B, T].
        last: where a sentence ends, int64 [B].
    """
    first, second = F.pad(tokens, (1, 0)), F.pad(tokens, (0, 1))
    first[:, 0, 0] = 1
    row = torch.arange(len(last), device=last.device)
    second[row, last, (tgt_ids != PAD).sum(1)] = 1
    return first, second
