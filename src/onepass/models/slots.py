"""Students whose decoder has a number of slots that the source's length decides."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from onepass.models.autoregressive import PAD
from onepass.models.one_pass import Decoded, Length, OnePassTransformer
from onepass.nn.attention import padding_mask
from onepass.nn.positions import in_compute_dtype, sinusoidal_positions
from onepass.nn.transformer import Memory

IMPOSSIBLE = -1e9
"""A log probability: not -inf, since a log-sum of nothing but -inf has no gradient."""

SOFT_COPY_TEMPERATURE = 0.3
"""How far a slot looks beside its own source token, in source tokens."""


class Revealed(NamedTuple):
    """Slots whose label the decoder is told, bool [B, L], and the labels of all slots, int64 [B, L]."""

    mask: Tensor
    labels: Tensor


class SlotTransformer(OnePassTransformer):
    """Decodes all slots at once; a subclass says how many there are and what they start from."""

    def num_slots(self, src_length: Length) -> Length:
        """Of a source length, or of lengths [B]."""
        raise NotImplementedError

    def start(self, src_ids: Tensor, mask: Tensor) -> Tensor:
        """What the slots start from but for their positions: [B, S], bool [B, L] -> [B, L, D]."""
        raise NotImplementedError

    def most_places(self, src_length: int) -> int:
        return self.num_slots(src_length)

    def decode(self, src_ids: Tensor, memory: Memory, revealed: Revealed | None = None) -> Decoded:
        """All slots at once.

        Args:
            src_ids: int64 [B, S], padded with 0.
            memory: from `encode(src_ids)`.
            revealed: slots that start from the embedding of their label.
        """
        slot = torch.arange(self.num_slots(src_ids.size(1)), device=src_ids.device)
        mask = slot < self.num_slots((src_ids != PAD).sum(1, keepdim=True))  # [B, L]
        x = self.start(src_ids, mask)
        if revealed is not None:
            told = F.embedding(revealed.labels, self.output_weight())
            x = torch.where(revealed.mask[..., None], told, x)
        positions = sinusoidal_positions(mask.size(1), self.width, device=src_ids.device)
        x = self.dropout(in_compute_dtype(x * self.width**0.5 + positions))
        self_mask, source_mask = padding_mask(mask), padding_mask(memory.mask)
        for i, layer in enumerate(self.decoder):
            x = layer(x, self_mask, memory.for_layer(i), source_mask)
        return Decoded(self.decoder_norm(x), mask)


def soft_copy(embedded: Tensor, src_mask: Tensor, slots: int) -> Tensor:
    """Upsampling: each slot is a mean of the source, its own token first.

    Slot j stands over source position c_j = (j + 1/2) / slots - 1/2 and takes token i with a weight
    proportional to exp(-|i - c_j| / temperature) (Wei et al. 2019, section 3.1).

    Args:
        embedded: [B, S, D].
        src_mask: bool [B, S].
        slots: a source token.

    Returns:
        [B, S · slots, D].
    """
    source = torch.arange(embedded.size(1), device=embedded.device)
    slot = torch.arange(embedded.size(1) * slots, device=embedded.device)
    centre = (slot + 0.5) / slots - 0.5
    near = -(source - centre[:, None]).abs() / SOFT_COPY_TEMPERATURE  # [L, S]
    weights = near.masked_fill(~src_mask[:, None, :], -torch.inf).softmax(-1)  # [B, L, S]
    return weights.to(embedded.dtype) @ embedded
