"""The loss of the fertility student: tokens + fertilities, 1 : 1 (Gu et al. 2018, equation 5)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch.nn import functional as F

from onepass.models.autoregressive import PAD
from onepass.models.fertility import FertilityTransformer
from onepass.models.one_pass import Decoded, OnePassTransformer
from onepass.nn.output_layer import output_cross_entropy
from onepass.nn.transformer import Memory
from onepass.objectives.objective import Batch, LossTerm
from onepass.settings import StudentSettings


class _Learnt(NamedTuple):
    """The loss terms, and what was decoded for them."""

    terms: dict[str, LossTerm]
    decoded: Decoded


@dataclass(frozen=True)
class FertilityObjective:
    """Cross entropy of the target given the aligner's fertilities, and of those fertilities."""

    def counts(self, batch: Batch) -> dict[str, int]:
        return {
            "tokens": int((batch.tgt_ids != PAD).sum()),
            "fertilities": int((batch.src_ids != PAD).sum()),
        }

    def terms(self, model: torch.nn.Module, batch: Batch) -> dict[str, LossTerm]:
        assert isinstance(model, FertilityTransformer)
        return self.from_memory(model, batch, model.encode(batch.src_ids)).terms

    def from_memory(self, model: FertilityTransformer, batch: Batch, memory: Memory) -> _Learnt:
        """The terms, given `model.encode(batch.src_ids)`."""
        assert batch.fertilities is not None
        real_src, real_tgt = model.src_mask(memory), batch.tgt_ids != PAD
        decoded = model.decode(batch.src_ids, batch.fertilities, memory)
        tokens = output_cross_entropy(
            decoded.states[real_tgt],
            model.output_weight(),
            batch.tgt_ids[real_tgt],
            bias=model.output_bias(),
        )
        fertilities = F.cross_entropy(
            model.fertility_logits(memory)[real_src].float(), batch.fertilities[real_src], reduction="sum"
        )
        counts = self.counts(batch)
        terms = {
            "tokens": LossTerm(tokens, counts["tokens"]),
            "fertilities": LossTerm(fertilities, counts["fertilities"]),
        }
        return _Learnt(terms, decoded)


def objective(student: StudentSettings, larger: OnePassTransformer | None) -> FertilityObjective:
    """Of a student with fertilities."""
    return FertilityObjective()
