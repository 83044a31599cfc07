"""One-pass decoding of the fertility student: argmax, average, noisy parallel (Gu et al. 2018, 3.3).

Noisy parallel decoding draws fertilities by inverting their cumulative distribution at given uniform
numbers, candidate n's numbers being the same for every sentence, so that a sentence's candidates
depend neither on its batch nor on how many candidates follow. Candidate 0 is the argmax.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from onepass.decoding.autoregressive import score
from onepass.models.autoregressive import BOS, EOS, PAD, AutoregressiveTransformer
from onepass.models.fertility import FertilityTransformer, length_cap
from onepass.nn.transformer import Memory

CANDIDATES_AT_ONCE = 512


class Translations(NamedTuple):
    """One translation a sentence.

    Attributes:
        ids: without padding.
        scores: mean log probability; of the student's tokens, or the teacher's where it chose.
        fertilities: how often each source token was copied.
    """

    ids: list[list[int]]
    scores: list[float]
    fertilities: list[list[int]]


def usable(fertilities: Tensor, logits: Tensor, src_mask: Tensor) -> Tensor:
    """Makes fertilities decodable: none at padding, at least one token, at most the cap.

    Where all are zero the position most sure of a token gets 1; beyond the cap the rest is cut.

    Args:
        fertilities: int64 [B, S].
        logits: of the fertility classes, [B, S, F].
        src_mask: bool [B, S].
    """
    fertilities = fertilities.masked_fill(~src_mask, 0)
    no_token = torch.log_softmax(logits.float(), -1)[..., 0].masked_fill(~src_mask, torch.inf)  # [B, S]
    surest = F.one_hot(no_token.argmin(1), fertilities.size(1))  # [B, S]
    fertilities = torch.where(fertilities.sum(1, keepdim=True) == 0, surest, fertilities)
    ends = fertilities.cumsum(1).minimum(length_cap(src_mask.sum(1))[:, None])
    return ends.diff(dim=1, prepend=torch.zeros_like(ends[:, :1]))


def argmax_fertilities(logits: Tensor, src_mask: Tensor) -> Tensor:
    """The most probable fertility of each source token; logits [B, S, F] -> int64 [B, S] (equation 6)."""
    return usable(logits.argmax(-1), logits, src_mask)


def average_fertilities(logits: Tensor, src_mask: Tensor) -> Tensor:
    """round(Σ_f f · p(f)) of each source token; logits [B, S, F] -> int64 [B, S] (equation 7)."""
    classes = torch.arange(logits.size(-1), device=logits.device, dtype=torch.float32)
    mean = (logits.float().softmax(-1) * classes).sum(-1)
    return usable(mean.round().long(), logits, src_mask)


def sampled_fertilities(logits: Tensor, src_mask: Tensor, uniform: Tensor) -> Tensor:
    """One sample a row of uniform numbers (equation 8's candidates).

    Args:
        logits: [B, S, F].
        src_mask: bool [B, S].
        uniform: in [0, 1), [N, at least S].

    Returns:
        int64 [B, N, S].
    """
    cumulative = logits.float().softmax(-1).cumsum(-1)  # [B, S, F]
    draws = uniform[:, : logits.size(1)].T.expand(logits.size(0), -1, -1).contiguous()  # [B, S, N]
    samples = torch.searchsorted(cumulative, draws, right=True).clamp_(max=logits.size(-1) - 1)
    samples = samples.transpose(1, 2)  # [B, N, S]
    shape = samples.shape
    flat = samples.flatten(0, 1)
    candidates = shape[1]
    return usable(
        flat, logits.repeat_interleave(candidates, 0), src_mask.repeat_interleave(candidates, 0)
    ).view(shape)


class _Decoded(NamedTuple):
    ids: Tensor  # int64 [B, T], padded with 0
    scores: Tensor  # float32 [B]


def _decode(model: FertilityTransformer, src_ids: Tensor, fertilities: Tensor, memory: Memory) -> _Decoded:
    states, mask = model.decode(src_ids, fertilities, memory)
    log_probs = torch.log_softmax(model.logits(states[mask]).float(), -1)  # [N, V]
    log_probs[:, [PAD, BOS, EOS]] = -torch.inf
    best, tokens = log_probs.max(-1)
    ids = torch.zeros(mask.shape, dtype=torch.int64, device=mask.device).masked_scatter_(mask, tokens)
    sums = torch.zeros(mask.shape, device=mask.device).masked_scatter_(mask, best).sum(1)
    return _Decoded(ids, sums / mask.sum(1))


def _unpad(rows: Tensor, lengths: Tensor) -> list[list[int]]:
    return [row[:n] for row, n in zip(rows.tolist(), lengths.tolist(), strict=True)]


@torch.no_grad()
def decode_once(model: FertilityTransformer, src_ids: Tensor, *, average: bool = False) -> Translations:
    """Argmax or average fertilities, then every target token at once.

    Args:
        model: in eval mode.
        src_ids: int64 [B, S], padded with 0.
        average: average instead of argmax fertilities.
    """
    memory = model.encode(src_ids)
    choose = average_fertilities if average else argmax_fertilities
    fertilities = choose(model.fertility_logits(memory), memory.mask)
    ids, scores = _decode(model, src_ids, fertilities, memory)
    return Translations(
        _unpad(ids, fertilities.sum(1)), scores.tolist(), _unpad(fertilities, memory.mask.sum(1))
    )


@torch.no_grad()
def noisy_parallel(
    model: FertilityTransformer, teacher: AutoregressiveTransformer, src_ids: Tensor, uniform: Tensor
) -> Translations:
    """Noisy parallel decoding: N candidates decoded in one batch, the teacher's favourite wins.

    Args:
        model: the student, in eval mode.
        teacher: scores all candidates in one parallel pass (equation 8); in eval mode.
        src_ids: int64 [B, S], padded with 0.
        uniform: numbers in [0, 1) for the N - 1 samples behind the argmax, [N - 1, at least S].
    """
    memory = model.encode(src_ids)
    logits = model.fertility_logits(memory)
    first = argmax_fertilities(logits, memory.mask)[:, None]  # [B, 1, S]
    if len(uniform):
        first = torch.cat([first, sampled_fertilities(logits, memory.mask, uniform)], 1)  # [B, N, S]
    sentences, candidates, _ = first.shape
    # Equal candidates of a sentence are decoded once; so many at a time that memory stays bounded.
    sentence = torch.arange(sentences, device=src_ids.device).repeat_interleave(candidates)
    keyed = torch.cat([sentence[:, None], first.flatten(0, 1)], 1)  # [B·N, 1 + S]
    distinct, inverse = torch.unique(keyed, dim=0, return_inverse=True)
    teacher_memory = teacher.encode(src_ids)
    decoded: list[list[int]] = []
    scores: list[Tensor] = []
    for part in distinct.split(CANDIDATES_AT_ONCE):
        rows, fertilities = part[:, 0], part[:, 1:]
        ids, _ = _decode(model, src_ids[rows], fertilities, memory.select(rows))
        scores.append(score(teacher, ids, teacher_memory.select(rows)))
        decoded += _unpad(ids, fertilities.sum(1))
    inverse = inverse.view(sentences, candidates)
    best, winner = torch.cat(scores)[inverse].max(1)  # [B]
    row = inverse.gather(1, winner[:, None])[:, 0]
    return Translations(
        [decoded[i] for i in row.tolist()],
        best.tolist(),
        _unpad(distinct[row, 1:], memory.mask.sum(1)),
    )
