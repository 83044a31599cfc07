"""What CTC and the graph learn in common: the sum over all ways to spell the target, with glancing."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from onepass.models.autoregressive import PAD
from onepass.models.one_pass import Decoded
from onepass.models.slots import Revealed, SlotTransformer
from onepass.nn.output_layer import label_log_probs
from onepass.nn.transformer import Memory
from onepass.objectives.glancing import Glancing, first_attempt
from onepass.objectives.objective import Batch, LossTerm
from onepass.objectives.vocabulary import Output, VocabularySample, words_of_loss


def each_slot(labels: Tensor, mask: Tensor) -> Tensor:
    """The labels of a sentence, [B, K], for each of its real slots: [N, K]."""
    return labels[:, None, :].expand(-1, mask.size(1), -1)[mask]


def in_place(rows: Tensor, mask: Tensor) -> Tensor:
    """What is known of the real slots, [N, K], where they are: [B, L, K]; 0 elsewhere."""
    every = rows.new_zeros(*mask.shape, rows.size(1))
    every[mask] = rows
    return every


def slot_log_probs(output: Output, decoded: Decoded, labels: Tensor) -> Tensor:
    """Log probabilities of a sentence's labels [B, K] in its slots, [B, L, K]; 0 where no slot is."""
    states, mask, _ = decoded
    places = each_slot(output.places(labels), mask)
    of_labels = label_log_probs(states[mask], output.weight, places, bias=output.bias, fixed=output.fixed)
    return in_place(of_labels, mask)


class Losses(NamedTuple):
    """-log P of each sentence, [B], and the log probabilities of labels in slots that it is a sum of."""

    losses: Tensor
    log_probs: Tensor


class Read(NamedTuple):
    """What the model made of a batch, and CTC's or the graph's loss of it."""

    memory: Memory
    decoded: Decoded
    output: Output
    log_probs: Tensor


@dataclass(frozen=True)
class LatentObjective(ABC):
    """-log P of the target over all its ways; pairs with too few slots are counted and left out.

    Attributes:
        slots: a source token.
        glancing: reveal labels of the best way to a second pass; None: one pass.
        ends: tokens that the model reads, and gives slots to, after the source: 0, or 1 for </s>.
        sample: words that the loss is over while the model learns; None: all.
    """

    slots: int
    glancing: Glancing | None
    ends: int = 0
    sample: VocabularySample | None = None

    @abstractmethod
    def fits(self, batch: Batch) -> Tensor:
        """Which pairs have enough slots, bool [B]."""

    def read_lengths(self, batch: Batch) -> Tensor:
        """Source tokens with slots, int64 [B]."""
        return (batch.src_ids != PAD).sum(1) + self.ends

    @abstractmethod
    def losses(self, model: SlotTransformer, batch: Batch, decoded: Decoded, output: Output) -> Losses:
        """Of each sentence; anything where it does not fit, but without a gradient."""

    @abstractmethod
    def glance(
        self, model: SlotTransformer, batch: Batch, attempt: Decoded, output: Output, share: float
    ) -> Revealed:
        """Some labels of the best way, as many as `share` of those that the attempt got wrong."""

    def counts(self, batch: Batch) -> dict[str, int]:
        return self._counts(batch, self.fits(batch))

    def _counts(self, batch: Batch, fits: Tensor) -> dict[str, int]:
        tokens = (batch.tgt_ids != PAD).sum(1)[fits].sum()
        sentences = batch.src_ids.size(0)
        return {"tokens": max(int(tokens), 1), "infeasible": sentences, "revealed": sentences}

    def terms(self, model: torch.nn.Module, batch: Batch) -> dict[str, LossTerm]:
        assert isinstance(model, SlotTransformer)
        assert model.ends == self.ends
        memory = model.encode(batch.src_ids)
        words = words_of_loss(self.sample, model, batch.tgt_ids)
        revealed = None
        if self.glancing is not None and model.training:
            revealed = self._revealed(model, batch, memory, words, self.glancing.share(batch.progress))
        decoded = model.decode(batch.src_ids, memory, revealed)
        output = Output.of(model, words)
        losses, log_probs = self.losses(model, batch, decoded, output)
        fits = self.fits(batch)
        counts = self._counts(batch, fits)
        told = torch.zeros(()) if revealed is None else revealed.mask.sum()
        further = {}
        if model.training:
            further = self.further(model, batch, Read(memory, decoded, output, log_probs))
        return {
            "tokens": LossTerm(torch.where(fits, losses, 0).sum(), counts["tokens"]),
            "infeasible": LossTerm((~fits).sum(), counts["infeasible"], weight=0.0),
            "revealed": LossTerm(told, counts["revealed"], weight=0.0),
            **further,
        }

    def further(self, model: SlotTransformer, batch: Batch, read: Read) -> dict[str, LossTerm]:
        """Losses beside, while the model learns; `counts` has what they are divided by."""
        return {}

    def _revealed(
        self, model: SlotTransformer, batch: Batch, memory: Memory, words: Tensor | None, share: float
    ) -> Revealed:
        with first_attempt(batch.src_ids.device):
            attempt = model.decode(batch.src_ids, memory)
            return self.glance(model, batch, attempt, Output.of(model, words), share)
