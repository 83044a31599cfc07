"""The learning rate over time."""

from __future__ import annotations

import math


def inverse_square_root(update: int, *, peak: float, warmup: int) -> float:
    """Rises linearly to `peak` at update `warmup`, then falls with 1/√update (Vaswani et al. 2017, eq. 3)."""
    update = max(update, 1)
    return peak * min(update / warmup, math.sqrt(warmup / update))


def cooling(update: int, *, last: int, cooldown: int) -> float:
    """A factor of the rate: 1 until `cooldown` updates before the last one, then falls linearly towards 0."""
    return min(1.0, (last - update + 1) / (cooldown + 1))
