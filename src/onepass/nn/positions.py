"""Sinusoidal position encodings (Vaswani et al. 2017, section 3.5)."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor


def sinusoidal_positions(length: int, width: int, *, device: torch.device | None = None) -> Tensor:
    """Encodings of positions 0..length-1: sine in even columns, cosine in odd ones.

    Returns:
        float32 [length, width].
    """
    frequency = torch.exp(
        torch.arange(0, width, 2, device=device, dtype=torch.float32)
        * (-torch.log(torch.tensor(1e4)) / width)
    )
    angles = (
        torch.arange(length, device=device, dtype=torch.float32)[:, None] * frequency
    )  # [length, ceil(width/2)]
    table = torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)
    return table[:, :width]


Arithmetic = Literal["marian", "transformers"]
"""Of a Transformer of Marian: its own, or that of the library transformers for the same weights."""


def sines_then_cosines(
    length: int,
    width: int,
    *,
    arithmetic: Arithmetic = "marian",
    first: int = 0,
    device: torch.device | None = None,
) -> Tensor:
    """Encodings of positions `first`, `first` + 1, ... as Marian has them: all sines, then all cosines.

    The frequencies go from 1 to 1e-4, both included; those of transformers end before it.

    Returns:
        float32 [length, width]; the width is even.
    """
    half = width // 2
    steps = half if arithmetic == "transformers" else max(half - 1, 1)
    exponents = torch.arange(half, device=device, dtype=torch.float32) / steps
    positions = torch.arange(first, first + length, device=device, dtype=torch.float32)
    angles = positions[:, None] * 1e-4**exponents  # [length, width/2]
    return torch.cat([angles.sin(), angles.cos()], 1)


def in_compute_dtype(x: Tensor) -> Tensor:
    """Casts to the dtype of the autocast region, if any, so that the residual stream has it too."""
    device = x.device.type
    return x.to(torch.get_autocast_dtype(device)) if torch.is_autocast_enabled(device) else x
