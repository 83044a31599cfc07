"""The arithmetic of `fxtranslate` 0.5.0, bit by bit, in our modules: it proves that a teacher was read right.

The engine multiplies in 8 bits: inputs are rounded, whole numbers are added up. One input that rounds the
other way is an error a million times larger than that of float32, and makes further ones. So a model that
only rounds as the engine does parts from it as often as one in float32: sums must be formed in the engine's
order, and `exp` and `sin` rounded as its library rounds them, too.

Its kernel for x86 (AVX2) adds two products at a time in 16 bits, which overflow to the largest number. Its
output layer under a shortlist has no such overflow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from onepass.models.marian import MarianSizes, MarianTransformer
from onepass.nn.attention import KeyValue, MultiHeadAttention
from onepass.nn.post_norm import EPSILON, PostNorm
from onepass.nn.ssru import SSRU, Cell
from onepass.teachers.items import Item
from onepass.teachers.layout import stack_parts

Floats = NDArray[np.float32]
SHIFT = 127
"""Added to rounded inputs, since the kernel's are unsigned."""


class Scale(NamedTuple):
    """What the inputs of a product are multiplied with before rounding, and its weights."""

    inputs: np.float32
    weights: np.float32


def in_order(x: Floats, axis: int = -1) -> Floats:
    """Sums in float32, first to last."""
    return np.take(np.add.accumulate(x, axis=axis, dtype=np.float32), -1, axis=axis)


def exp(x: Floats) -> Floats:
    """Correctly rounded, as the C library's is but for one value in some hundreds."""
    return np.exp(x.astype(np.float64)).astype(np.float32)


def softmax(scores: Floats) -> Floats:
    """Over the last axis."""
    powers = exp(scores - scores.max(-1, keepdims=True))
    return powers / in_order(powers)[..., None]


class EngineLinear(nn.Module):
    """A product in 8 bits.

    Args:
        weight: [outputs, inputs], multiples of 1 / scale.weights.
        overflowing: pairs of products are added in 16 bits.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None, scale: Scale, *, overflowing: bool) -> None:
        super().__init__()
        self.scale = scale
        whole = np.round(weight.detach().double().numpy() * float(scale.weights))
        self.whole, self.overflowing = torch.from_numpy(whole), overflowing
        self.own_bias = np.zeros(len(whole), np.float32) if bias is None else bias.detach().numpy()
        self.unscale = np.float32(1) / (scale.inputs * scale.weights)
        shift = np.float32(SHIFT) * self.unscale * whole.sum(1).astype(np.float32)
        self.bias = self.own_bias - shift if not overflowing else (np.float32(0) - shift) + self.own_bias
        first, second = whole[:, 0::2], whole[:, 1::2]
        # Only such a pair of weights can give more than 16 bits hold.
        rows, pairs = np.nonzero((first * second > 0) & (np.abs(first + second) * 2 * SHIFT > 2**15 - 1))
        self.overflow_rows = torch.from_numpy(rows)
        self.pairs = torch.from_numpy(pairs)
        self.pair_weights = torch.from_numpy(np.stack([first[rows, pairs], second[rows, pairs]]))

    def forward(self, x: Tensor) -> Tensor:
        """[..., inputs] -> float32 [..., outputs]."""
        rounded = np.clip(np.round(x.numpy() * self.scale.inputs), -SHIFT, SHIFT) + SHIFT
        inputs = torch.from_numpy(rounded.astype(np.float64))
        sums = inputs @ self.whole.T
        if self.overflowing and len(self.pairs):
            both = inputs[..., 2 * self.pairs] * self.pair_weights[0]
            both += inputs[..., 2 * self.pairs + 1] * self.pair_weights[1]
            sums.index_add_(-1, self.overflow_rows, both.clamp(-(2**15), 2**15 - 1) - both)
        return torch.from_numpy(sums.float().numpy() * self.unscale + self.bias)

    def of(self, ids: Tensor) -> EngineLinear:
        """The layer of a few outputs, as the engine's shortlist has it: without overflow."""
        weight = self.whole[ids] / float(self.scale.weights)
        bias = torch.from_numpy(self.own_bias)[ids]
        return EngineLinear(weight, bias, self.scale, overflowing=False)


class EngineAttention(MultiHeadAttention):
    """Products of queries and keys channel after channel, values position after position."""

    def __init__(self, attention: MultiHeadAttention, scales: Sequence[Scale]) -> None:
        nn.Module.__init__(self)
        self.heads = attention.heads
        weights, biases = attention.projection.weight.chunk(3), attention.projection.bias.chunk(3)
        self.parts = nn.ModuleList(
            EngineLinear(weight, bias, scale, overflowing=True)
            for weight, bias, scale in zip(weights, biases, scales[:3], strict=True)
        )
        output = attention.output
        self.output = EngineLinear(output.weight, output.bias, scales[3], overflowing=True)  # type: ignore[assignment]

    def _project(self, x: Tensor, first: int, last: int) -> list[Tensor]:
        return [self._split(self.parts[i](x)) for i in range(first, last)]

    def project_self(self, x: Tensor) -> tuple[Tensor, KeyValue]:
        query, key, value = self._project(x, 0, 3)
        return query, KeyValue(key, value)

    def attend(self, query: Tensor, memory: KeyValue, mask: Tensor | None) -> Tensor:
        q, k, v = query.numpy(), memory.key.numpy(), memory.value.numpy()
        scale = np.float32(1) / np.sqrt(np.float32(q.shape[-1]))
        products = (in_order(q[:, :, t, None, :] * k) for t in range(q.shape[2]))  # a position at a time
        scores = np.stack(list(products), 2) * scale
        weights = softmax(scores if mask is None else scores + mask.numpy())
        mixed = [in_order(weights[:, :, t, :, None] * v, axis=2) for t in range(q.shape[2])]
        return self.output(torch.from_numpy(np.stack(mixed, 2)).transpose(1, 2).flatten(2))


