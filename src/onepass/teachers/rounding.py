"""A teacher that rounds as its own engine does: what proves that it was read right."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy

from torch import nn

from onepass.models.marian import MarianTransformer
from onepass.nn.attention import MultiHeadAttention
from onepass.nn.rounding import RoundedAttention, RoundedLinear, Scale


def with_rounding(model: MarianTransformer, scales: Mapping[str, list[Scale]]) -> MarianTransformer:
    """A copy whose products are those of the engine in 8 bits.

    Args:
        model: as it was read.
        scales: of each parameter that is a matrix, one for each array of the teacher it was made of.
    """
    rounded = deepcopy(model)
    for name, module in list(rounded.named_modules()):
        if isinstance(module, MultiHeadAttention):
            own = [*scales[f"{name}.projection.weight"], *scales[f"{name}.output.weight"]]
            _replace(rounded, name, RoundedAttention(module, own))
    for name, module in list(rounded.named_modules()):
        if isinstance(module, nn.Linear):
            _replace(rounded, name, RoundedLinear(module.weight, module.bias, *scales[f"{name}.weight"]))
    output = RoundedLinear(model.output.weight, model.output.bias, *scales["output.weight"])
    rounded.output = output  # type: ignore[assignment]
    return rounded


def _replace(model: nn.Module, name: str, module: nn.Module) -> None:
    parent, _, own = name.rpartition(".")
    setattr(model.get_submodule(parent), own, module)
