"""Glancing (Qian et al. 2021): the decoder is told part of what its first attempt got wrong.

The less it knows, the more it is told, so that it learns words that depend on each other before it can
write them all at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Glancing:
    """How many slots are told: a share of the wrong ones, from `start` to `end` over the training."""

    start: float
    end: float

    @classmethod
    def of(cls, shares: tuple[float, float] | None) -> Glancing | None:
        """From a student's setting; None: nothing is told."""
        return None if shares is None else cls(*shares)

    def share(self, progress: float) -> float:
        """At a point of the training, 0 to 1."""
        return self.start + (self.end - self.start) * progress


@contextmanager
def first_attempt(device: torch.device) -> Iterator[None]:
    """For a pass without gradient, after which the same dropout masks are drawn again."""
    kind = device.type
    with (
        torch.no_grad(),
        torch.random.fork_rng([device] if kind == "cuda" else []),
        # Weights that autocast converts here would be remembered without their gradient.
        torch.autocast(
            kind,
            torch.get_autocast_dtype(kind),
            enabled=torch.is_autocast_enabled(kind),
            cache_enabled=False,
        ),
    ):
        yield


def choose(numbers: Tensor, allowed: Tensor) -> Tensor:
    """That many of the allowed places of each row, at random.

    Args:
        numbers: int64 [B].
        allowed: bool [B, L].

    Returns:
        bool [B, L].
    """
    noise = torch.rand(allowed.shape, device=allowed.device).masked_fill_(~allowed, 2.0)
    rank = noise.argsort(1).argsort(1)
    return allowed & (rank < numbers[:, None])
