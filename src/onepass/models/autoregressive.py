"""The teacher: an autoregressive encoder-decoder Transformer (Vaswani et al. 2017).

Its decoder input is <s> y_1 .. y_T, its output y_1 .. y_T </s>. `decode` computes all positions of a
given target in one pass (training, scoring); `start` and `step` one token at a time with a cache.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from onepass.families import AUTOREGRESSIVE, Family
from onepass.nn.attention import causal_mask, padding_mask
from onepass.nn.dropout import Dropout
from onepass.nn.positions import in_compute_dtype, sinusoidal_positions
from onepass.nn.transformer import DecoderLayer, Encoder, LayerCache, Memory, initialise
from onepass.settings import TransformerSettings

PAD, BOS, EOS = 0, 2, 3


@dataclass
class DecoderCache:
    """The state of a step-by-step decoding: a cache a layer, the source's mask, the next position."""

    layers: list[LayerCache]
    source_mask: Tensor
    position: int = 0

    def select(self, rows: Tensor) -> None:
        """Keeps the given rows of the batch, in that order."""
        for layer in self.layers:
            if layer.own is not None:
                layer.own = layer.own.select(rows)
            layer.source = layer.source.select(rows)
        self.source_mask = self.source_mask.index_select(0, rows)


class AutoregressiveTransformer(nn.Module):
    """Encoder-decoder Transformer; the output layer shares the target embedding.

    Args:
        settings: sizes.
        src_size: source vocabulary.
        tgt_size: target vocabulary.
        joint: one embedding for source, target and output (the sizes must be equal).
    """

    family: ClassVar[Family] = AUTOREGRESSIVE

    def __init__(self, settings: TransformerSettings, src_size: int, tgt_size: int, *, joint: bool) -> None:
        super().__init__()
        sizes = (settings.width, settings.ffn_width, settings.heads, settings.dropout)
        self.width = settings.width
        self.src_embedding = nn.Embedding(src_size, settings.width)
        self.tgt_embedding = self.src_embedding if joint else nn.Embedding(tgt_size, settings.width)
        self.encoder = Encoder(settings.encoder_layers, *sizes)
        self.decoder = nn.ModuleList(DecoderLayer(*sizes) for _ in range(settings.decoder_layers))
        self.decoder_norm = nn.LayerNorm(settings.width)
        self.dropout = Dropout(settings.dropout)
        initialise(self)

    def _embed(self, embedding: nn.Embedding, ids: Tensor, first: int = 0) -> Tensor:
        positions = sinusoidal_positions(first + ids.size(1), self.width, device=ids.device)[first:]
        return self.dropout(in_compute_dtype(embedding(ids) * self.width**0.5 + positions))  # type: ignore[no-any-return]

    def encode(self, src_ids: Tensor) -> Memory:
        """src_ids int64 [B, S], padded with 0."""
        return self.encoder(self._embed(self.src_embedding, src_ids), src_ids != PAD)  # type: ignore[no-any-return]

    def decode(self, tgt_ids: Tensor, memory: Memory) -> Tensor:
        """Decoder states that predict y_1 .. y_T </s>, given y_1 .. y_T [B, T] padded with 0.

        Returns:
            [B, T + 1, D]; row t predicts token t of `with_end(tgt_ids)`.
        """
        inputs = F.pad(tgt_ids, (1, 0), value=BOS)  # [B, T+1]
        x = self._embed(self.tgt_embedding, inputs)
        self_mask = causal_mask(inputs.size(1), x.device)
        source_mask = padding_mask(memory.mask)
        for i, layer in enumerate(self.decoder):
            x = layer(x, self_mask, memory.for_layer(i), source_mask)
        return self.decoder_norm(x)  # type: ignore[no-any-return]

    def output_weight(self) -> Tensor:
        """Of the output layer, [V, D]."""
        return self.tgt_embedding.weight

    def output_bias(self) -> Tensor | None:
        """Of the output layer, [V]; this model has none."""
        return None

    def logits(self, states: Tensor) -> Tensor:
        """Decoder states [..., D] -> scores of the target vocabulary [..., V]."""
        return F.linear(states, self.tgt_embedding.weight)

    def start(self, memory: Memory) -> DecoderCache:
        """A cache to decode from the first position."""
        layers = [layer.start(memory.for_layer(i)) for i, layer in enumerate(self.decoder)]  # type: ignore[operator]
        return DecoderCache(layers, padding_mask(memory.mask))

    def step(self, last_ids: Tensor, cache: DecoderCache) -> Tensor:
        """One position: the ids decoded last (BOS at first) [B] -> logits of the next token [B, V]."""
        x = self._embed(self.tgt_embedding, last_ids[:, None], cache.position)  # [B, 1, D]
        for layer, layer_cache in zip(self.decoder, cache.layers, strict=True):
            x = layer.step(x, layer_cache, cache.source_mask)  # type: ignore[operator]
        cache.position += 1
        return self.logits(self.decoder_norm(x[:, 0]))


def with_end(tgt_ids: Tensor) -> Tensor:
    """y_1 .. y_T padded with 0 [B, T] -> y_1 .. y_T </s> padded with 0 [B, T + 1]."""
    ended = F.pad(tgt_ids, (0, 1), value=PAD)
    lengths = (tgt_ids != PAD).sum(1, keepdim=True)
    return ended.scatter(1, lengths, torch.full_like(lengths, EOS))
