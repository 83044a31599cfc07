"""Candidates of CTC and of graphs, among which the teacher chooses; none is drawn at random.

One pass of a CTC student gives every slot its most probable labels. A candidate takes a second or later
choice in a few slots: of all such changes, the CHANGES that lose least probability are made in each of their
2^CHANGES combinations, the likeliest first. The labels of different slots are independent, so a combination
loses the sum of what its changes lose. Those of a graph are what a beam search over its words keeps. No
candidate needs another pass of the student.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from onepass.decoding.autoregressive import score
from onepass.decoding.parallel import CANDIDATES_AT_ONCE, Translations, likely_labels, likely_words
from onepass.models.autoregressive import PAD, AutoregressiveTransformer
from onepass.models.ctc import CTCTransformer, collapse
from onepass.models.dag import DAGTransformer
from onepass.runtime.candidates import CHANGES, combinations

CHOICES = 4
"""Most probable labels of a slot that are looked at."""


class Candidates(NamedTuple):
    """Different translations of some sentences, at least one of each.

    Attributes:
        ids: int64 [R, T], padded with 0; those of a sentence are together, the likeliest first.
        sentence: whose each is, int64 [R], ascending.
    """

    ids: Tensor
    sentence: Tensor


def labellings(labels: Tensor, log_probs: Tensor, mask: Tensor, blank: int, most: int) -> Candidates:
    """Up to `most` different translations of each sentence, the most probable labelling's first.

    Args:
        labels: of each slot, the most probable first, int64 [B, L, K].
        log_probs: theirs, [B, L, K].
        mask: bool [B, L], the real slots.
        blank: its label.
        most: candidates of a sentence; there are MOST_LABELLINGS at most.
    """
    batch, length, choices = labels.shape
    lost = (log_probs[:, :, :1] - log_probs[:, :, 1:]).masked_fill(~mask[:, :, None], torch.inf)
    # Behind the end are as many changes of no slot as a short sentence may lack.
    lost, place = F.pad(lost.flatten(1), (0, CHANGES), value=torch.inf).sort(dim=1, stable=True)
    lost, place = lost[:, :CHANGES], place[:, :CHANGES]
    slot = place // (choices - 1)  # [B, CHANGES]
    to = F.pad(labels[:, :, 1:].flatten(1), (0, CHANGES)).gather(1, place)
    made = torch.from_numpy(combinations()).to(mask.device)  # [M, CHANGES]
    total = torch.where(made, lost[:, None, :], 0).sum(2)
    total, likeliest = total.sort(dim=1, stable=True)
    made = made[likeliest]  # [B, M, CHANGES]
    changed = labels[:, None, :, 0].expand(-1, made.size(1), -1)  # [B, M, L]
    every_slot = torch.arange(length, device=mask.device)
    for change in range(CHANGES):
        here = every_slot == slot[:, None, change, None]
        changed = torch.where(made[:, :, change, None] & here, to[:, None, change, None], changed)
    ids = collapse(changed.flatten(0, 1), mask.repeat_interleave(made.size(1), 0), blank)  # [B·M, T]
    sentence = torch.arange(batch, device=mask.device).repeat_interleave(made.size(1))
    _, same = torch.unique(torch.cat([sentence[:, None], ids], 1), dim=0, return_inverse=True)
    row = torch.arange(len(same), device=mask.device)
    first = torch.full_like(same, len(same)).scatter_reduce_(0, same, row, "amin")[same] == row
    first = first.view(batch, -1) & total.isfinite()
    kept = (first & (first.cumsum(1) <= most)).flatten()
    return Candidates(ids[kept], sentence[kept])


@torch.no_grad()
def best_labelling(
    model: CTCTransformer, teacher: AutoregressiveTransformer, src_ids: Tensor, most: int
) -> Translations:
    """The translation that the teacher likes best of up to `most`; the score is the teacher's.

    Args:
        model: the student, in eval mode.
        teacher: scores all candidates in one parallel pass (Gu et al. 2018, equation 8); in eval mode.
        src_ids: int64 [B, S], padded with 0.
        most: candidates of a sentence; there are MOST_LABELLINGS at most.
    """
    decoded = model.decode(src_ids, model.encode(src_ids))
    likely = likely_labels(model, decoded, CHOICES)
    return _favourites(teacher, src_ids, labellings(*likely, decoded.mask, model.blank, most))


@torch.no_grad()
def best_spelling(
    model: DAGTransformer, teacher: AutoregressiveTransformer, src_ids: Tensor, most: int
) -> Translations:
    """The translation that the teacher likes best of up to `most` that the graph spells, whatever the path.

    The arguments are those of `best_labelling`.
    """
    ids, log_probs = likely_words(model, src_ids, beam_size=most)
    sentence, place = log_probs.isfinite().nonzero(as_tuple=True)
    return _favourites(teacher, src_ids, Candidates(ids[sentence, place], sentence))


def _favourites(teacher: AutoregressiveTransformer, src_ids: Tensor, candidates: Candidates) -> Translations:
    """Of each sentence the candidate with the teacher's best score."""
    ids, sentence = candidates
    memory = teacher.encode(src_ids)
    lengths = (ids != PAD).sum(1)
    scores = torch.zeros(len(ids), device=ids.device)
    for part in torch.split(lengths.argsort(stable=True), CANDIDATES_AT_ONCE):
        some = ids[part, : int(lengths[part].max())]
        scores[part] = score(teacher, some, memory.select(sentence[part]))
    count = sentence.bincount()
    start = count.cumsum(0) - count
    table = scores.new_full((len(count), int(count.max())), -torch.inf)
    table[sentence, torch.arange(len(ids), device=ids.device) - start[sentence]] = scores
    best, place = table.max(1)
    rows = ids[start + place]
    return Translations(
        [[token for token in row if token != PAD] for row in rows.tolist()], best.tolist(), None
    )
