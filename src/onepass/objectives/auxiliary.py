"""Losses beside CTC's that only training pays for: the student that comes out is as fast as without.

Each has a weight in the recipe. They are computed while the model learns; the dev loss is CTC's alone.

- `distributions`: a slot that CTC's best way gives to token t of the target learns the teacher's
  distribution of token t as well (word-level distillation, Kim and Rush 2016).
- `early`: CTC's loss of what the decoder starts from, before its layers (Lee and Watanabe 2021).
- `teacher_decoder`: the cross entropy of the teacher's decoder when it reads the student's encoder.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from onepass.models.autoregressive import PAD, with_end
from onepass.models.from_teacher import reads_as
from onepass.models.marian import NEVER
from onepass.models.one_pass import Decoded, OnePassTransformer
from onepass.models.slots import SlotTransformer
from onepass.models.stepwise import WordByWord
from onepass.nn.output_layer import output_cross_entropy, output_kl
from onepass.nn.transformer import Memory
from onepass.objectives.ctc import CTCObjective, best_way, lattice_of
from onepass.objectives.latent import LatentObjective, Read
from onepass.objectives.objective import Batch, LossTerm, Objective
from onepass.objectives.vocabulary import Output
from onepass.settings import AuxiliarySettings, StudentSettings


class _Layer(NamedTuple):
    """The teacher's output layer for the labels of the student's: [C, D] and [C]."""

    weight: Tensor
    bias: Tensor


def objective(
    learnt: LatentObjective, student: StudentSettings, model: OnePassTransformer, teacher: WordByWord
) -> Objective:
    """Of a CTC student whose settings have a section `auxiliary`: what it learnt without, and the losses."""
    assert student.auxiliary is not None
    return AuxiliaryObjective(
        learnt.slots,
        learnt.glancing,
        learnt.ends,
        learnt.sample,
        teacher=teacher,
        weights=student.auxiliary,
        shared_encoder=student.training.encoder_rate == 0 and reads_as(model, teacher),
    )


@dataclass(frozen=True, kw_only=True)
class AuxiliaryObjective(CTCObjective):
    """CTC with further losses.

    Attributes:
        teacher: frozen; its words are the student's.
        weights: of each loss.
        shared_encoder: the student's encoder is the teacher's and stays so: it is not run twice.
    """

    teacher: WordByWord
    weights: AuxiliarySettings
    shared_encoder: bool

    def __post_init__(self) -> None:
        self.teacher.eval().requires_grad_(False)

    def counts(self, batch: Batch) -> dict[str, int]:
        counts = super().counts(batch)
        of_tokens = {"distributions", "early"} & self._wanted()
        counts.update(dict.fromkeys(of_tokens, counts["tokens"]))
        if "teacher_decoder" in self._wanted():
            counts["teacher_decoder"] = int((batch.tgt_ids != PAD).sum()) + batch.tgt_ids.size(0)
        return counts

    def _wanted(self) -> set[str]:
        return {name for name in type(self.weights).model_fields if getattr(self.weights, name)}

    def further(self, model: SlotTransformer, batch: Batch, read: Read) -> dict[str, LossTerm]:
        self.teacher.to(batch.src_ids.device)
        fits, layer, wanted = self.fits(batch), self._layer(read.output), self._wanted()
        sums: dict[str, Tensor] = {}
        if "distributions" in wanted:
            sums["distributions"] = self._distributions(batch, read, layer, fits)
        if "early" in wanted:
            mask = read.decoded.mask
            start = model.start(batch.src_ids, read.memory, mask)
            losses, _ = self.losses(model, batch, Decoded(start, mask, start), read.output)
            sums["early"] = torch.where(fits, losses, 0).sum()
        if "teacher_decoder" in wanted:
            sums["teacher_decoder"] = self._cross_entropy(batch, read, layer)
        counts = self.counts(batch)
        return {
            name: LossTerm(value, counts[name], getattr(self.weights, name)) for name, value in sums.items()
        }

    def _layer(self, output: Output) -> _Layer:
        weight, bias = self.teacher.output_weight(), self.teacher.output_bias()
        words = torch.arange(len(weight), device=weight.device)
        if output.labels is not None:
            words = output.labels[output.labels < len(weight)]
        own = len(output.weight) - len(words)  # labels that the teacher has not: it never writes them
        bias = weight.new_zeros(len(words)) if bias is None else bias[words]
        return _Layer(F.pad(weight[words], (0, 0, 0, own)), F.pad(bias, (0, own), value=NEVER))

    @torch.no_grad()
    def _states(self, batch: Batch, memory: Memory) -> Tensor:
        """The teacher's before each token and before the end, [B, T + 1, D]."""
        own = memory if self.shared_encoder else self.teacher.encode(batch.src_ids)
        return self.teacher.decode(batch.tgt_ids, own)

    def _distributions(self, batch: Batch, read: Read, layer: _Layer, fits: Tensor) -> Tensor:
        """Summed KL(teacher ‖ student) of the slots that write a token on the best way."""
        ways = lattice_of(read.log_probs.detach(), batch.tgt_ids, read.decoded.mask)
        way = best_way(ways)  # [B, L]
        writes = (way % 2 == 1) & read.decoded.mask & fits[:, None]
        sentence, slot = writes.nonzero(as_tuple=True)
        states = self._states(batch, read.memory)[sentence, way[sentence, slot] // 2]  # [N, D]
        if not len(states):
            return read.decoded.states.sum() * 0
        return output_kl(
            read.decoded.states[sentence, slot],
            read.output.weight,
            states,
            layer.weight,
            bias=read.output.bias,
            larger_bias=layer.bias,
        )

    def _cross_entropy(self, batch: Batch, read: Read, layer: _Layer) -> Tensor:
        targets = with_end(batch.tgt_ids)
        real = targets != PAD
        states = self.teacher.decode(batch.tgt_ids, read.memory)[real]
        places = read.output.places(targets[real])
        return output_cross_entropy(states, layer.weight, places, bias=layer.bias)
