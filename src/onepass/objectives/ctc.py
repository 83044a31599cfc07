"""Connectionist temporal classification (Graves et al. 2006): all ways of spelling the target in the slots.

The target of T tokens is extended to E = 2T + 1 labels, a blank before, between and behind the tokens. A way
starts at the first or second label, stays, goes on by one, or by two where that skips a blank between
different tokens, and ends at the last or last but one. Log probabilities are float32.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from onepass.models.autoregressive import PAD
from onepass.models.ctc import CTCTransformer, feasible
from onepass.models.one_pass import NEVER, Decoded, OnePassTransformer
from onepass.models.slots import IMPOSSIBLE, Revealed, SlotTransformer
from onepass.models.stepwise import WordByWord
from onepass.nn.output_layer import score_labels
from onepass.objectives.bigrams import BigramObjective, Expected, ends, first_and_second
from onepass.objectives.compression import CompressionObjective
from onepass.objectives.glancing import Glancing, choose
from onepass.objectives.latent import LatentObjective, Losses, each_slot, in_place, slot_log_probs
from onepass.objectives.objective import Batch, Objective
from onepass.objectives.vocabulary import Output
from onepass.settings import FinetuneSettings, StudentSettings


class Lattice(NamedTuple):
    """What a way through the slots is made of.

    Attributes:
        log_probs: of each extended label in each slot, [B, L, E].
        skip: whether a way may come to an extended label from the last but one, bool [B, E].
        slots: int64 [B]; how many are real.
        tokens: int64 [B], T >= 1.
    """

    log_probs: Tensor
    skip: Tensor
    slots: Tensor
    tokens: Tensor


def lattice(blank: Tensor, token: Tensor, tgt_ids: Tensor, slots: Tensor) -> Lattice:
    """The lattice of a batch.

    Args:
        blank: log probability of the blank in each slot, [B, L].
        token: log probability of each target token in each slot, [B, L, T].
        tgt_ids: int64 [B, T], padded with 0.
        slots: int64 [B].
    """
    extended = blank[:, :, None].repeat(1, 1, 2 * token.size(2) + 1)  # [B, L, E]
    extended[:, :, 1::2] = token
    skip = torch.zeros(extended.size(0), extended.size(2), dtype=torch.bool, device=blank.device)
    skip[:, 3::2] = tgt_ids[:, 1:] != tgt_ids[:, :-1]
    return Lattice(extended, skip, slots, (tgt_ids != PAD).sum(1))


def _moves(scores: Tensor, skip: Tensor) -> Tensor:
    """The scores that a way comes from: staying, by one, by two; [B, E] -> [3, B, E]."""
    one = F.pad(scores[:, :-1], (1, 0), value=IMPOSSIBLE)
    two = F.pad(scores[:, :-2], (2, 0), value=IMPOSSIBLE)
    return torch.stack([scores, one, two.masked_fill(~skip, IMPOSSIBLE)])


def _start(log_probs: Tensor) -> Tensor:
    first = torch.full_like(log_probs[:, 0], IMPOSSIBLE)
    first[:, :2] = log_probs[:, 0, :2]
    return first


def _sums(log_probs: Tensor, skip: Tensor) -> Tensor:
    """Log-sum of all ways that begin in slot 0 and are at label e in slot l; [B, L, E] -> [B, L, E]."""
    rows = [_start(log_probs)]
    for slot in range(1, log_probs.size(1)):
        rows.append(_moves(rows[-1], skip).logsumexp(0) + log_probs[:, slot])
    return torch.stack(rows, 1)


def _last_two(sums: Tensor, slots: Tensor, tokens: Tensor) -> Tensor:
    """The two labels a way may end at, in the last slot; [B, L, E] -> [B, 2]: last token, last blank."""
    last = sums.gather(1, (slots - 1)[:, None, None].expand(-1, -1, sums.size(2)))[:, 0]  # [B, E]
    return last.gather(1, torch.stack([2 * tokens - 1, 2 * tokens], 1))


def _reversed(rows: Tensor, lengths: Tensor, dim: int) -> Tensor:
    """The first `lengths` entries of each sentence along a dimension in reverse order, the rest anywhere."""
    index = (lengths[:, None] - 1 - torch.arange(rows.size(dim), device=rows.device)) % rows.size(dim)
    shape = [1] * rows.dim()
    shape[0], shape[dim] = index.shape
    return rows.gather(dim, index.view(shape).expand_as(rows))


def likelihood(ways: Lattice) -> tuple[Tensor, Tensor]:
    """log P of each sentence [B], and the probability that slot l has label e in a way, [B, L, E].

    A sentence with too few slots has a log P below IMPOSSIBLE / 2, and a posterior of 0.
    """
    log_probs, skip, slots, tokens = ways
    labels = 2 * tokens + 1
    # Sums from the end are sums from the start of what is reversed: both in one loop.
    backwards = _reversed(_reversed(log_probs, slots, 1), labels, 2)
    # Reversed, label e is reached by two from what is reached from it by two.
    skip_backwards = _reversed(F.pad(skip[:, 2:], (0, 2)), labels, 1)
    both = _sums(torch.cat([log_probs, backwards]), torch.cat([skip, skip_backwards]))
    from_start, from_end = both.chunk(2)
    from_end = _reversed(_reversed(from_end, labels, 2), slots, 1)
    total = _last_two(from_start, slots, tokens).logsumexp(1)
    slot = torch.arange(log_probs.size(1), device=slots.device)
    label = torch.arange(log_probs.size(2), device=slots.device)
    real = (slot < slots[:, None])[:, :, None] & (label < labels[:, None])[:, None, :]  # [B, L, E]
    real &= (total > IMPOSSIBLE / 2)[:, None, None]
    posterior = from_start + from_end - log_probs - total[:, None, None]
    return total, posterior.masked_fill(~real, IMPOSSIBLE).exp()


class _NegativeLogLikelihood(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, log_probs: Tensor, skip: Tensor, slots: Tensor, tokens: Tensor) -> Tensor:
        total, posterior = likelihood(Lattice(log_probs, skip, slots, tokens))
        ctx.save_for_backward(posterior)
        return -total

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None, None]:
        (posterior,) = ctx.saved_tensors
        return -posterior * grad[:, None, None], None, None, None


def negative_log_likelihood(ways: Lattice) -> Tensor:
    """-log P of each sentence, [B]; the gradient of its log probabilities is minus their posterior."""
    return _NegativeLogLikelihood.apply(*ways)  # type: ignore[no-any-return,no-untyped-call]


@torch.no_grad()
def best_way(ways: Lattice) -> Tensor:
    """The most probable way (Viterbi): the extended label of each slot, int64 [B, L]; 0 behind the last."""
    log_probs, skip, slots, tokens = ways
    scores, moves = [_start(log_probs)], []
    for slot in range(1, log_probs.size(1)):
        best, move = _moves(scores[-1], skip).max(0)
        scores.append(best + log_probs[:, slot])
        moves.append(move)
    ends = _last_two(torch.stack(scores, 1), slots, tokens)
    label = 2 * tokens - 1 + ends.argmax(1)  # [B]
    way = torch.zeros(log_probs.shape[:2], dtype=torch.int64, device=slots.device)
    for slot in range(log_probs.size(1) - 1, -1, -1):
        real = slot < slots
        way[:, slot] = torch.where(real, label, 0)
        if slot:
            step = moves[slot - 1].gather(1, label[:, None])[:, 0]
            label = torch.where(real, label - step, label)
    return way


def objective(student: StudentSettings, larger: OnePassTransformer | None) -> Objective:
    """Of a CTC student: what spells the target, or the distributions of the larger student it compresses."""
    if larger is not None:
        assert isinstance(larger, CTCTransformer)
        return CompressionObjective(larger)
    return CTCObjective(student.slots, Glancing.of(student.glancing))


def finetuning(settings: FinetuneSettings, teacher: WordByWord | None) -> Objective:
    """Of a CTC student's fine-tuning: the bigrams of the references."""
    return BigramObjective(expected_bigrams)


