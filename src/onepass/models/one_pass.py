"""What the one-pass students share: the teacher's embeddings and encoder, a decoder that sees every place.

A student adds what its decoder starts from and how its states become words.
"""

from __future__ import annotations

from typing import ClassVar, NamedTuple, TypeVar

import torch
from torch import Tensor, nn

from onepass.families import Family
from onepass.models.autoregressive import BOS, EOS, PAD, with_end
from onepass.models.marian import layer_sizes
from onepass.nn.attention import padding_mask
from onepass.nn.dropout import Dropout
from onepass.nn.positions import in_compute_dtype, sines_then_cosines, sinusoidal_positions
from onepass.nn.post_norm import PostNormEncoder, PostNormSlotLayer
from onepass.nn.transformer import DecoderLayer, Encoder, Memory, initialise
from onepass.settings import StudentSettings, TransformerSettings

UNK = 1
Length = TypeVar("Length", int, Tensor)


class Decoded(NamedTuple):
    """What a decoder made of its places.

    Attributes:
        states: of the last layer, [B, T, D].
        mask: which places are real, bool [B, T].
        before: what the last layer has read, [B, T, D].
    """

    states: Tensor
    mask: Tensor
    before: Tensor


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
        post_norm: it is arranged as a Marian teacher is: norms after the sublayers and none at the top,
            sines before cosines, a bias for each word.
        ends: what its sources end with, in tokens: 1 with post-norm, where </s> is read too, else 0.
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
        self.post_norm, self.arithmetic = sizes.norm == "post", sizes.arithmetic
        self.ends = int(self.post_norm)
        self.src_embedding = nn.Embedding(src_size, sizes.width)
        self.tgt_embedding = self.src_embedding if joint else nn.Embedding(tgt_size, sizes.width)
        self.positional = False
        if self.post_norm:
            self._add_post_norm_stacks(sizes, student)
        else:
            self._add_stacks(sizes, student)
        self.dropout = Dropout(student.dropout)
        initialise(self)

    def _add_stacks(self, sizes: TransformerSettings, student: StudentSettings) -> None:
        layer = (sizes.width, sizes.ffn_width, sizes.heads, student.dropout)
        self.encoder: Encoder | PostNormEncoder = Encoder(sizes.encoder_layers, *layer)
        self.add_parts(sizes, student)
        self.decoder = nn.ModuleList(
            DecoderLayer(*layer, positional_attention=self.positional) for _ in range(sizes.decoder_layers)
        )
        self.decoder_norm: nn.Module = nn.LayerNorm(sizes.width)

    def _add_post_norm_stacks(self, sizes: TransformerSettings, student: StudentSettings) -> None:
        layer = layer_sizes(sizes, student.dropout)
        self.encoder = PostNormEncoder(sizes.encoder_layers, layer)
        self.word_bias = nn.Parameter(torch.zeros(self.tgt_embedding.num_embeddings))
        self.add_parts(sizes, student)
        self.decoder = nn.ModuleList(
            PostNormSlotLayer(layer, positional_attention=self.positional)
            for _ in range(sizes.decoder_layers)
        )
        self.decoder_norm = nn.Identity()

    def add_parts(self, sizes: TransformerSettings, student: StudentSettings) -> None:
        """Makes what a family has beside embeddings, encoder and decoder."""
        raise NotImplementedError

    def most_places(self, src_length: int) -> int:
        """Places that the decoder has at most for a source of this length."""
        raise NotImplementedError

    def output_parts(self) -> list[Tensor]:
        """Of the output layer's weight: the target's tokens, then what labels a family has beside them."""
        return [self.tgt_embedding.weight]

    def output_weight(self) -> Tensor:
        """Of the output layer, [C, D]: its parts below each other."""
        [weight] = self.output_parts()
        return weight

    def output_bias(self) -> Tensor | None:
        """Of the output layer, [C], in the order of its weight; None: it has none."""
        return self.word_bias if self.post_norm else None

    def own_mask(self, mask: Tensor) -> Tensor:
        """Which places each place sees, additive: bool [B, T] -> [B, 1, T or 1, T]."""
        return padding_mask(mask)

    def attended(self, memory: Memory, decoded: Decoded) -> Tensor:
        """The source token that each place attends to most in the last layer: int64 [B, T].

        It is where the place's word comes from. Its slot, or what it copies, is not: a student writes in the
        order of the target, and looks for each word where the source has it (docs/results/LOG.md).
        """
        last = len(self.decoder) - 1
        layer, mask, positions = self.decoder[last], decoded.mask, None
        if self.positional:
            positions = self.positions(mask.size(1), mask.device)[None].to(decoded.before.dtype)
        query = layer.query(decoded.before, self.own_mask(mask), positions, padding_mask(mask))  # type: ignore[operator]
        real = memory.mask[:, self.ends :]  # [B, S], </s> left out
        source = memory.for_layer(last)[:, : real.size(1)]
        return layer.source_attention.most_attended(query, source, real)  # type: ignore[operator, union-attr, no-any-return]

    def positions(self, length: int, device: torch.device) -> Tensor:
        """Encodings of the first positions, float32 [length, D]."""
        if not self.post_norm:
            return sinusoidal_positions(length, self.width, device=device)
        return sines_then_cosines(length, self.width, arithmetic=self.arithmetic, device=device)

    def read_ids(self, src_ids: Tensor) -> Tensor:
        """What the encoder reads: the source, [B, S], with its </s> where it has one, [B, S + ends]."""
        return with_end(src_ids) if self.ends else src_ids

    def encode(self, src_ids: Tensor) -> Memory:
        """src_ids int64 [B, S], padded with 0; the memory has S + ends places."""
        read = self.read_ids(src_ids)
        positions = self.positions(read.size(1), read.device)
        x = self.dropout(in_compute_dtype(self.src_embedding(read) * self.width**0.5 + positions))
        return self.encoder(x, read != PAD, keep=self.keep)  # type: ignore[no-any-return]
