"""The simpler simple recurrent unit (Kim et al. 2019, arXiv 1909.06853), which Firefox's decoders have.

    f_t = σ(W_f x_t + b_f)    c_t = f_t ⊙ c_{t-1} + (1 - f_t) ⊙ W x_t    y_t = ReLU(c_t)

Only the middle formula depends on the position before, and no product of matrices does: over a known
target all positions are computed at once, but for that.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn


class Cell(NamedTuple):
    """What the unit remembers of the positions so far, [B, D], float32 at least."""

    state: Tensor

    def select(self, rows: Tensor) -> Cell:
        """The given rows of the batch, in that order."""
        return Cell(self.state.index_select(0, rows))


def scan(forget: Tensor, new: Tensor) -> Tensor:
    """c_t = f_t c_{t-1} + n_t with c_0 = 0, over all positions.

    Args:
        forget, new: [B, T, D].

    Returns:
        [B, T, D].
    """
    states: list[Tensor] = []
    for kept, added in zip(forget.unbind(1), new.unbind(1), strict=True):
        states.append(torch.addcmul(added, kept, states[-1]) if states else added)
    return torch.stack(states, 1)


class SSRU(nn.Module):
    """One unit a channel, between projections of the whole width; the state is float32 at least."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.forget = nn.Linear(width, width)
        self.candidate = nn.Linear(width, width, bias=False)

    def _gates(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """What is kept of the state, and what is added to it."""
        dtype = torch.promote_types(x.dtype, torch.float32)
        forget = torch.sigmoid(self.forget(x).to(dtype))
        return forget, (1 - forget) * self.candidate(x).to(dtype)

    def forward(self, x: Tensor) -> Tensor:
        """All positions of [B, T, D], each seeing itself and those before it."""
        return torch.relu(scan(*self._gates(x))).to(x.dtype)

    def step(self, x: Tensor, before: Cell | None) -> tuple[Tensor, Cell]:
        """The next position x [B, 1, D], after what the cell remembers (None: it is the first)."""
        forget, state = self._gates(x[:, 0])
        if before is not None:
            state = torch.addcmul(state, forget, before.state)
        return torch.relu(state).to(x.dtype)[:, None], Cell(state)
