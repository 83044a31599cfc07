"""Transformer layers as Marian has them: layer normalisation after each sublayer, none at the top.

The names of the parts are those of `onepass.nn.transformer`, which normalises before each sublayer. A
decoder layer looks at the positions before it by self-attention or through an SSRU.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from onepass.nn.attention import KeyValue, MultiHeadAttention, causal_mask, padding_mask
from onepass.nn.dropout import Dropout
from onepass.nn.positions import Arithmetic
from onepass.nn.ssru import SSRU, Cell
from onepass.nn.transformer import Memory

EPSILON = 1e-6
"""Under the root of a norm in Marian."""
_EPSILONS: dict[Arithmetic, float] = {"marian": EPSILON, "transformers": 1e-5}

Activation = Literal["relu", "swish"]
_ACTIVATIONS: dict[Activation, Callable[[Tensor], Tensor]] = {"relu": torch.relu, "swish": F.silu}


@dataclass(frozen=True)
class LayerSizes:
    """What all layers of a stack share."""

    width: int
    ffn_width: int
    heads: int
    activation: Activation = "relu"
    dropout: float = 0.0
    arithmetic: Arithmetic = "marian"


class PostNorm(nn.LayerNorm):
    """LN(x + y), y being what a sublayer made of x."""

    def __init__(self, sizes: LayerSizes) -> None:
        super().__init__(sizes.width, eps=_EPSILONS[sizes.arithmetic])
        self.dropout = Dropout(sizes.dropout)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:  # type: ignore[override]
        """[B, T, D], both."""
        return super().forward(x + self.dropout(y))


class ActivatedFeedForward(nn.Module):
    """Network of one hidden layer."""

    def __init__(self, sizes: LayerSizes) -> None:
        super().__init__()
        self.inner = nn.Linear(sizes.width, sizes.ffn_width)
        self.outer = nn.Linear(sizes.ffn_width, sizes.width)
        self.activation = _ACTIVATIONS[sizes.activation]
        self.dropout = Dropout(sizes.dropout)

    def forward(self, x: Tensor) -> Tensor:
        """[B, T, D] -> [B, T, D]."""
        return self.outer(self.dropout(self.activation(self.inner(x))))  # type: ignore[no-any-return]


class PostNormEncoderLayer(nn.Module):
    """Self-attention -> feed-forward."""

    def __init__(self, sizes: LayerSizes) -> None:
        super().__init__()
        self.self_attention = MultiHeadAttention(sizes.width, sizes.heads)
        self.self_norm = PostNorm(sizes)
        self.ffn = ActivatedFeedForward(sizes)
        self.ffn_norm = PostNorm(sizes)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """x [B, S, D], additive mask [B, 1, 1, S]."""
        x = self.self_norm(x, self.self_attention(x, x, x, mask))
        return self.ffn_norm(x, self.ffn(x))  # type: ignore[no-any-return]


class PostNormEncoder(nn.Module):
    """A stack of encoder layers."""

    def __init__(self, layers: int, sizes: LayerSizes) -> None:
        super().__init__()
        self.layers = nn.ModuleList(PostNormEncoderLayer(sizes) for _ in range(layers))

    def forward(self, x: Tensor, mask: Tensor, *, keep: int = 1) -> Memory:
        """Encodes x [B, S, D]; mask bool [B, S], True = real token; `keep` as in `nn.transformer.Encoder`."""
        attention_mask = padding_mask(mask)
        outputs = []
        for layer in self.layers:
            x = layer(x, attention_mask)
            outputs.append(x)
        return Memory(torch.stack(outputs[-keep:]), mask)


class PostNormSlotLayer(nn.Module):
    """Self-attention -> (positional attention) -> attention to the source -> feed-forward, of a student.

    Its places see each other, and it has the interface of `onepass.nn.transformer.DecoderLayer`.
    """

    def __init__(self, sizes: LayerSizes, *, positional_attention: bool = False) -> None:
        super().__init__()
        self.self_attention = MultiHeadAttention(sizes.width, sizes.heads)
        self.self_norm = PostNorm(sizes)
        if positional_attention:
            self.positional_attention = MultiHeadAttention(sizes.width, sizes.heads)
            self.positional_norm = PostNorm(sizes)
        self.source_attention = MultiHeadAttention(sizes.width, sizes.heads)
        self.source_norm = PostNorm(sizes)
        self.ffn = ActivatedFeedForward(sizes)
        self.ffn_norm = PostNorm(sizes)

    def forward(
        self,
        x: Tensor,
        self_mask: Tensor,
        source: Tensor,
        source_mask: Tensor,
        positions: Tensor | None = None,
        positional_mask: Tensor | None = None,
    ) -> Tensor:
        """All places at once; the arguments are those of `onepass.nn.transformer.DecoderLayer`."""
        x = self.query(x, self_mask, positions, positional_mask)
        x = self.source_norm(x, self.source_attention(x, source, source, source_mask))
        return self.ffn_norm(x, self.ffn(x))  # type: ignore[no-any-return]

    def query(
        self,
        x: Tensor,
        self_mask: Tensor,
        positions: Tensor | None = None,
        positional_mask: Tensor | None = None,
    ) -> Tensor:
        """What it asks the source with, [B, T, D]; the arguments are those of `forward`."""
        x = self.self_norm(x, self.self_attention(x, x, x, self_mask))
        if positions is None:
            return x
        where = positions.expand(x.size(0), -1, -1)
        return self.positional_norm(x, self.positional_attention(where, where, x, positional_mask))  # type: ignore[no-any-return]


class PastAttention(nn.Module):
    """Self-attention of each position to itself and those before it."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.attention = MultiHeadAttention(width, heads)

    def forward(self, x: Tensor) -> Tensor:
        """All positions of [B, T, D] at once."""
        return self.attention(x, x, x, causal_mask(x.size(1), x.device))  # type: ignore[no-any-return]

    def step(self, x: Tensor, before: KeyValue | None) -> tuple[Tensor, KeyValue]:
        """The next position x [B, 1, D], and the keys and values of all so far."""
        query, new = self.attention.project_self(x)
        past = new if before is None else before.append(new)
        return self.attention.attend(query, past, None), past


