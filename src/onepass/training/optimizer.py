"""What moves the weights: Adam, or Muon for the matrices of the layers and Adam for the rest.

Muon (Jordan et al. 2024) takes of a matrix's momentum U S Vᵀ its direction alone, U Vᵀ, so that directions
which are seldom asked for are learnt as fast as common ones. Torch's own is always in bfloat16, slow where
the processor has none, and it has no Adam for the rest.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, NamedTuple, overload

import torch
from torch import Tensor, nn

BETAS = (0.9, 0.98)
EPSILON = 1e-9
MOMENTUM = 0.95
ROOT_MEAN_SQUARE = 0.2
"""Of a step of Muon at rate 1: near that of Adam, so that one rate suits both (Liu et al. 2025)."""

EMBEDDINGS = ("src_embedding.", "tgt_embedding.")
"""Beginnings of the names of what `embedding_rate` is for."""
READING = (*EMBEDDINGS, "encoder.", "word_bias", "output.")
"""The same for `encoder_rate`."""
LAYERS = ("encoder.", "decoder.")
"""Beginnings of the names of layers, whose matrices Muon moves."""


def rate_factor(name: str, encoder_rate: float, embedding_rate: float | None = None) -> float:
    """Of the learning rate, for the parameter of a name; None: embeddings have that of the encoder."""
    if embedding_rate is not None and name.startswith(EMBEDDINGS):
        return embedding_rate
    return encoder_rate if name.startswith(READING) else 1.0


class Optimized(NamedTuple):
    """An optimizer, and the factor of the learning rate for each of its groups."""

    optimizer: torch.optim.Optimizer
    factors: list[float]


def make_optimizer(
    model: nn.Module,
    encoder_rate: float = 1.0,
    embedding_rate: float | None = None,
    *,
    kind: Literal["adam", "muon"] = "adam",
    dtype: torch.dtype = torch.float32,
) -> Optimized:
    """For a model whose rate the training loop sets.

    Args:
        model: its parameters' names say what they are.
        encoder_rate: a factor for embeddings and encoder; 0 leaves them out.
        embedding_rate: another one for the embeddings.
        kind: adam is that of the paper (Vaswani et al. 2017, section 5.3).
        dtype: of Muon's directions; bfloat16 will do, where the device is faster with it.
    """
    named = list(model.named_parameters())
    groups: list[dict[str, Any]] = []
    factors = []
    rates = {name: rate_factor(name, encoder_rate, embedding_rate) for name, _ in named}
    for rate in dict.fromkeys((1.0, encoder_rate, *rates.values())):
        chosen = [(name, p) for name, p in named if rates[name] == rate]
        for matrices in (True, False) if kind == "muon" else (False,):
            params = [p for name, p in chosen if kind == "adam" or _is_matrix(name, p) is matrices]
            groups.append({"params": params, **({"matrices": matrices} if kind == "muon" else {})})
            factors.append(rate)
    if kind == "muon":
        return Optimized(Muon(groups, dtype=dtype), factors)
    fused = named[0][1].device.type in ("cpu", "cuda")
    return Optimized(torch.optim.Adam(groups, lr=0.0, betas=BETAS, eps=EPSILON, fused=fused), factors)


def _is_matrix(name: str, parameter: Tensor) -> bool:
    return parameter.ndim == 2 and name.startswith(LAYERS)


class Muon(torch.optim.Optimizer):
    """Muon for groups with `matrices`, Adam for the others.

    A step of a matrix [m, n] is 0.2 · √max(m, n) · U Vᵀ, of Nesterov's momentum.
    """

    def __init__(self, groups: Iterable[dict[str, Any]], *, dtype: torch.dtype = torch.float32) -> None:
        super().__init__(groups, {"lr": 0.0})
        self._dtype = dtype

    @overload
    def step(self, closure: None = None) -> None: ...
    @overload
    def step(self, closure: Any) -> float: ...
    @torch.no_grad()
    def step(self, closure: Any = None) -> float | None:
        """Moves each parameter that has a gradient by its group's rate."""
        if closure is not None:
            raise ValueError("Muon reads gradients that are there")
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    move = self._move_matrix if group["matrices"] else self._move
                    move(parameter, parameter.grad, group["lr"])
        return None

    def _move_matrix(self, parameter: Tensor, gradient: Tensor, rate: float) -> None:
        state = self.state[parameter]
        if not state:
            state["momentum"] = torch.zeros_like(parameter)
        momentum = state["momentum"].lerp_(gradient, 1 - MOMENTUM)
        direction = orthogonal(gradient.lerp(momentum, MOMENTUM).to(self._dtype))
        parameter.sub_(direction, alpha=rate * ROOT_MEAN_SQUARE * float(max(parameter.shape)) ** 0.5)

    def _move(self, parameter: Tensor, gradient: Tensor, rate: float) -> None:
        state = self.state[parameter]
        if not state:
            state.update(step=0, mean=torch.zeros_like(parameter), square=torch.zeros_like(parameter))
        state["step"] += 1
        mean = state["mean"].lerp_(gradient, 1 - BETAS[0])
        square = state["square"].mul_(BETAS[1]).addcmul_(gradient, gradient, value=1 - BETAS[1])
        mean_weight, square_weight = (1 - beta ** state["step"] for beta in BETAS)
        size = (square / square_weight).sqrt_().add_(EPSILON)
        parameter.addcdiv_(mean, size, value=-rate / mean_weight)


NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
"""Coefficients of an odd polynomial that brings singular values from (0, 1] near 1 in five rounds (Jordan et
al. 2024): to 0.7 to 1.2, which is as good as 1."""


def orthogonal(matrix: Tensor, rounds: int = 5) -> Tensor:
    """About U Vᵀ of a matrix U S Vᵀ, [m, n] -> [m, n], by the iteration of Newton and Schulz."""
    a, b, c = NEWTON_SCHULZ
    wide = matrix if matrix.size(0) <= matrix.size(1) else matrix.T
    x = wide / (wide.norm() + 1e-12)
    for _ in range(rounds):
        gram = x @ x.T
        x = torch.addmm(x, torch.addmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    result: Tensor = x if wide is matrix else x.T
    return result
