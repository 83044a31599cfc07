"""Fine-tuning of CTC and the graph for the bigrams of the target (Shao and Feng 2022; Ma et al. 2023).

A likelihood punishes the right words one slot away as hard as wrong ones. Here a sentence's loss is that of
BLEU, for bigrams g that are expected of a translation drawn from the student, wherever they stand:

    L = 1 - M / H · min(1, exp(1 - R / H)),   M = Σ_g min(C_y(g), E[C(g)])

Begin and end of a sentence count as tokens, so the target has R = T + 1 bigrams, the translation
H = E[length] + 1. E[C(u v)] is a sum over pairs of slots: u is written in one, v in the other, nothing
between them; each family has its own. Any target will do, also one with more tokens than slots.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from onepass.models.autoregressive import BOS, EOS, PAD, with_end
from onepass.models.one_pass import Decoded
from onepass.models.slots import SlotTransformer
from onepass.objectives.objective import Batch, LossTerm
from onepass.objectives.vocabulary import Output, VocabularySample, words_of_loss


class Expected(NamedTuple):
    """What a translation drawn from the student has.

    Attributes:
        bigrams: how often it has each of the target's T + 1 bigrams, [B, T + 1]; anything after the last.
        length: its tokens, [B].
    """

    bigrams: Tensor
    length: Tensor


@dataclass(frozen=True)
class BigramObjective:
    """The loss of a sentence times its tokens, so that long ones count for more, as in BLEU.

    Attributes:
        expected: of a model, what it has decoded, its output layer and the targets [B, T]; at least float32.
        sample: words that the student's probabilities are over while it learns; None: all.
    """

    expected: Callable[[SlotTransformer, Decoded, Output, Tensor], Expected]
    sample: VocabularySample | None = None

    def counts(self, batch: Batch) -> dict[str, int]:
        return {"bigrams": int((batch.tgt_ids != PAD).sum()), "length": batch.src_ids.size(0)}

    def terms(self, model: torch.nn.Module, batch: Batch) -> dict[str, LossTerm]:
        """Terms `bigrams`, and measured alone `length`: the expected length over the target's."""
        assert isinstance(model, SlotTransformer)
        decoded = model.decode(batch.src_ids, model.encode(batch.src_ids))
        words = words_of_loss(self.sample, model, batch.tgt_ids)
        expected = self.expected(model, decoded, Output.of(model, words), batch.tgt_ids)
        counts, lengths = self.counts(batch), (batch.tgt_ids != PAD).sum(1)
        losses = (1 - score(expected, batch.tgt_ids)) * lengths
        ratio = expected.length.detach() / lengths
        return {
            "bigrams": LossTerm(losses.sum(), counts["bigrams"]),
            "length": LossTerm(ratio.sum(), counts["length"], weight=0.0),
        }


def score(expected: Expected, tgt_ids: Tensor) -> Tensor:
    """Precision of the expected bigrams times brevity penalty: [B], 1 where all is as in the target."""
    before, after = ends(tgt_ids)
    bigram = before * (tgt_ids.max() + EOS) + after
    real = after != PAD
    times = ((bigram[:, :, None] == bigram[:, None, :]) & real[:, None, :]).sum(2).clamp(min=1)
    # A bigram that the target has n times is there n times: each adds its share of the matches.
    matched = torch.minimum(expected.bigrams, times) / times  # [B, T + 1]
    in_target, in_hyp = real.sum(1), expected.length + 1
    brevity = (1 - in_target / in_hyp).clamp(max=0).exp()
    return matched.masked_fill(~real, 0).sum(1) / in_hyp * brevity


def ends(tgt_ids: Tensor) -> tuple[Tensor, Tensor]:
    """The first and the second tokens of the target's bigrams, int64 [B, T + 1] each."""
    return F.pad(tgt_ids, (1, 0), value=BOS), with_end(tgt_ids)


def first_and_second(tokens: Tensor, tgt_ids: Tensor, last: Tensor) -> tuple[Tensor, Tensor]:
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
