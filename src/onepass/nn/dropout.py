"""Dropout whose mask comes from random bytes.

torch's CPU dropout draws one Bernoulli a value on a single thread and is a fifth of a training step
there; eight values share one 64-bit draw here, so the probability is a multiple of 1/256. On other
devices torch's own fused kernel is used. Like torch's, it draws from the default generator of the
device, which the training loop seeds and checkpoints.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def _random_bytes(count: int) -> Tensor:
    words = torch.empty((count + 7) // 8, dtype=torch.int64).random_(-(2**63), None)
    return words.view(torch.uint8)[:count]


class _ByteDropout(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, dropped: int) -> Tensor:
        factor = torch.empty_like(x)
        torch.ge(_random_bytes(x.numel()).view(x.shape), dropped, out=factor)
        factor.mul_(256 / (256 - dropped))
        ctx.save_for_backward(factor)
        return x * factor

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        (factor,) = ctx.saved_tensors
        return grad * factor, None


class Dropout(nn.Module):
    """Zeroes values with probability p (on the CPU: p rounded to 1/256) and scales up the rest."""

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.p == 0:
            return x
        if x.device.type != "cpu":
            return F.dropout(x, self.p)
        dropped = min(round(self.p * 256), 255)
        return _ByteDropout.apply(x, dropped) if dropped else x  # type: ignore[no-untyped-call]
