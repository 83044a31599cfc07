"""What the one-pass students share: the teacher's embeddings and encoder, a decoder that sees every place.

A student adds what its decoder starts from and how its states become words.
"""

from __future__ import annotations

from typing import ClassVar, NamedTuple, TypeVar

import torch
from torch import Tensor, nn

from onepass.families import Family
from onepass.models.autoregressive import BOS, EOS, PAD
from onepass.nn.dropout import Dropout
from onepass.nn.positions import in_compute_dtype, sinusoidal_positions
from onepass.nn.transformer import DecoderLayer, Encoder, Memory, initialise
from onepass.settings import StudentSettings, TransformerSettings

UNK = 1
Length = TypeVar("Length", int, Tensor)


class Decoded(NamedTuple):
    """Decoder states [B, T, D] and which positions are real, bool [B, T]."""

    states: Tensor
    mask: Tensor


NEVER = (PAD, UNK, BOS, EOS)
"""Tokens that are never written."""


def compact(labels: Tensor, keep: Tensor) -> Tensor:
    """The labels of the places to keep, in their order.

    Args:
        labels: int64 [B, L].
        keep: bool [B, L].

    Returns:
        int64 [B, most of a row], padded with 0.
    """
    place = torch.where(keep, keep.cumsum(1) - 1, labels.size(1))  # the others into a column of their own
    ids = labels.new_zeros(labels.size(0), labels.size(1) + 1).scatter_(1, place, labels)
    return ids[:, : int(keep.sum(1).max())]


def length_cap(src_lengths: Length) -> Length:
    """The longest output allowed for a source length, or lengths [B]: it depends on the sentence alone."""
    return 3 * src_lengths + 20


class OnePassTransformer(nn.Module):
    """Embeddings, encoder and decoder layers; a subclass adds its own parts and says how it decodes.

    Args:
        sizes: the teacher's, but for the depth; it may start from the teacher's weights.
        student: its settings; each family names those it uses.
        src_size: source vocabulary.
        tgt_size: target vocabulary.
        joint: one embedding for source, target and output.

    Attributes:
        keep: how many of the encoder's layers the decoder sees.
        positional: its layers have a second self-attention, over positions.
    """

    family: ClassVar[Family]

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
        self.width, self.joint = sizes.width, joint
        self.keep = sizes.decoder_layers if student.attend_to == "layerwise" else 1
        layer = (sizes.width, sizes.ffn_width, sizes.heads, student.dropout)
        self.src_embedding = nn.Embedding(src_size, sizes.width)
        self.tgt_embedding = self.src_embedding if joint else nn.Embedding(tgt_size, sizes.width)
        self.encoder = Encoder(sizes.encoder_layers, *layer)
        self.positional = False
        self.add_parts(sizes, student)
        self.decoder = nn.ModuleList(
            DecoderLayer(*layer, positional_attention=self.positional) for _ in range(sizes.decoder_layers)
        )
        self.decoder_norm = nn.LayerNorm(sizes.width)
        self.dropout = Dropout(student.dropout)
        initialise(self)

    def add_parts(self, sizes: TransformerSettings, student: StudentSettings) -> None:
        """Makes what a family has beside embeddings, encoder and decoder."""
        raise NotImplementedError

    def most_places(self, src_length: int) -> int:
        """Places that the decoder has at most for a source of this length."""
        raise NotImplementedError

    def output_weight(self) -> Tensor:
        """Of the output layer, [C, D]: the target's tokens, then what labels a family has beside them."""
        return self.tgt_embedding.weight

    def encode(self, src_ids: Tensor) -> Memory:
        """src_ids int64 [B, S], padded with 0."""
        positions = sinusoidal_positions(src_ids.size(1), self.width, device=src_ids.device)
        x = self.dropout(in_compute_dtype(self.src_embedding(src_ids) * self.width**0.5 + positions))
        return self.encoder(x, src_ids != PAD, keep=self.keep)  # type: ignore[no-any-return]
