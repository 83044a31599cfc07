"""The layers of the Transformers as ONNX operators, with ONNX Runtime's fused attention.

Norms come before the sublayers or, where a `PostNorm` is the norm, after them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from onepass.export.graph import MICROSOFT, Graph, Range, Rounded
from onepass.export.parameters import Parameters
from onepass.nn.attention import MultiHeadAttention
from onepass.nn.post_norm import (
    ActivatedFeedForward,
    PastAttention,
    PostNorm,
    PostNormDecoderLayer,
    PostNormEncoderLayer,
    PostNormSlotLayer,
)
from onepass.nn.ssru import SSRU
from onepass.nn.transformer import DecoderLayer, EncoderLayer, FeedForward


class KeyValue(NamedTuple):
    """Projected keys and values of the source, [B, S, D] each."""

    key: str
    value: str

    def select(self, g: Graph, rows: str) -> KeyValue:
        """The given rows of the batch."""
        return KeyValue(*(g.op("Gather", part, rows) for part in self))


class Look(NamedTuple):
    """The query [B, T, D] and the keys [B, S, D] of an attention to the source."""

    query: str
    key: str


class LayerGraph(Graph):
    """A graph with layers; every method returns names of values.

    Attributes:
        looks: at the source, those of all layers so far.
        cells: of the SSRUs of all layers so far, [T, B, D]; `starts`: what the next ones start from, [B, D]
            each, where that is not 0.
    """

    def __init__(
        self,
        ranges: Sequence[Range] | None,
        parameters: Parameters | None = None,
        *,
        all_parts: bool = False,
    ) -> None:
        super().__init__(ranges, parameters, all_parts=all_parts)
        self.looks: list[Look] = []
        self.cells: list[str] = []
        self.starts: list[str] = []

    def attend(
        self,
        part: MultiHeadAttention,
        query: str,
        key: str,
        value: str,
        mask: str,
        bias: str = "",
        *,
        causal: bool = False,
    ) -> str:
        """softmax(q kᵀ / √d) v and the output layer.

        Args:
            part: the layers around it.
            query: [B, T, D]; `key` and `value` [B, S, D].
            mask: int32 [B, S]; "": all are seen.
            bias: [B, 1, T, S], added to the scores.
            causal: a place sees itself and what comes before.
        """
        inputs = [query, key, value, "", mask, bias]
        y = self.op(
            "MultiHeadAttention",
            *inputs,
            domain=MICROSOFT,
            num_heads=part.heads,
            unidirectional=int(causal),
        )
        return self.linear(y, part.output.weight, part.output.bias)

    def self_attention(
        self, part: MultiHeadAttention, x: str, mask: str, bias: str = "", *, causal: bool = False
    ) -> str:
        """Attention of x [B, L, D] to itself; the other arguments as in `attend`."""
        if self.int8 and not bias:
            # Projection and attention in one, without the copies between them (docs/results/LOG.md).
            values, scale, zero = self.to_uint8(x)
            matrix = self.int8_matrix([part.projection.weight])
            columns, added = self.columns(matrix.values), self.weight(part.projection.bias)
            inputs = [values, columns, added, scale, matrix.scales, mask, zero]
            y = self.op(
                "QAttention", *inputs, domain=MICROSOFT, num_heads=part.heads, unidirectional=int(causal)
            )
            return self.linear(y, part.output.weight, part.output.bias)
        query, key, value = self.split(self.linear(x, part.projection.weight, part.projection.bias), 3)
        return self.attend(part, query, key, value, mask, bias, causal=causal)

    def project_memory(self, layers: Iterable[Any], memory: list[str]) -> list[KeyValue]:
        """Keys and values of the source for every decoder layer: one product for those that see the same."""
        parts = [layer.source_attention for layer in layers]
        width = parts[0].output.in_features
        found: list[KeyValue] = []
        for states, group in groupby(zip(memory, parts, strict=True), key=itemgetter(0)):
            projections = [part.projection for _, part in group]
            weights = [projection.weight[width:] for projection in projections]
            biases = torch.cat([projection.bias[width:] for projection in projections])
            both = self.split(self.linear(states, weights, biases), 2 * len(projections))
            found.extend(KeyValue(*both[i : i + 2]) for i in range(0, len(both), 2))
        return found

    def source_attention(self, part: MultiHeadAttention, x: str, memory: KeyValue, src_mask: str) -> str:
        """Attention of x [B, T, D] to the source."""
        width = part.output.in_features
        query = self.linear(x, part.projection.weight[:width], part.projection.bias[:width])
        self.looks.append(Look(query, memory.key))
        return self.attend(part, query, memory.key, memory.value, src_mask)

    def positional_attention(self, part: MultiHeadAttention, x: str, positions: str, mask: str) -> str:
        """Attention of positions [1, T, D] to each other; what they see is x [B, T, D]."""
        width = part.output.in_features
        weight, own = part.projection.weight, part.projection.bias
        where = self.linear(positions, weight[: 2 * width], own[: 2 * width])  # [1, T, 2D]
        shape = self.op("Concat", self.size(x, 0), self.constant([1, 1]), axis=0)
        query, key = self.split(self.op("Expand", where, shape), 2)
        value = self.linear(x, weight[2 * width :], own[2 * width :])
        return self.attend(part, query, key, value, mask)

    def ssru(self, part: SSRU, x: str) -> str:
        """As `nn.ssru`, over all positions of x [B, T, D].

        The positions are a Scan, which is faster than what has fewer steps (docs/results/LOG.md).
        """
        forget, candidate = part.forget, part.candidate
        weights = [forget.weight, candidate.weight]
        bias = torch.cat([forget.bias, torch.zeros_like(forget.bias)])
        by_position = self.op("Transpose", x, perm=[1, 0, 2])
        gate, new = self.split(self.linear(by_position, weights, bias), 2)
        gate = self.op("Sigmoid", gate)
        new = self.op("Mul", self.op("Sub", self.number(1), gate), new)
        start = self.starts.pop(0) if self.starts else ""
        self.cells.append(self.scan(gate, new, forget.out_features, start))
        return self.op("Transpose", self.op("Relu", self.cells[-1]), perm=[1, 0, 2])

    def past(self, part: SSRU | PastAttention, x: str) -> str:
        """What each position of x [B, T, D] sees of itself and those before it."""
        if isinstance(part, SSRU):
            return self.ssru(part, x)
        return self.self_attention(part.attention, x, "", causal=True)

    def swish(self, x: str) -> str:
        """x sigmoid(x)."""
        return self.op("Mul", x, self.op("Sigmoid", x))

    def two_layers(self, x: str, inner: nn.Linear, outer: nn.Linear, *, swish: bool = False) -> str:
        """outer(relu(inner(x))), x [.., K] and the result alike; or with swish."""
        if not self.int8:
            y = self.linear(x, inner.weight, inner.bias)
            return self.linear(self.swish(y) if swish else self.op("Relu", y), outer.weight, outer.bias)
        first = self.to_uint8(self.op("Reshape", x, self.constant([-1, inner.in_features])))
        if swish:
            hidden = self.to_uint8(self.swish(self.rounded_linear(first, inner)))
            return self.op("Reshape", self.rounded_linear(hidden, outer), self.op("Shape", x))
        # The hidden layer's lowest is 0, and what is below is rounded to the lowest: that is the ReLU.
        to = self.next_range()
        hidden = Rounded(self.rounded_linear(first, inner, *to), *to)
        self.factors.append(hidden.values)
        return self.op("Reshape", self.rounded_linear(hidden, outer), self.op("Shape", x))

    def rounded_linear(self, x: Rounded, layer: nn.Linear, *to: str) -> str:
        """A layer of x [M, K], rounded to a scale and a zero if they are given."""
        bias = layer.bias.detach().float().cpu().numpy() / self.constants[x.scale]
        # A bias beside which the weights of its row are next to nothing must still fit into 32 bits.
        matrix = self.int8_matrix([layer.weight], np.abs(bias) / 2**30)
        return self.op(
            "QGemm",
            *x,
            self.columns(matrix.values),
            matrix.scales,
            self.constant(np.zeros(len(bias)), np.int8),
            self.constant(np.rint(bias / matrix.by_row), np.int32),
            *to,
            domain=MICROSOFT,
        )

    def norm(self, x: str, norm: nn.LayerNorm) -> str:
        """Layer normalisation."""
        scale, bias = self.weight(norm.weight), self.weight(norm.bias)
        return self.op("LayerNormalization", x, scale, bias, axis=-1, epsilon=norm.eps)

    def feed_forward(self, part: FeedForward | ActivatedFeedForward, x: str) -> str:
        """A network of one hidden layer."""
        swish = isinstance(part, ActivatedFeedForward) and part.activation is functional.silu
        return self.two_layers(x, part.inner, part.outer, swish=swish)

    def sublayer(self, x: str, norm: nn.LayerNorm, compute: Callable[[str], str]) -> str:
        """x + compute(norm(x)); or norm(x + compute(x)), where norms come after."""
        if isinstance(norm, PostNorm):
            return self.norm(self.op("Add", x, compute(x)), norm)
        return self.op("Add", x, compute(self.norm(x, norm)))

    def encoder_layer(self, layer: EncoderLayer | PostNormEncoderLayer, x: str, mask: str) -> str:
        """A layer of the encoder, [B, S, D] -> [B, S, D]."""
        x = self.sublayer(x, layer.self_norm, lambda y: self.self_attention(layer.self_attention, y, mask))
        return self.sublayer(x, layer.ffn_norm, lambda y: self.feed_forward(layer.ffn, y))

    def decoder_layer(
        self,
        layer: DecoderLayer | PostNormSlotLayer | PostNormDecoderLayer,
        x: str,
        mask: str,
        bias: str,
        memory: KeyValue,
        src_mask: str,
        positions: str,
        causal: bool,
    ) -> str:
        """A layer of the decoder; the arguments are those of `TransformerGraph.decode`."""
        if isinstance(layer, PostNormDecoderLayer):
            x = self.sublayer(x, layer.past_norm, lambda y: self.past(layer.past, y))
        else:
            own = layer.self_attention
            x = self.sublayer(
                x, layer.self_norm, lambda y: self.self_attention(own, y, mask, bias, causal=causal)
            )
            if positions:
                of_places = layer.positional_attention
                x = self.sublayer(
                    x,
                    layer.positional_norm,
                    lambda y: self.positional_attention(of_places, y, positions, mask),
                )
        x = self.sublayer(
            x,
            layer.source_norm,
            lambda y: self.source_attention(layer.source_attention, y, memory, src_mask),
        )
        return self.sublayer(x, layer.ffn_norm, lambda y: self.feed_forward(layer.ffn, y))
