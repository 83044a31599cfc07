"""Transformer stacks with layer normalisation before each sublayer and once after the last.

A decoder layer is self-attention -> positional attention (one-pass students only) -> attention to
the source -> feed-forward. `forward` computes all positions at once; `step` one position with a
cache of keys and values.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from onepass.nn.attention import KeyValue, MultiHeadAttention, padding_mask
from onepass.nn.dropout import Dropout


@dataclass(frozen=True)
class Memory:
    """What a decoder sees of the source.

    Attributes:
        states: [K, B, S, D]; K = 1: every decoder layer attends to the encoder's top layer;
            else decoder layer i attends to states[i].
        mask: bool [B, S], True = real token.
    """

    states: Tensor
    mask: Tensor

    @property
    def top(self) -> Tensor:
        """The encoder's last layer, [B, S, D]."""
        return self.states[-1]

    def for_layer(self, layer: int) -> Tensor:
        """What decoder layer `layer` attends to, [B, S, D]."""
        return self.states[min(layer, self.states.size(0) - 1)]

    def select(self, rows: Tensor) -> Memory:
        """The given rows of the batch, in that order."""
        return Memory(self.states.index_select(1, rows), self.mask.index_select(0, rows))


class FeedForward(nn.Module):
    """ReLU network of one hidden layer."""

    def __init__(self, width: int, ffn_width: int, dropout: float) -> None:
        super().__init__()
        self.inner = nn.Linear(width, ffn_width)
        self.outer = nn.Linear(ffn_width, width)
        self.dropout = Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """[B, T, D] -> [B, T, D]."""
        return self.outer(self.dropout(torch.relu(self.inner(x))))  # type: ignore[no-any-return]


class EncoderLayer(nn.Module):
    """Self-attention -> feed-forward."""

    def __init__(self, width: int, ffn_width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.self_norm = nn.LayerNorm(width)
        self.self_attention = MultiHeadAttention(width, heads)
        self.ffn_norm = nn.LayerNorm(width)
        self.ffn = FeedForward(width, ffn_width, dropout)
        self.dropout = Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """x [B, S, D], additive mask [B, 1, 1, S]."""
        y = self.self_norm(x)
        x = x + self.dropout(self.self_attention(y, y, y, mask))
        return x + self.dropout(self.ffn(self.ffn_norm(x)))  # type: ignore[no-any-return]


class Encoder(nn.Module):
    """A stack of encoder layers."""

    def __init__(self, layers: int, width: int, ffn_width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.layers = nn.ModuleList(EncoderLayer(width, ffn_width, heads, dropout) for _ in range(layers))
        self.norm = nn.LayerNorm(width)

    def forward(self, x: Tensor, mask: Tensor, *, keep: int = 1) -> Memory:
        """Encodes x [B, S, D]; `keep`: how many layers' outputs (the last ones) the memory holds."""
        attention_mask = padding_mask(mask)
        outputs = []
        for layer in self.layers:
            x = layer(x, attention_mask)
            outputs.append(x)
        return Memory(self.norm(torch.stack(outputs[-keep:])), mask)


@dataclass
class LayerCache:
    """Keys and values one decoder layer has computed: its own so far, and the source's."""

    own: KeyValue | None
    source: KeyValue


class DecoderLayer(nn.Module):
    """Self-attention -> (positional attention) -> attention to the source -> feed-forward."""

    def __init__(
        self, width: int, ffn_width: int, heads: int, dropout: float, *, positional_attention: bool = False
    ) -> None:
        super().__init__()
        self.self_norm = nn.LayerNorm(width)
        self.self_attention = MultiHeadAttention(width, heads)
        if positional_attention:
            self.positional_norm = nn.LayerNorm(width)
            self.positional_attention = MultiHeadAttention(width, heads)
        self.source_norm = nn.LayerNorm(width)
        self.source_attention = MultiHeadAttention(width, heads)
        self.ffn_norm = nn.LayerNorm(width)
        self.ffn = FeedForward(width, ffn_width, dropout)
        self.dropout = Dropout(dropout)

    def forward(
        self,
        x: Tensor,
        self_mask: Tensor,
        source: Tensor,
        source_mask: Tensor,
        positions: Tensor | None = None,
        positional_mask: Tensor | None = None,
    ) -> Tensor:
        """All positions at once.

        Args:
            x: [B, T, D].
            self_mask: additive [B or 1, 1, T, T].
            source: [B, S, D]; `source_mask` additive [B, 1, 1, S].
            positions: position encodings [1, T, D], queries and keys of the positional attention
                (Gu et al. 2018, section 3.1); `positional_mask` additive [B, 1, 1, T].
        """
        x = self._before_source(x, self_mask, positions, positional_mask)
        y = self.source_norm(x)
        x = x + self.dropout(self.source_attention(y, source, source, source_mask))
        return x + self.dropout(self.ffn(self.ffn_norm(x)))  # type: ignore[no-any-return]

    def _before_source(
        self, x: Tensor, self_mask: Tensor, positions: Tensor | None, positional_mask: Tensor | None
    ) -> Tensor:
        y = self.self_norm(x)
        x = x + self.dropout(self.self_attention(y, y, y, self_mask))
        if positions is None:
            return x
        where = positions.expand(x.size(0), -1, -1)
        y = self.positional_norm(x)
        return x + self.dropout(self.positional_attention(where, where, y, positional_mask))  # type: ignore[no-any-return]

    def query(
        self,
        x: Tensor,
        self_mask: Tensor,
        positions: Tensor | None = None,
        positional_mask: Tensor | None = None,
    ) -> Tensor:
        """What it asks the source with, [B, T, D]; the arguments are those of `forward`."""
        return self.source_norm(self._before_source(x, self_mask, positions, positional_mask))  # type: ignore[no-any-return]

    def start(self, source: Tensor) -> LayerCache:
        """An empty cache over the source states [B, S, D]."""
        return LayerCache(None, self.source_attention.project_memory(source))

    def step(self, x: Tensor, cache: LayerCache, source_mask: Tensor) -> Tensor:
        """The next position x [B, 1, D]; its keys and values join the cache."""
        query, new = self.self_attention.project_self(self.self_norm(x))
        cache.own = new if cache.own is None else cache.own.append(new)
        x = x + self.self_attention.attend(query, cache.own, None)
        query = self.source_attention.project_query(self.source_norm(x))
        x = x + self.source_attention.attend(query, cache.source, source_mask)
        return x + self.ffn(self.ffn_norm(x))  # type: ignore[no-any-return]


def initialise(module: nn.Module) -> None:
    """Xavier-uniform weights and zero biases for linear layers; embeddings N(0, 1/D)."""
    for part in module.modules():
        if isinstance(part, MultiHeadAttention):
            for rows in part.projection.weight.data.chunk(3):
                nn.init.xavier_uniform_(rows)
            nn.init.zeros_(part.projection.bias)
        elif isinstance(part, nn.Embedding):
            nn.init.normal_(part.weight, std=part.embedding_dim**-0.5)
    for name, part in module.named_modules():
        if isinstance(part, nn.Linear) and not name.endswith(".projection"):
            nn.init.xavier_uniform_(part.weight)
            if part.bias is not None:
                nn.init.zeros_(part.bias)