class CTCObjective(LatentObjective):
    """-log P of the target over all its ways through the slots."""

    def fits(self, batch: Batch) -> Tensor:
        return feasible(self.read_lengths(batch), batch.tgt_ids, self.slots)

    def losses(self, model: SlotTransformer, batch: Batch, decoded: Decoded, output: Output) -> Losses:
        assert isinstance(model, CTCTransformer)
        log_probs = slot_log_probs(output, decoded, with_blank(batch.tgt_ids, model.blank))
        return Losses(negative_log_likelihood(lattice_of(log_probs, batch.tgt_ids, decoded.mask)), log_probs)

    def glance(
        self, model: SlotTransformer, batch: Batch, attempt: Decoded, output: Output, share: float
    ) -> Revealed:
        assert isinstance(model, CTCTransformer)
        states, mask, _ = attempt
        places = each_slot(output.places(with_blank(batch.tgt_ids, model.blank)), mask)
        scored = score_labels(states[mask], output.weight, places, NEVER, bias=output.bias)
        way = best_way(lattice_of(in_place(scored.log_probs, mask), batch.tgt_ids, mask))
        tokens = batch.tgt_ids.gather(1, (way // 2).clamp(max=batch.tgt_ids.size(1) - 1))
        told = torch.where(way % 2 == 1, tokens, model.blank)  # [B, L]
        written = torch.zeros_like(told).masked_scatter_(mask, output.at(scored.best))
        wrong = ((written != told) & mask).sum(1) * self.fits(batch)
        return Revealed(choose((share * wrong).round().long(), mask), told)


def with_blank(tgt_ids: Tensor, blank: int) -> Tensor:
    """The labels that matter to a sentence, its tokens and the blank: [B, T + 1]."""
    return F.pad(tgt_ids, (0, 1), value=blank)


def lattice_of(log_probs: Tensor, tgt_ids: Tensor, mask: Tensor) -> Lattice:
    """From the log probabilities [B, L, T + 1] of `with_blank`."""
    return lattice(log_probs[:, :, -1], log_probs[:, :, :-1], tgt_ids, mask.sum(1))


def expected_bigrams(model: SlotTransformer, decoded: Decoded, output: Output, tgt_ids: Tensor) -> Expected:
    """What a translation drawn from a CTC student has of the bigrams of the targets, [B, T] padded with 0."""
    assert isinstance(model, CTCTransformer)
    log_probs = slot_log_probs(output, decoded, with_blank(tgt_ids, model.blank))
    with torch.autocast(tgt_ids.device.type, enabled=False):
        return expected_of_labels(log_probs, tgt_ids, decoded.mask)


def expected_of_labels(log_probs: Tensor, tgt_ids: Tensor, mask: Tensor) -> Expected:
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
    first, second = first_and_second(F.pad(tokens, (0, 0, 1, 1)), tgt_ids, last)
    # P(nothing between the places i < j) is a product of blanks: their sum up to j - 1 less that up to i.
    up_to = blank.cumsum(1)
    until, before = F.pad(up_to, (1, 1)), F.pad(up_to, (2, 0))  # [B, L + 2]
    later = torch.ones(until.size(1), until.size(1), dtype=torch.bool, device=mask.device).triu(1)
    nothing = (before[:, None, :] - until[:, :, None]).masked_fill(~later, IMPOSSIBLE).exp()
    bigrams = (first * (nothing @ second)).sum(1)
    # Two equal tokens side by side are one token.
    one, other = ends(tgt_ids)
    merged = (first[:, :-1] * second[:, 1:]).sum(1)
    times = (tgt_ids[:, :, None] == tgt_ids[:, None, :]).sum(2)
    repeats = ((tokens[:, :-1] * tokens[:, 1:]).sum(1) / times).sum(1)
    return Expected(bigrams - torch.where(one == other, merged, 0), -blank.expm1().sum(1) - repeats)
