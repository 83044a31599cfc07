"""The words that a loss is over: all of them, or a sample that always has those of the batch.

A large vocabulary takes most of a step's time. Over a sample, the words that are left out have no share of
the probability, so the loss is too low; over a sample of all words it is the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from onepass.models.one_pass import NEVER, OnePassTransformer
from onepass.text.batches import Ragged


@dataclass(frozen=True)
class VocabularySample:
    """Which words are in a sample beside those of the batch.

    Attributes:
        frequent: the most frequent ones, int64 [N].
        counts: of all words, float [V].
        drawn: how many are drawn by their count, from torch's default generator.
    """

    frequent: Tensor
    counts: Tensor
    drawn: int

    @classmethod
    def of_counts(cls, counts: Tensor, frequent: int, drawn: int) -> VocabularySample:
        """From the counts of all words, float [V]."""
        most = counts.argsort(descending=True, stable=True)[:frequent]
        return cls(most, counts, drawn)

    @classmethod
    def of_targets(cls, targets: Ragged, size: int, frequent: int, drawn: int) -> VocabularySample:
        """From the training targets; `size`: of the vocabulary."""
        ids, numbers = targets.distinct()
        counts = torch.zeros(size)
        counts[torch.from_numpy(ids)] = torch.from_numpy(numbers).float()
        return cls.of_counts(counts, frequent, drawn)

    def words(self, tgt_ids: Tensor) -> Tensor:
        """Those of a batch [B, T]: ascending, each once; the first ones are those never written."""
        parts = [torch.arange(len(NEVER)), tgt_ids.flatten().cpu(), self.frequent]
        if self.drawn:
            parts.append(torch.multinomial(self.counts, self.drawn, replacement=True))
        return torch.from_numpy(np.unique(torch.cat(parts).numpy())).to(tgt_ids.device)


def words_of_loss(sample: VocabularySample | None, model: torch.nn.Module, tgt_ids: Tensor) -> Tensor | None:
    """Those that the loss of a batch [B, T] is over: the sample's, while the model learns; None: all."""
    return sample.words(tgt_ids) if sample is not None and model.training else None


class Output(NamedTuple):
    """The output layer, or some of its labels.

    Attributes:
        weight: [C, D].
        bias: [C]; None where there is none.
        labels: whose they are, ascending, int64 [C]; None: all.
        fixed: how many of the first labels do not learn.
    """

    weight: Tensor
    bias: Tensor | None
    labels: Tensor | None = None
    fixed: int = 0

    @classmethod
    def of(cls, model: OnePassTransformer, words: Tensor | None = None) -> Output:
        """Of a model; with the labels of a family beside the words, if only some are wanted."""
        weight, bias = model.output_weight(), model.output_bias()
        learn = model.tgt_embedding.weight.requires_grad
        if words is None:
            return cls(weight, bias, fixed=0 if learn else model.tgt_embedding.num_embeddings)
        own = torch.arange(model.tgt_embedding.num_embeddings, len(weight), device=words.device)
        labels = torch.cat([words, own])
        chosen = None if bias is None else bias[labels]
        return cls(weight[labels], chosen, labels, fixed=0 if learn else len(words))

    def places(self, labels: Tensor) -> Tensor:
        """Where labels are in this layer; they must be in it."""
        return labels if self.labels is None else torch.searchsorted(self.labels, labels)

    def at(self, places: Tensor) -> Tensor:
        """The labels of places."""
        return places if self.labels is None else self.labels[places]
