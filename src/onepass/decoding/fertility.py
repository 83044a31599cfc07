"""Decoding of students with fertilities: argmax, average, noisy parallel (Gu et al. 2018, section 3.3).

Noisy parallel decoding draws fertilities by inverting their cumulative distribution at given uniform
numbers, candidate n's numbers being the same for every sentence, so that a sentence's candidates
depend neither on its batch nor on how many candidates follow. Candidate 0 is the argmax.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from onepass.decoding.autoregressive import score
from onepass.decoding.one_pass import CANDIDATES_AT_ONCE, unpad
from onepass.decoding.options import Decoder, DecodingOptions
from onepass.models import Model
from onepass.models.autoregressive import PAD
from onepass.models.fertility import (
    FertilityTransformer,
    Tokens,
    argmax_fertilities,
    average_fertilities,
    most_probable,
    sampled_fertilities,
)
from onepass.models.stepwise import WordByWord
from onepass.nn.transformer import Memory
from onepass.runtime.alternatives import Scored
from onepass.runtime.candidates import candidate_numbers
from onepass.runtime.text_translator import Hypotheses


class NoisyCandidates(NamedTuple):
    """The candidates of noisy parallel decoding; equal fertilities of a sentence are one row.

    Attributes:
        ids: int64 [R, T].
        fertilities: int64 [R, S]; a row's sum is its length in `ids`.
        scores: the teacher's mean log probability, else the student's, [R].
        sources: the source token that each token comes from, int64 [R, T].
        rows: which row each candidate of each sentence is, [B, N]; candidate 0 is the argmax.
    """

    ids: Tensor
    fertilities: Tensor
    scores: Tensor
    sources: Tensor
    rows: Tensor


class _Written(NamedTuple):
    """Tokens with their scores, and the source token that each comes from, int64 [B, T]."""

    tokens: Tokens
    sources: Tensor


def decoder(model: Model, options: DecodingOptions) -> Decoder:
    """The decoder of a student with fertilities."""
    assert isinstance(model, FertilityTransformer)
    teacher, n_best = options.teacher, options.n_best
    number = max(options.num_candidates, n_best)
    if number == 1:
        return lambda src_ids: decode_once(model, src_ids, average=options.average)
    device = next(model.parameters()).device
    uniform = torch.from_numpy(candidate_numbers(number, seed=options.seed)).to(device)
    return lambda src_ids: noisy_parallel(model, teacher, src_ids, uniform, n_best=n_best)


def _decode(model: FertilityTransformer, src_ids: Tensor, fertilities: Tensor, memory: Memory) -> _Written:
    decoded = model.decode(src_ids, fertilities, memory)
    return _Written(most_probable(model, decoded), model.attended(memory, decoded))


@torch.no_grad()
def decode_once(model: FertilityTransformer, src_ids: Tensor, *, average: bool = False) -> Hypotheses:
    """Argmax or average fertilities, then every target token at once.

    Args:
        model: in eval mode.
        src_ids: int64 [B, S], padded with 0.
        average: average instead of argmax fertilities.
    """
    memory = model.encode(src_ids)
    choose = average_fertilities if average else argmax_fertilities
    src_mask = model.src_mask(memory)
    fertilities = choose(model.fertility_logits(memory), src_mask)
    (ids, scores), attended = _decode(model, src_ids, fertilities, memory)
    lengths = fertilities.sum(1)
    return Hypotheses(
        unpad(ids, lengths),
        scores.tolist(),
        with_end=False,
        fertilities=unpad(fertilities, src_mask.sum(1)),
        sources=unpad(attended, lengths),
    )


@torch.no_grad()
def noisy_candidates(
    model: FertilityTransformer, teacher: WordByWord | None, src_ids: Tensor, uniform: Tensor
) -> NoisyCandidates:
    """Decodes and scores what noisy parallel decoding chooses from; the arguments are the same."""
    memory = model.encode(src_ids)
    logits, src_mask = model.fertility_logits(memory), model.src_mask(memory)
    first = argmax_fertilities(logits, src_mask)[:, None]  # [B, 1, S]
    if len(uniform):
        first = torch.cat([first, sampled_fertilities(logits, src_mask, uniform)], 1)  # [B, N, S]
    sentences, candidates, _ = first.shape
    # Equal candidates of a sentence are decoded once, equal translations scored once; those of one
    # length go together, so many at a time that memory stays bounded.
    sentence = torch.arange(sentences, device=src_ids.device).repeat_interleave(candidates)
    keyed = torch.cat([sentence[:, None], first.flatten(0, 1)], 1)  # [B·N, 1 + S]
    distinct, inverse = torch.unique(keyed, dim=0, return_inverse=True)
    tgt_lengths = distinct[:, 1:].sum(1)
    decoded = distinct.new_zeros(len(distinct), int(tgt_lengths.max()))
    sources = torch.zeros_like(decoded)
    scores = torch.zeros(len(distinct), device=src_ids.device)
    teacher_memory = None if teacher is None else teacher.encode(src_ids)
    for part in tgt_lengths.argsort(stable=True).split(CANDIDATES_AT_ONCE):
        rows = distinct[part, 0]
        (ids, own), attended = _decode(model, src_ids[rows], distinct[part, 1:], memory.select(rows))
        decoded[part, : ids.size(1)], sources[part, : ids.size(1)] = ids, attended
        if teacher is None or teacher_memory is None:
            scores[part] = own
            continue
        outputs, same = torch.unique(torch.cat([rows[:, None], ids], 1), dim=0, return_inverse=True)
        scores[part] = score(teacher, outputs[:, 1:], teacher_memory.select(outputs[:, 0]))[same]
    rows = inverse.view(sentences, candidates)
    return NoisyCandidates(decoded, distinct[:, 1:], scores, sources, rows)


@torch.no_grad()
def noisy_parallel(
    model: FertilityTransformer,
    teacher: WordByWord | None,
    src_ids: Tensor,
    uniform: Tensor,
    *,
    n_best: int = 1,
) -> Hypotheses:
    """Noisy parallel decoding: N candidates decoded in one batch, the teacher's favourite wins.

    Without a teacher it is the one with the student's own best score.

    Args:
        model: the student, in eval mode.
        teacher: scores all candidates in one parallel pass (equation 8); in eval mode.
        src_ids: int64 [B, S], padded with 0.
        uniform: numbers in [0, 1) for the N - 1 samples after the argmax, [N - 1, at least S].
        n_best: candidates that are given.
    """
    found = noisy_candidates(model, teacher, src_ids, uniform)
    ids, fertilities, scores, sources, rows = found
    best, winner = scores[rows].max(1)  # [B]
    row = rows.gather(1, winner[:, None])[:, 0]
    chosen = fertilities[row]
    lengths = chosen.sum(1)
    return Hypotheses(
        unpad(ids[row], lengths),
        best.tolist(),
        with_end=teacher is not None,
        fertilities=unpad(chosen, src_ids.ne(PAD).sum(1)),
        sources=unpad(sources[row], lengths),
        others=None if n_best == 1 else [_others(found, of_row, n_best) for of_row in rows.tolist()],
    )


def _others(found: NoisyCandidates, rows: list[int], n_best: int) -> list[Scored]:
    """The different translations of a sentence behind the best one, the best first."""
    scores = found.scores[rows].tolist()
    different: dict[tuple[int, ...], float] = {}
    for score_of, row in sorted(zip(scores, rows, strict=True), reverse=True):
        length = int(found.fertilities[row].sum())
        different.setdefault(tuple(found.ids[row, :length].tolist()), score_of)
    return [Scored(list(ids), score_of) for ids, score_of in list(different.items())[1:n_best]]
