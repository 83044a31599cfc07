"""What a model learns that writes word by word: the next token."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from onepass.models.autoregressive import PAD, with_end
from onepass.models.one_pass import OnePassTransformer
from onepass.models.stepwise import WordByWord
from onepass.nn.output_layer import output_cross_entropy
from onepass.objectives.objective import Batch, LossTerm
from onepass.settings import StudentSettings


@dataclass(frozen=True)
class TeacherObjective:
    """Cross entropy of y_1 .. y_T </s> with label smoothing."""

    label_smoothing: float

    def counts(self, batch: Batch) -> dict[str, int]:
        return {"tokens": int((batch.tgt_ids != PAD).sum()) + batch.tgt_ids.size(0)}

    def terms(self, model: torch.nn.Module, batch: Batch) -> dict[str, LossTerm]:
        assert isinstance(model, WordByWord)
        targets = with_end(batch.tgt_ids)
        real = targets != PAD
        states = model.decode(batch.tgt_ids, model.encode(batch.src_ids))
        smoothing = self.label_smoothing if model.training else 0.0
        loss = output_cross_entropy(
            states[real], model.output_weight(), targets[real], smoothing, bias=model.output_bias()
        )
        return {"tokens": LossTerm(loss, self.counts(batch)["tokens"])}


def objective(student: StudentSettings, larger: OnePassTransformer | None) -> TeacherObjective:
    """Of a student that writes word by word."""
    return TeacherObjective(student.training.label_smoothing)
