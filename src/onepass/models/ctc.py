"""The student with latent alignments (Libovický and Helcl 2018; Gu and Kong 2021).

The decoder has a fixed number of slots a source token; each slot becomes a token or a blank, equal
neighbours are one token, blanks are left out.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from onepass.families import CTC, Family
from onepass.models.autoregressive import PAD
from onepass.models.one_pass import Length, compact
from onepass.models.slots import SlotTransformer
from onepass.nn.transformer import Memory
from onepass.settings import StudentSettings, TransformerSettings


class CTCTransformer(SlotTransformer):
    """Encoder, decoder over `student.slots` slots a source token, vocabulary and a blank.

    Of the student's settings it uses `slots`, `start`, `attend_to` and `dropout`. The blank is label V,
    behind the target vocabulary.
    """

    family: ClassVar[Family] = CTC
    separates: ClassVar[bool] = True

    def add_parts(self, sizes: TransformerSettings, student: StudentSettings) -> None:
        self.add_slots(sizes.width, student)
        self.blank = self.tgt_embedding.num_embeddings
        self.blank_embedding = nn.Embedding(1, sizes.width)
        if self.post_norm:
            self.blank_bias = nn.Parameter(torch.zeros(1))
        self._joined: tuple[list[tuple[int, int]], Tensor] | None = None

    def num_slots(self, src_length: Length) -> Length:
        return (src_length + self.ends) * self.slots

    def start(self, src_ids: Tensor, memory: Memory, mask: Tensor) -> Tensor:
        return self.stretched(src_ids, memory)

    def output_bias(self) -> Tensor | None:
        return torch.cat([self.word_bias, self.blank_bias]) if self.post_norm else None

    def train(self, mode: bool = True) -> CTCTransformer:
        self._joined = None
        return super().train(mode)

    def output_parts(self) -> list[Tensor]:
        return [self.tgt_embedding.weight, self.blank_embedding.weight]

    def output_weight(self) -> Tensor:
        """The tokens, then the blank: [V + 1, D]; in eval mode joined once for as long as both stay."""
        parts = self.output_parts()
        # In training they change under an optimizer that may not count versions (torch's fused Adam).
        if self.training or torch.is_grad_enabled():
            return torch.cat(parts)
        state = [(part.data_ptr(), part._version) for part in parts]
        if self._joined is None or self._joined[0] != state:
            self._joined = state, torch.cat(parts)
        return self._joined[1]


def feasible(src_lengths: Tensor, tgt_ids: Tensor, slots: int) -> Tensor:
    """Which pairs have enough slots: one a token, and one more between equal neighbours.

    Args:
        src_lengths: int64 [B], </s> included where it has slots.
        tgt_ids: int64 [B, T], padded with 0.
        slots: a source token.

    Returns:
        bool [B].
    """
    repeats = ((tgt_ids[:, 1:] == tgt_ids[:, :-1]) & (tgt_ids[:, 1:] != PAD)).sum(1)
    return src_lengths * slots >= (tgt_ids != PAD).sum(1) + repeats


def collapse(labels: Tensor, mask: Tensor, blank: int) -> Tensor:
    """Slots to tokens: equal neighbours are one, blanks go.

    Args:
        labels: int64 [B, L].
        mask: bool [B, L], the real slots, which come first.
        blank: its label.

    Returns:
        int64 [B, longest], padded with 0.
    """
    return compact(labels, word_slots(labels, mask, blank))


def word_slots(labels: Tensor, mask: Tensor, blank: int) -> Tensor:
    """Which slots `collapse` keeps, bool [B, L]; the arguments are the same."""
    before = torch.nn.functional.pad(labels[:, :-1], (1, 0), value=blank)
    return mask & (labels != blank) & (labels != before)
