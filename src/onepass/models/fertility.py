"""The student of Gu et al. (2018): fertilities, then every target position at once.

The encoder's last layer predicts a fertility 0..49 for each source token; each source embedding is
repeated that often and the decoder turns the repeated source into the target in one pass. There is
no end-of-sentence token: the length is the sum of the fertilities.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from onepass.nn.attention import others_mask, padding_mask
from onepass.nn.dropout import Dropout
from onepass.nn.positions import in_compute_dtype, sinusoidal_positions
from onepass.nn.transformer import DecoderLayer, Encoder, Memory, initialise
from onepass.recipe import StudentSettings, TransformerSettings

PAD = 0
FERTILITY_CLASSES = 50


class Decoded(NamedTuple):
    """Decoder states [B, T, D] and which positions are real, bool [B, T]."""

    states: Tensor
    mask: Tensor


def length_cap(src_lengths: Tensor) -> Tensor:
    """The longest output allowed for sources of these lengths [B]: it depends on the sentence alone."""
    return 3 * src_lengths + 20


def source_of_target(fertilities: Tensor, length: int) -> Tensor:
    """Which source position each target position copies (Gu et al. 2018, figure 2).

    Args:
        fertilities: int64 [B, S]; 0 at padding.
        length: T, at least the largest sum of fertilities.

    Returns:
        int64 [B, T]; positions behind the sum of a row's fertilities give S - 1.
    """
    ends = fertilities.cumsum(1)  # [B, S]
    target = torch.arange(length, device=fertilities.device)
    index = (ends[:, None, :] <= target[None, :, None]).sum(2)  # [B, T]
    return index.clamp_(max=fertilities.size(1) - 1)


def uniform_source_of_target(src_lengths: Tensor, tgt_lengths: Tensor, length: int) -> Tensor:
    """Evenly spread copying: target t copies source floor(t·S/T). The paper's ablation. -> int64 [B, T]."""
    target = torch.arange(length, device=src_lengths.device)[None, :]
    index = target * src_lengths[:, None] // tgt_lengths[:, None].clamp(min=1)
    return torch.minimum(index, src_lengths[:, None] - 1).clamp_(min=0)


class FertilityTransformer(nn.Module):
    """Non-autoregressive Transformer with fertilities.

    Args:
        sizes: of the teacher, whose encoder it may start from.
        student: switches; `copy_source`, `positional_attention`, `attend_to` and `dropout` are used.
        src_size: source vocabulary.
        tgt_size: target vocabulary.
        joint: one embedding for source, target and output.
    """

    def __init__(
        self,
        sizes: TransformerSettings,
        student: StudentSettings,
        src_size: int,
        tgt_size: int,
        *,
        joint: bool,
    ) -> None:
        super().__init__()
        layer = (sizes.width, sizes.ffn_width, sizes.heads, student.dropout)
        self.width = sizes.width
        self.copy_source = student.copy_source
        self.positional = student.positional_attention
        self.keep = sizes.decoder_layers if student.attend_to == "layerwise" else 1
        self.src_embedding = nn.Embedding(src_size, sizes.width)
        self.tgt_embedding = self.src_embedding if joint else nn.Embedding(tgt_size, sizes.width)
        self.encoder = Encoder(sizes.encoder_layers, *layer)
        self.fertility = nn.Linear(sizes.width, FERTILITY_CLASSES)
        self.decoder = nn.ModuleList(
            DecoderLayer(*layer, positional_attention=self.positional) for _ in range(sizes.decoder_layers)
        )
        self.decoder_norm = nn.LayerNorm(sizes.width)
        self.dropout = Dropout(student.dropout)
        initialise(self)

    def encode(self, src_ids: Tensor) -> Memory:
        """src_ids int64 [B, S], padded with 0."""
        positions = sinusoidal_positions(src_ids.size(1), self.width, device=src_ids.device)
        x = self.dropout(in_compute_dtype(self.src_embedding(src_ids) * self.width**0.5 + positions))
        return self.encoder(x, src_ids != PAD, keep=self.keep)  # type: ignore[no-any-return]

    def fertility_logits(self, memory: Memory) -> Tensor:
        """Scores of the fertilities 0..49 of every source token, [B, S, F]."""
        return self.fertility(memory.top)  # type: ignore[no-any-return]

    def decode(self, src_ids: Tensor, fertilities: Tensor, memory: Memory) -> Decoded:
        """All target positions at once.

        Args:
            src_ids: int64 [B, S].
            fertilities: int64 [B, S], 0 at padding; each row sums to its target length T_b >= 1.
            memory: from `encode(src_ids)`.
        """
        tgt_lengths = fertilities.sum(1)  # [B]
        length = int(tgt_lengths.max())
        mask = torch.arange(length, device=src_ids.device)[None, :] < tgt_lengths[:, None]  # [B, T]
        positions = sinusoidal_positions(length, self.width, device=src_ids.device)[None]  # [1, T, D]
        x = positions.expand(src_ids.size(0), -1, -1)
        if self.copy_source != "none":
            if self.copy_source == "fertility":
                index = source_of_target(fertilities, length)
            else:
                index = uniform_source_of_target((src_ids != PAD).sum(1), tgt_lengths, length)
            x = self.src_embedding(src_ids.gather(1, index)) * self.width**0.5 + x  # [B, T, D]
        x = self.dropout(in_compute_dtype(x))
        self_mask = others_mask(mask)
        positional_mask = padding_mask(mask)
        source_mask = padding_mask(memory.mask)
        for i, layer in enumerate(self.decoder):
            x = layer(
                x,
                self_mask,
                memory.for_layer(i),
                source_mask,
                positions if self.positional else None,
                positional_mask,
            )
        return Decoded(self.decoder_norm(x), mask)

    def logits(self, states: Tensor) -> Tensor:
        """Decoder states [..., D] -> scores of the target vocabulary [..., V]."""
        return F.linear(states, self.tgt_embedding.weight)
