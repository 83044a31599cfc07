"""Decoding of CTC students: each slot's most probable label, or the teacher's choice among likely labellings.

No candidate is drawn at random. One pass of the student gives every slot its most probable labels, and a
candidate takes a second or later choice in a few slots: of all such changes, the CHANGES that lose least
probability are made in each of their 2^CHANGES combinations, the likeliest first. The labels of different
slots are independent, so a combination loses the sum of what its changes lose. No candidate needs another
pass of the student.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from onepass.decoding.one_pass import Candidates, favourites, likeliest, likely_labels, written
from onepass.decoding.options import Decoder, DecodingOptions
from onepass.decoding.placeholders import place_labels
from onepass.models import Model
from onepass.models.ctc import CTCTransformer, word_slots
from onepass.models.one_pass import Decoded, compact
from onepass.models.stepwise import WordByWord
from onepass.runtime.candidates import CHANGES, combinations
from onepass.runtime.text_translator import Hypotheses
from onepass.text.placeholder_ids import PlaceholderIds

CHOICES = 4
"""Most probable labels of a slot that are looked at."""


def decoder(model: Model, options: DecodingOptions) -> Decoder:
    """The decoder of a CTC student."""
    assert isinstance(model, CTCTransformer)
    teacher, placeholders, n_best = options.teacher, options.placeholders, options.n_best
    most = max(options.num_candidates, n_best)
    if most == 1:
        return lambda src_ids: decode_slots(model, src_ids, placeholders)
    return lambda src_ids: best_labelling(model, teacher, src_ids, most, placeholders, n_best=n_best)


@torch.no_grad()
def decode_slots(
    model: CTCTransformer, src_ids: Tensor, placeholders: PlaceholderIds | None = None
) -> Hypotheses:
    """The most probable label of every slot, collapsed; the score is of these labels, a token.

    Args:
        model: in eval mode.
        src_ids: int64 [B, S], padded with 0.
        placeholders: each that a source has is written once.
    """
    memory = model.encode(src_ids)
    decoded = model.decode(src_ids, memory)
    likely, log_probs = _labels(model, decoded, src_ids, 1, placeholders)
    labels = likely[..., 0]
    kept = word_slots(labels, decoded.mask, model.blank)
    slots = torch.arange(labels.size(1), device=labels.device).expand_as(labels)
    return written(
        compact(labels, kept),
        log_probs[..., 0].sum(1),
        model.attended(memory, decoded),
        compact(slots, kept),
    )


def _labels(
    model: CTCTransformer, decoded: Decoded, src_ids: Tensor, count: int, placeholders: PlaceholderIds | None
) -> tuple[Tensor, Tensor]:
    """The likely labels of every slot and their log probabilities, [B, L, count] each."""
    if placeholders is None:
        return likely_labels(model, decoded, count)
    likely = likely_labels(model, decoded, count, without=placeholders.ids)
    return place_labels(model, decoded, src_ids, placeholders, likely)


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
    # After the end are as many changes of no slot as a short sentence may lack.
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
    words = word_slots(changed.flatten(0, 1), mask.repeat_interleave(made.size(1), 0), blank)  # [B·M, L]
    ids, slots = (compact(x, words) for x in (changed.flatten(0, 1), every_slot.expand_as(words)))
    sentence = torch.arange(batch, device=mask.device).repeat_interleave(made.size(1))
    _, same = torch.unique(torch.cat([sentence[:, None], ids], 1), dim=0, return_inverse=True)
    row = torch.arange(len(same), device=mask.device)
    first = torch.full_like(same, len(same)).scatter_reduce_(0, same, row, "amin")[same] == row
    first = first.view(batch, -1) & total.isfinite()
    kept = (first & (first.cumsum(1) <= most)).flatten()
    likely = log_probs[:, :, 0].masked_fill(~mask, 0).sum(1, keepdim=True) - total
    return Candidates(ids[kept], sentence[kept], slots[kept], likely.flatten()[kept])


@torch.no_grad()
def best_labelling(
    model: CTCTransformer,
    teacher: WordByWord | None,
    src_ids: Tensor,
    most: int,
    placeholders: PlaceholderIds | None = None,
    *,
    n_best: int = 1,
) -> Hypotheses:
    """The translation that the teacher likes best of up to `most`; the score is the teacher's.

    Without a teacher it is the likeliest one, with the student's score.

    Args:
        model: the student, in eval mode.
        teacher: scores all candidates in one parallel pass (Gu et al. 2018, equation 8); in eval mode.
        src_ids: int64 [B, S], padded with 0.
        most: candidates of a sentence; there are MOST_LABELLINGS at most.
        placeholders: each that a source has is once in every candidate.
        n_best: candidates that are given.
    """
    memory = model.encode(src_ids)
    decoded = model.decode(src_ids, memory)
    likely = _labels(model, decoded, src_ids, CHOICES, placeholders)
    candidates = labellings(*likely, decoded.mask, model.blank, most)
    attended = model.attended(memory, decoded)
    if teacher is None:
        return likeliest(candidates, attended, n_best)
    return favourites(teacher, src_ids, candidates, attended, n_best)
