"""One-pass decoding. Of the fertility student: argmax, average, noisy parallel (Gu et al. 2018, 3.3).

Noisy parallel decoding draws fertilities by inverting their cumulative distribution at given uniform
numbers, candidate n's numbers being the same for every sentence, so that a sentence's candidates
depend neither on its batch nor on how many candidates follow. Candidate 0 is the argmax.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from torch import Tensor

from onepass.decoding.autoregressive import score
from onepass.models.autoregressive import PAD, AutoregressiveTransformer
from onepass.models.ctc import CTCTransformer, collapse
from onepass.models.dag import (
    DAGTransformer,
    Spellings,
    best_walk,
    discount_repeats,
    most_probable_words,
    walk,
)
from onepass.models.fertility import (
    FertilityTransformer,
    Tokens,
    argmax_fertilities,
    average_fertilities,
    most_probable,
    sampled_fertilities,
)
from onepass.models.one_pass import NEVER, Decoded, compact
from onepass.models.slots import SlotTransformer
from onepass.nn.output_layer import top_labels
from onepass.nn.transformer import Memory

CANDIDATES_AT_ONCE = 512
Search = Literal["greedy", "lookahead", "viterbi", "marginal"]
"""How the words of a graph are found."""


class Translations(NamedTuple):
    """One translation a sentence.

    Attributes:
        ids: without padding.
        scores: mean log probability a token; of the student's tokens, or the teacher's where it chose.
        fertilities: how often each source token was copied; None where nothing is copied.
    """

    ids: list[list[int]]
    scores: list[float]
    fertilities: list[list[int]] | None


def _decode(model: FertilityTransformer, src_ids: Tensor, fertilities: Tensor, memory: Memory) -> Tokens:
    return most_probable(model, model.decode(src_ids, fertilities, memory))


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


def likely_labels(model: SlotTransformer, decoded: Decoded, count: int) -> tuple[Tensor, Tensor]:
    """The `count` most probable labels of every slot, log probabilities: [B, L, count] each; 0 at padding."""
    states, mask = decoded
    labels = torch.zeros(*mask.shape, count, dtype=torch.int64, device=mask.device)
    log_probs = torch.zeros(labels.shape, device=mask.device)
    labels[mask], log_probs[mask] = top_labels(states[mask], model.output_weight(), count, NEVER)
    return labels, log_probs


def _best_labels(model: SlotTransformer, decoded: Decoded) -> tuple[Tensor, Tensor]:
    labels, log_probs = likely_labels(model, decoded, 1)
    return labels[..., 0], log_probs[..., 0]


def _written(ids: Tensor, scores: Tensor) -> Translations:
    lengths = (ids != PAD).sum(1)
    return Translations(_unpad(ids, lengths), (scores / lengths.clamp(min=1)).tolist(), None)


@torch.no_grad()
def decode_slots(model: CTCTransformer, src_ids: Tensor) -> Translations:
    """The most probable label of every slot, collapsed; the score is of these labels, a token.

    Args:
        model: in eval mode.
        src_ids: int64 [B, S], padded with 0.
    """
    decoded = model.decode(src_ids, model.encode(src_ids))
    labels, log_probs = _best_labels(model, decoded)
    return _written(collapse(labels, decoded.mask, model.blank), log_probs.sum(1))


class _Graph(NamedTuple):
    """Slots with their most probable word and its log probability, 0 where a slot writes none.

    Attributes:
        edges: log probability of going from slot i to slot j, [B, L, L].
        labels: int64 [B, L].
        log_probs: [B, L].
        lengths: real slots, [B].
    """

    edges: Tensor
    labels: Tensor
    log_probs: Tensor
    lengths: Tensor


def _graph(model: DAGTransformer, src_ids: Tensor) -> _Graph:
    decoded = model.decode(src_ids, model.encode(src_ids))
    lengths = decoded.mask.sum(1)
    labels, log_probs = _best_labels(model, decoded)
    slot = torch.arange(labels.size(1), device=labels.device)
    silent = (slot == 0) | (slot >= lengths[:, None] - 1)
    return _Graph(
        model.edges(decoded), labels.masked_fill(silent, PAD), log_probs.masked_fill(silent, 0), lengths
    )


@torch.no_grad()
def likely_words(model: DAGTransformer, src_ids: Tensor, *, beam_size: int = 1) -> Spellings:
    """What a graph most probably spells, over all paths, seldom a word twice in a row.

    Args:
        model: in eval mode.
        src_ids: int64 [B, S], padded with 0.
        beam_size: translations that are kept at every word; 1 always writes the most probable next one.
    """
    edges, labels, log_probs, lengths = _graph(model, src_ids)
    edges = discount_repeats(edges, labels, src_ids if model.joint else None)
    return most_probable_words(edges, log_probs, labels, lengths, beam_size=beam_size)


@torch.no_grad()
def decode_graph(model: DAGTransformer, src_ids: Tensor, search: Search = "marginal") -> Translations:
    """Some slots, and of each its most probable word; the score is of edges and words, a token.

    Args:
        model: in eval mode.
        src_ids: int64 [B, S], padded with 0.
        search: `greedy` follows the best edge, `lookahead` the best edge and word together, `viterbi` finds
            the path whose edges and words have the best mean; `marginal` always writes the most probable next
            word, over all paths that have spelt the ones before it, seldom the same once more.
    """
    if search == "marginal":
        spelt = likely_words(model, src_ids)
        return _written(spelt.ids[:, 0], spelt.log_probs[:, 0])
    edges, labels, log_probs, lengths = _graph(model, src_ids)
    both = edges + log_probs[:, None, :]  # [B, L, L]
    if search == "viterbi":
        path = best_walk(both, lengths)
    else:
        path = walk(edges if search == "greedy" else both, lengths)
    words = path.visited & (labels != PAD)
    scores = path.score
    if search == "greedy":
        scores = scores + log_probs.masked_fill(~words, 0).sum(1)
    return _written(compact(labels, words), scores)


class Candidates(NamedTuple):
    """The candidates of noisy parallel decoding; equal fertilities of a sentence are one row.

    Attributes:
        ids: int64 [R, T].
        fertilities: int64 [R, S]; a row's sum is its length in `ids`.
        scores: the teacher's mean log probability, [R].
        rows: which row each candidate of each sentence is, [B, N]; candidate 0 is the argmax.
    """

    ids: Tensor
    fertilities: Tensor
    scores: Tensor
    rows: Tensor


@torch.no_grad()
def noisy_candidates(
    model: FertilityTransformer, teacher: AutoregressiveTransformer, src_ids: Tensor, uniform: Tensor
) -> Candidates:
    """Decodes and scores what noisy parallel decoding chooses from; the arguments are the same."""
    memory = model.encode(src_ids)
    logits = model.fertility_logits(memory)
    first = argmax_fertilities(logits, memory.mask)[:, None]  # [B, 1, S]
    if len(uniform):
        first = torch.cat([first, sampled_fertilities(logits, memory.mask, uniform)], 1)  # [B, N, S]
    sentences, candidates, _ = first.shape
    # Equal candidates of a sentence are decoded once, equal translations scored once; those of one
    # length go together, so many at a time that memory stays bounded.
    sentence = torch.arange(sentences, device=src_ids.device).repeat_interleave(candidates)
    keyed = torch.cat([sentence[:, None], first.flatten(0, 1)], 1)  # [B·N, 1 + S]
    distinct, inverse = torch.unique(keyed, dim=0, return_inverse=True)
    tgt_lengths = distinct[:, 1:].sum(1)
    decoded = distinct.new_zeros(len(distinct), int(tgt_lengths.max()))
    scores = torch.zeros(len(distinct), device=src_ids.device)
    teacher_memory = teacher.encode(src_ids)
    for part in tgt_lengths.argsort(stable=True).split(CANDIDATES_AT_ONCE):
        rows = distinct[part, 0]
        ids, _ = _decode(model, src_ids[rows], distinct[part, 1:], memory.select(rows))
        decoded[part, : ids.size(1)] = ids
        outputs, same = torch.unique(torch.cat([rows[:, None], ids], 1), dim=0, return_inverse=True)
        scores[part] = score(teacher, outputs[:, 1:], teacher_memory.select(outputs[:, 0]))[same]
    return Candidates(decoded, distinct[:, 1:], scores, inverse.view(sentences, candidates))


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
    ids, fertilities, scores, rows = noisy_candidates(model, teacher, src_ids, uniform)
    best, winner = scores[rows].max(1)  # [B]
    row = rows.gather(1, winner[:, None])[:, 0]
    chosen = fertilities[row]
    return Translations(
        _unpad(ids[row], chosen.sum(1)), best.tolist(), _unpad(chosen, src_ids.ne(PAD).sum(1))
    )