class EngineNorm(nn.Module):
    """Mean and variance first to last."""

    def __init__(self, norm: PostNorm) -> None:
        super().__init__()
        self.scale, self.bias = norm.weight.detach().numpy(), norm.bias.detach().numpy()

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        both = x.numpy() + y.numpy()
        width = np.float32(both.shape[-1])
        centred = both - (in_order(both) / width)[..., None]
        deviation = np.sqrt(in_order(centred * centred) / width + np.float32(EPSILON))
        return torch.from_numpy(self.scale * (centred / deviation[..., None]) + self.bias)


class EngineSSRU(SSRU):
    """One step after another."""

    def __init__(self, unit: SSRU, forget: Scale, candidate: Scale) -> None:
        nn.Module.__init__(self)
        self.forget = EngineLinear(unit.forget.weight, unit.forget.bias, forget, overflowing=True)  # type: ignore[assignment]
        self.candidate = EngineLinear(unit.candidate.weight, None, candidate, overflowing=True)  # type: ignore[assignment]

    def step(self, x: Tensor, before: Cell | None) -> tuple[Tensor, Cell]:
        one = np.float32(1)
        gate = one / (one + exp(-self.forget(x[:, 0]).numpy()))
        new = self.candidate(x[:, 0]).numpy()
        old = np.zeros_like(new) if before is None else before.state.numpy()
        state = torch.from_numpy(gate * old + (one - gate) * new)
        return torch.relu(state)[:, None], Cell(state)


class EngineTransformer(MarianTransformer):
    """The whole; its decoder goes step by step only."""

    def _embed(self, embedding: nn.Embedding, ids: Tensor, first: int = 0) -> Tensor:
        half = self.width // 2
        channels = np.arange(self.width)
        exponents = (channels % half).astype(np.float32) / (np.float32(half) - np.float32(1))
        frequencies = (np.float64(np.float32(1e-4)) ** exponents.astype(np.float64)).astype(np.float32)
        offsets = (channels // half).astype(np.float32) * np.float32(np.pi / 2)
        positions = np.arange(first, first + ids.size(1), dtype=np.float32)[:, None]
        angles = positions * frequencies + offsets
        waves = np.sin(angles.astype(np.float64)).astype(np.float32)
        scale = np.sqrt(np.float32(self.width))
        return torch.from_numpy(scale * embedding(ids).numpy() + waves)


def as_engine(model: MarianTransformer, items: Mapping[str, Item]) -> EngineTransformer:
    """A copy of a model that computes as the engine does.

    Args:
        model: with SSRUs, as it was read.
        items: of its file, with the scales (`alphas`).
    """
    scales = _scales(items, model.sizes)
    engine = deepcopy(model)
    engine.__class__ = EngineTransformer
    for name, part in list(engine.named_modules()):
        replaced: nn.Module | None = None
        if isinstance(part, MultiHeadAttention):
            replaced = EngineAttention(
                part, [*scales[f"{name}.projection.weight"], *scales[f"{name}.output.weight"]]
            )
        elif isinstance(part, SSRU):
            replaced = EngineSSRU(part, *scales[f"{name}.forget.weight"], *scales[f"{name}.candidate.weight"])
        elif isinstance(part, PostNorm):
            replaced = EngineNorm(part)
        elif isinstance(part, nn.Linear) and ".ffn." in name:
            replaced = EngineLinear(part.weight, part.bias, *scales[f"{name}.weight"], overflowing=True)
        if replaced is not None:
            parent, _, own = name.rpartition(".")
            setattr(engine.get_submodule(parent), own, replaced)
    output = EngineLinear(
        model.output.weight, model.output.bias, _scale(items, "Wemb", "none"), overflowing=True
    )
    # Rows that the teacher does not have are no multiples of its scale; they are zero.
    engine.output = output  # type: ignore[assignment]
    return engine.eval()  # type: ignore[return-value]


def _scales(items: Mapping[str, Item], sizes: MarianSizes) -> dict[str, list[Scale]]:
    return {
        part.parameter: [_scale(items, name, name) for name in part.arrays]
        for part in stack_parts(sizes)
        if part.transposed
    }


def _scale(items: Mapping[str, Item], weights: str, inputs: str) -> Scale:
    multiplier = items[weights].multiplier
    assert multiplier is not None
    return Scale(np.float32(items[f"{inputs}_QuantMultA"].floats().item()), np.float32(multiplier))
