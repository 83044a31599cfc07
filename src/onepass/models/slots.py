"""Students whose decoder has a number of slots that the source's length decides."""

from __future__ import annotations

from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from onepass.models.autoregressive import PAD
from onepass.models.one_pass import Decoded, Length, OnePassTransformer
from onepass.nn.attention import padding_mask
from onepass.nn.positions import in_compute_dtype
from onepass.nn.transformer import Memory
from onepass.settings import StudentSettings

IMPOSSIBLE = -1e9
"""A log probability: not -inf, since a log-sum of nothing but -inf has no gradient."""

SOFT_COPY_TEMPERATURE = 0.3
"""How far a slot looks beside its own source token, in source tokens."""


class Revealed(NamedTuple):
    """Slots whose label the decoder is told, bool [B, L], and the labels of all slots, int64 [B, L]."""

    mask: Tensor
    labels: Tensor


class StateStart(nn.Module):
    """Slots that start from the encoder's states: a linear map, first the identity, and a vector a slot."""

    def __init__(self, width: int, slots: int) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.eye(width)), nn.Parameter(torch.zeros(width))
        self.vectors = nn.Parameter(0.1 * torch.randn(slots, width))

    def forward(self, states: Tensor) -> Tensor:
        """[B, S, D] -> [B, S · slots, D]."""
        return (F.linear(states, self.weight, self.bias)[:, :, None] + self.vectors).flatten(1, 2)


class SlotTransformer(OnePassTransformer):
    """Decodes all slots at once; a subclass says how many there are and what they start from.

    A source token has `slots` slots, and so has the </s> that a source with post-norm ends with.

    Attributes:
        separates: equal neighbours need a slot between them.
    """

    separates: ClassVar[bool] = False

    def add_slots(self, width: int, student: StudentSettings) -> None:
        """Makes what slots start from; called by `add_parts`."""
        self.slots = student.slots
        states = StateStart(width, student.slots) if student.start == "states" else None
        self.from_states: StateStart | None = states

    def num_slots(self, src_length: Length) -> Length:
        """Of a source length without </s>, or of lengths [B]."""
        raise NotImplementedError

    def start(self, src_ids: Tensor, memory: Memory, mask: Tensor) -> Tensor:
        """What the slots start from but for their positions: [B, S], bool [B, L] -> [B, L, D].

        In the size of embeddings, which are multiplied by √D; where it is from states, in that of states.
        """
        raise NotImplementedError

    def stretched(self, src_ids: Tensor, memory: Memory) -> Tensor:
        """States or means of embeddings for each slot of a source token: [B, (S + ends) · slots, D]."""
        if self.from_states is not None:
            return self.from_states(memory.top)  # type: ignore[no-any-return]
        read = self.read_ids(src_ids)
        return soft_copy(self.src_embedding(read), read != PAD, self.slots)

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
        x, scale = self.start(src_ids, memory, mask), self.width**0.5
        if revealed is not None:
            told = F.embedding(revealed.labels, self.output_weight())
            told = told if self.from_states is None else told * scale
            x = torch.where(revealed.mask[..., None], told, x)
        x = x * scale if self.from_states is None else x
        x = self.dropout(in_compute_dtype(x + self.positions(mask.size(1), src_ids.device)))
        self_mask, source_mask = self.own_mask(mask), padding_mask(memory.mask)
        before = x
        for i, layer in enumerate(self.decoder):
            before, x = x, layer(x, self_mask, memory.for_layer(i), source_mask)
        return Decoded(self.decoder_norm(x), mask, before)


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
