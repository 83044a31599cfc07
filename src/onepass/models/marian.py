"""The Transformer of Marian, as Firefox Translations, Bergamot and OPUS-MT publish it: a teacher to read.

Post-norm, √d-scaled embeddings, sines before cosines, a bias on the output layer, a decoder of SSRU or
self-attention. Its ids are this project's: reading adds a row for padding and one for <s>, both zero, which
are never written. So the first position of the decoder is a position without a word, as Marian has it. The
end of a source, which Marian reads as well, is added here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from onepass.families import AUTOREGRESSIVE, Family
from onepass.models.autoregressive import BOS, PAD, with_end
from onepass.nn.attention import padding_mask
from onepass.nn.dropout import Dropout
from onepass.nn.positions import in_compute_dtype, sines_then_cosines
from onepass.nn.post_norm import LayerSizes, PostNormCache, PostNormDecoderLayer, PostNormEncoder
from onepass.nn.transformer import Memory
from onepass.settings import TransformerSettings

NEVER = -1e9
"""Output bias of what is never written."""


@dataclass(frozen=True)
class MarianSizes:
    """What a Marian model is built from.

    Attributes:
        layers: what the layers of both stacks share.
        encoder_layers, decoder_layers: how many.
        recurrent: the decoder has SSRUs, else self-attention.
        joint: source and target share an embedding.
        tied: the output layer shares the target embedding.
        src_size, tgt_size: vocabularies, padding and <s> included.
    """

    layers: LayerSizes
    encoder_layers: int
    decoder_layers: int
    recurrent: bool
    joint: bool
    tied: bool
    src_size: int
    tgt_size: int


def marian_sizes(settings: TransformerSettings, src_size: int, tgt_size: int, *, joint: bool) -> MarianSizes:
    """The sizes that settings with `norm = "post"` and two vocabularies stand for."""
    return MarianSizes(
        layer_sizes(settings, settings.dropout),
        encoder_layers=settings.encoder_layers,
        decoder_layers=settings.decoder_layers,
        recurrent=settings.cell == "ssru",
        joint=joint,
        tied=settings.tied,
        src_size=src_size,
        tgt_size=tgt_size,
    )


def layer_sizes(settings: TransformerSettings, dropout: float) -> LayerSizes:
    """What all layers share, with a dropout of their own."""
    return LayerSizes(
        settings.width,
        settings.ffn_width,
        settings.heads,
        settings.activation,
        dropout,
        settings.arithmetic,
    )


def settings_of(sizes: MarianSizes) -> TransformerSettings:
    """The settings that `marian_sizes` was given."""
    layers = sizes.layers
    return TransformerSettings(
        width=layers.width,
        ffn_width=layers.ffn_width,
        encoder_layers=sizes.encoder_layers,
        decoder_layers=sizes.decoder_layers,
        heads=layers.heads,
        dropout=layers.dropout,
        norm="post",
        activation=layers.activation,
        arithmetic=layers.arithmetic,
        cell="ssru" if sizes.recurrent else "attention",
        tied=sizes.tied,
    )


class OutputLayer(nn.Module):
    """States to scores of words, with a bias a word.

    Args:
        weight: [V, D], the target embedding's where they are tied.
        bias: [V].
    """

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        super().__init__()
        self.weight, self.bias = weight, bias

    def forward(self, states: Tensor) -> Tensor:
        """[..., D] -> [..., V]; the bias is added in its own precision."""
        return F.linear(states, self.weight) + self.bias

    def of(self, ids: Tensor) -> OutputLayer:
        """The layer of a few words: row i is that of ids[i]."""
        return OutputLayer(self.weight[ids], self.bias[ids])


@dataclass
class MarianCache:
    """The state of a step-by-step decoding: a cache a layer, the source's mask, the next position."""

    layers: list[PostNormCache]
    source_mask: Tensor
    position: int = 0

    def select(self, rows: Tensor) -> None:
        """Keeps the given rows of the batch, in that order."""
        for layer in self.layers:
            layer.select(rows)
        self.source_mask = self.source_mask.index_select(0, rows)


