"""What a small student learns from a larger one of its family: its distribution in every slot.

Both have the same slots, so no way of spelling a target has to be chosen (Hinton et al. 2015, with T = 1).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from onepass.models.autoregressive import PAD
from onepass.models.slots import SlotTransformer
from onepass.nn.output_layer import output_kl
from onepass.objectives.objective import Batch, LossTerm


@dataclass(frozen=True)
class CompressionObjective:
    """KL(larger ‖ student) of each slot's label; targets are not looked at.

    Attributes:
        larger: with as many slots as the student; in eval mode.
    """

    larger: SlotTransformer

    def counts(self, batch: Batch) -> dict[str, int]:
        return {"slots": int(self.larger.num_slots((batch.src_ids != PAD).sum(1)).sum())}

    def terms(self, model: torch.nn.Module, batch: Batch) -> dict[str, LossTerm]:
        assert isinstance(model, SlotTransformer)
        src_ids, larger = batch.src_ids, self.larger.to(batch.src_ids.device)
        with torch.no_grad():
            theirs = larger.decode(src_ids, larger.encode(src_ids))
            their_weight, their_bias = larger.output_weight(), larger.output_bias()
        own = model.decode(src_ids, model.encode(src_ids))
        mask = own.mask
        loss = output_kl(
            own.states[mask],
            model.output_weight(),
            theirs.states[mask],
            their_weight,
            bias=model.output_bias(),
            larger_bias=their_bias,
        )
        return {"slots": LossTerm(loss, self.counts(batch)["slots"])}