@dataclass
class PostNormCache:
    """What one decoder layer has computed: of the positions so far, and keys and values of the source."""

    past: KeyValue | Cell | None
    source: KeyValue

    def select(self, rows: Tensor) -> None:
        """Keeps the given rows of the batch, in that order."""
        self.past = None if self.past is None else self.past.select(rows)
        self.source = self.source.select(rows)


class PostNormDecoderLayer(nn.Module):
    """The past -> attention to the source -> feed-forward.

    Args:
        recurrent: an SSRU looks at the past, else self-attention.
    """

    def __init__(self, sizes: LayerSizes, *, recurrent: bool) -> None:
        super().__init__()
        self.past = SSRU(sizes.width) if recurrent else PastAttention(sizes.width, sizes.heads)
        self.past_norm = PostNorm(sizes)
        self.source_attention = MultiHeadAttention(sizes.width, sizes.heads)
        self.source_norm = PostNorm(sizes)
        self.ffn = ActivatedFeedForward(sizes)
        self.ffn_norm = PostNorm(sizes)

    def forward(self, x: Tensor, source: Tensor, source_mask: Tensor) -> Tensor:
        """All positions at once.

        Args:
            x: [B, T, D].
            source: [B, S, D]; `source_mask` additive [B, 1, 1, S].
        """
        x = self.query(x)
        x = self.source_norm(x, self.source_attention(x, source, source, source_mask))
        return self.ffn_norm(x, self.ffn(x))  # type: ignore[no-any-return]

    def query(self, x: Tensor) -> Tensor:
        """What it asks the source with, [B, T, D], of all positions at once."""
        return self.past_norm(x, self.past(x))  # type: ignore[no-any-return]

    def start(self, source: Tensor) -> PostNormCache:
        """An empty cache over the source states [B, S, D]."""
        return PostNormCache(None, self.source_attention.project_memory(source))

    def step(self, x: Tensor, cache: PostNormCache, source_mask: Tensor) -> Tensor:
        """The next position x [B, 1, D]; the cache moves on."""
        y, cache.past = self.past.step(x, cache.past)  # type: ignore[arg-type]  # it is of its own kind
        x = self.past_norm(x, y)
        query = self.source_attention.project_query(x)
        x = self.source_norm(x, self.source_attention.attend(query, cache.source, source_mask))
        return self.ffn_norm(x, self.ffn(x))  # type: ignore[no-any-return]