class MarianTransformer(nn.Module):
    """Encoder-decoder with the interface of `onepass.models.autoregressive.AutoregressiveTransformer`."""

    family: ClassVar[Family] = AUTOREGRESSIVE

    def __init__(self, sizes: MarianSizes) -> None:
        super().__init__()
        self.sizes, self.width = sizes, sizes.layers.width
        self.src_embedding = nn.Embedding(sizes.src_size, self.width)
        self.tgt_embedding = self.src_embedding if sizes.joint else nn.Embedding(sizes.tgt_size, self.width)
        own = nn.Embedding(sizes.tgt_size, self.width) if not sizes.tied else self.tgt_embedding
        self.output = OutputLayer(own.weight, nn.Parameter(torch.zeros(sizes.tgt_size)))
        self.encoder = PostNormEncoder(sizes.encoder_layers, sizes.layers)
        self.decoder = nn.ModuleList(
            PostNormDecoderLayer(sizes.layers, recurrent=sizes.recurrent) for _ in range(sizes.decoder_layers)
        )
        self.dropout = Dropout(sizes.layers.dropout)

    def _embed(self, embedding: nn.Embedding, ids: Tensor, first: int = 0) -> Tensor:
        positions = sines_then_cosines(
            ids.size(1),
            self.width,
            arithmetic=self.sizes.layers.arithmetic,
            first=first,
            device=ids.device,
        )
        return self.dropout(in_compute_dtype(embedding(ids) * self.width**0.5 + positions))  # type: ignore[no-any-return]

    def embed_target(self, tgt_ids: Tensor) -> Tensor:
        """The decoder's input [B, T, D] of ids [B, T] from the first position on."""
        return self._embed(self.tgt_embedding, tgt_ids)

    def encode(self, src_ids: Tensor) -> Memory:
        """src_ids int64 [B, S], padded with 0, without </s>; the memory has S + 1 places."""
        ended = with_end(src_ids)
        return self.encoder(self._embed(self.src_embedding, ended), ended != PAD)  # type: ignore[no-any-return]

    def decode(self, tgt_ids: Tensor, memory: Memory) -> Tensor:
        """Decoder states that predict y_1 .. y_T </s>, given y_1 .. y_T [B, T] padded with 0.

        Returns:
            [B, T + 1, D]; row t predicts token t of `with_end(tgt_ids)`.
        """
        x = self.embed_target(F.pad(tgt_ids, (1, 0), value=BOS))
        source_mask = padding_mask(memory.mask)
        for layer in self.decoder:
            x = layer(x, memory.top, source_mask)
        return x

    def output_weight(self) -> Tensor:
        """Of the output layer, [V, D]."""
        return self.output.weight

    def output_bias(self) -> Tensor | None:
        """Of the output layer, [V]."""
        return self.output.bias

    def logits(self, states: Tensor) -> Tensor:
        """Decoder states [..., D] -> scores of the target vocabulary [..., V]."""
        return self.output(states)  # type: ignore[no-any-return]

    def start(self, memory: Memory) -> MarianCache:
        """A cache to decode from the first position."""
        layers = [layer.start(memory.top) for layer in self.decoder]  # type: ignore[operator]
        return MarianCache(layers, padding_mask(memory.mask))

    def step(self, last_ids: Tensor, cache: MarianCache) -> Tensor:
        """One position: the ids decoded last (BOS at first) [B] -> logits of the next token [B, V]."""
        return self.logits(self.step_states(last_ids, cache))

    def step_states(self, last_ids: Tensor, cache: MarianCache) -> Tensor:
        """`step` before the output layer: [B, D]."""
        x = self._embed(self.tgt_embedding, last_ids[:, None], cache.position)  # [B, 1, D]
        for layer, layer_cache in zip(self.decoder, cache.layers, strict=True):
            x = layer.step(x, layer_cache, cache.source_mask)  # type: ignore[operator]
        cache.position += 1
        return x[:, 0]

    def extended(self, count: int) -> MarianTransformer:
        """This model with `count` further ids behind both vocabularies: zero rows, never written.

        Their rows are the reader's to fill (a blank, placeholders); all others are this model's.
        """
        sizes = self.sizes
        longer = MarianTransformer(
            replace(sizes, src_size=sizes.src_size + count, tgt_size=sizes.tgt_size + count)
        )
        state = self.state_dict()
        for name, parameter in longer.state_dict().items():
            old = state[name]
            if parameter.shape != old.shape:
                fill = NEVER if parameter.dim() == 1 else 0.0
                new_rows = torch.full_like(parameter[old.size(0) :], fill)
                state[name] = torch.cat([old, new_rows.to(old)])
        longer.load_state_dict(state)
        return longer.to(next(self.parameters()).device).train(self.training)
