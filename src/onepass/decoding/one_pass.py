"""What the decoding of one-pass students shares: likely labels, and the teacher's choice of candidates."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from onepass.decoding.autoregressive import score
from onepass.models.autoregressive import PAD
from onepass.models.one_pass import NEVER, Decoded, OnePassTransformer
from onepass.models.slots import IMPOSSIBLE
from onepass.models.stepwise import WordByWord
from onepass.nn.output_layer import top_labels
from onepass.runtime.alternatives import Scored
from onepass.runtime.text_translator import Hypotheses

CANDIDATES_AT_ONCE = 512
"""Translations that the teacher scores together: bounds the memory."""


class Candidates(NamedTuple):
    """Different translations of some sentences, at least one of each.

    Attributes:
        ids: int64 [R, T], padded with 0; those of a sentence are together, the likeliest first.
        sentence: whose each is, int64 [R], ascending.
        places: where in its decoder each token was written, int64 [R, T].
        log_probs: the student's own, sums over the tokens, [R].
    """

    ids: Tensor
    sentence: Tensor
    places: Tensor
    log_probs: Tensor


def unpad(rows: Tensor, lengths: Tensor) -> list[list[int]]:
    """The first `lengths` [B] entries of each row."""
    return [row[:n] for row, n in zip(rows.tolist(), lengths.tolist(), strict=True)]


def likely_labels(
    model: OnePassTransformer, decoded: Decoded, count: int, without: Sequence[int] = ()
) -> tuple[Tensor, Tensor]:
    """The most probable labels of every place, their log probabilities: [B, L, count] each; 0 at padding.

    Labels that are left out (`without`) have no share of the probability.
    """
    weight, bias = model.output_weight(), model.output_bias()
    if without:
        bias = weight.new_zeros(len(weight)) if bias is None else bias.clone()
        bias[list(without)] = IMPOSSIBLE
    states, mask, _ = decoded
    labels = torch.zeros(*mask.shape, count, dtype=torch.int64, device=mask.device)
    log_probs = torch.zeros(labels.shape, device=mask.device)
    labels[mask], log_probs[mask] = top_labels(states[mask], weight, count, NEVER, bias=bias)
    return labels, log_probs


def best_labels(model: OnePassTransformer, decoded: Decoded) -> tuple[Tensor, Tensor]:
    """The most probable label of every place and its log probability, [B, L]; 0 at padding."""
    labels, log_probs = likely_labels(model, decoded, 1)
    return labels[..., 0], log_probs[..., 0]


def sources_of(attended: Tensor, places: Tensor, lengths: Tensor) -> list[list[int]]:
    """Where the source has each token: attended [B, L], the tokens' places [B, T], their numbers [B]."""
    return unpad(attended.gather(1, places), lengths)


def written(ids: Tensor, sums: Tensor, attended: Tensor, places: Tensor) -> Hypotheses:
    """Translations [B, T], padded with 0, whose scores are these sums [B] over their tokens.

    Args:
        ids: the tokens; sums: of their log probabilities.
        attended: the source token of each place, int64 [B, L].
        places: where each token was written, int64 [B, T].
    """
    lengths = (ids != PAD).sum(1)
    return Hypotheses(
        unpad(ids, lengths),
        (sums / lengths.clamp(min=1)).tolist(),
        with_end=False,
        sources=sources_of(attended, places, lengths),
    )


def likeliest(candidates: Candidates, attended: Tensor, n_best: int) -> Hypotheses:
    """Of each sentence the likeliest candidate, and up to `n_best` - 1 others; the scores are the student's.

    `attended`: the source token of each place, int64 [B, L].
    """
    scores = candidates.log_probs / (candidates.ids != PAD).sum(1).clamp(min=1)
    return ranked(scores, candidates, attended, n_best, with_end=False)


def favourites(
    teacher: WordByWord, src_ids: Tensor, candidates: Candidates, attended: Tensor, n_best: int = 1
) -> Hypotheses:
    """Of each sentence the candidate with the teacher's best score, which becomes its score.

    Args:
        teacher: in eval mode.
        src_ids: int64 [B, S], padded with 0.
        candidates: of the sentences.
        attended: the source token of each place, int64 [B, L].
        n_best: candidates that are given of each sentence, its others among them.
    """
    ids, sentence = candidates.ids, candidates.sentence
    memory = teacher.encode(src_ids)
    lengths = (ids != PAD).sum(1)
    scores = torch.zeros(len(ids), device=ids.device)
    for part in torch.split(lengths.argsort(stable=True), CANDIDATES_AT_ONCE):
        some = ids[part, : int(lengths[part].max())]
        scores[part] = score(teacher, some, memory.select(sentence[part]))
    return ranked(scores, candidates, attended, n_best, with_end=True)


def ranked(
    scores: Tensor, candidates: Candidates, attended: Tensor, n_best: int, *, with_end: bool
) -> Hypotheses:
    """Of each sentence the candidate with the best score [R], and up to `n_best` - 1 others, best first."""
    ids, sentence, places, _ = candidates
    count = sentence.bincount()
    start = count.cumsum(0) - count
    table = scores.new_full((len(count), int(count.max())), -torch.inf)
    table[sentence, torch.arange(len(ids), device=ids.device) - start[sentence]] = scores
    best, place = table.topk(min(n_best, table.size(1)))  # [B, N]
    row = start + place[:, 0]
    others = None
    if n_best > 1:
        others = [
            [
                Scored(_without_padding(ids[first + at].tolist()), score)
                for at, score in zip(of_sentence, of_scores, strict=True)
                if score > -math.inf
            ][1:]
            for first, of_sentence, of_scores in zip(
                start.tolist(), place.tolist(), best.tolist(), strict=True
            )
        ]
    return Hypotheses(
        [_without_padding(found) for found in ids[row].tolist()],
        best[:, 0].tolist(),
        with_end=with_end,
        sources=sources_of(attended, places[row], (ids[row] != PAD).sum(1)),
        others=others,
    )


def _without_padding(row: list[int]) -> list[int]:
    return [token for token in row if token != PAD]
