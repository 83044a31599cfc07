"""Products as engines in 8 bits compute them: inputs rounded by a fixed scale, whole numbers multiplied.

    y = (clip(round(a x), -127, 127) · round(m W)ᵀ) / (a m) + b

The whole numbers are held as float32, whose sums of them are exact up to 2^24. It shows how an engine
differs from a model in float32; it saves nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from onepass.nn.attention import KeyValue, MultiHeadAttention

LARGEST = 127


class Scale(NamedTuple):
    """What the inputs of a product are multiplied with before rounding (a), and its weights (m)."""

    inputs: float
    weights: float


class RoundedLinear(nn.Module):
    """A linear layer in 8 bits.

    Args:
        weight: [outputs, inputs], multiples of 1 / m up to 127 of them.
        bias: [outputs], or None.
    """

    weight: Tensor
    bias: Tensor | None

    def __init__(self, weight: Tensor, bias: Tensor | None, scale: Scale) -> None:
        super().__init__()
        self.scale = scale
        self.register_buffer("weight", torch.round(weight.detach().float() * scale.weights))
        self.register_buffer("bias", None if bias is None else bias.detach().float())

    def forward(self, x: Tensor) -> Tensor:
        """[..., inputs] -> float32 [..., outputs]."""
        rounded = torch.round(x.float() * self.scale.inputs).clamp(-LARGEST, LARGEST)
        y = F.linear(rounded, self.weight) / (self.scale.inputs * self.scale.weights)
        return y if self.bias is None else y + self.bias

    def of(self, rows: Tensor) -> RoundedLinear:
        """The layer of a few outputs: row i is that of rows[i]."""
        bias = None if self.bias is None else self.bias[rows]
        return RoundedLinear(self.weight[rows] / self.scale.weights, bias, self.scale)


class RoundedAttention(MultiHeadAttention):
    """Attention whose four projections are in 8 bits; queries, keys and values have each their own scale.

    Args:
        attention: what it is made of.
        scales: of query, key, value and output.
    """

    def __init__(self, attention: MultiHeadAttention, scales: Sequence[Scale]) -> None:
        nn.Module.__init__(self)
        self.heads = attention.heads
        parts = zip(attention.projection.weight.chunk(3), attention.projection.bias.chunk(3), strict=True)
        self.parts = nn.ModuleList(
            RoundedLinear(weight, bias, scale) for (weight, bias), scale in zip(parts, scales[:3], strict=True)
        )
        output = attention.output
        self.output = RoundedLinear(output.weight, output.bias, scales[3])  # type: ignore[assignment]

    def _project(self, x: Tensor, first: int, last: int) -> list[Tensor]:
        return [self._split(self.parts[i](x)) for i in range(first, last)]

    def project_self(self, x: Tensor) -> tuple[Tensor, KeyValue]:
        """Query and key/value of the same states [B, T, D]."""
        query, key, value = self._project(x, 0, 3)
        return query, KeyValue(key, value)
