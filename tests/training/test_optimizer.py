"""Muon: its direction against a singular value decomposition, its other half against torch's Adam."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from onepass.training.optimizer import MOMENTUM, Muon, make_optimizer, orthogonal


@pytest.mark.parametrize("shape", [(8, 8), (6, 20), (20, 6)])
def test_the_direction_has_the_singular_vectors_of_the_matrix_and_values_near_one(
    shape: tuple[int, int],
) -> None:
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(1))
    left, _, right = torch.linalg.svd(matrix, full_matrices=False)
    inside = left.T @ orthogonal(matrix) @ right.T  # diagonal, if the singular vectors are the same
    assert (inside - inside.diag().diag()).abs().max() < 1e-4
    assert inside.diag().min() > 0.6
    assert inside.diag().max() < 1.3


def test_a_matrix_of_zeros_has_no_direction() -> None:
    assert orthogonal(torch.zeros(3, 4)).abs().max() == 0


class _Model(nn.Module):
    """Two matrices of layers, and what Muon leaves to Adam."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.src_embedding = nn.Embedding(7, 4)
        self.encoder = nn.Linear(4, 4)
        self.decoder = nn.Linear(4, 5)

    def loss(self, seed: int) -> torch.Tensor:
        ids = torch.randint(7, (9,), generator=torch.Generator().manual_seed(seed))
        return self.decoder(self.encoder(self.src_embedding(ids)).tanh()).square().sum()  # type: ignore[no-any-return]


def _steps(model: _Model, optimizer: torch.optim.Optimizer, seeds: range, rate: float = 1e-2) -> None:
    for seed in seeds:
        optimizer.zero_grad()
        model.loss(seed).backward()  # type: ignore[no-untyped-call]
        for group in optimizer.param_groups:
            group["lr"] = rate
        optimizer.step()


def test_what_is_no_matrix_of_a_layer_moves_as_with_adam() -> None:
    own, theirs = _Model(), _Model()
    named = dict(own.named_parameters())
    _steps(own, Muon([{"params": list(named.values()), "matrices": False}]), range(6))
    _steps(theirs, make_optimizer(theirs).optimizer, range(6))
    for name, parameter in theirs.named_parameters():
        assert torch.allclose(named[name], parameter, atol=1e-6), name


def test_the_first_step_of_a_matrix_is_the_direction_of_its_gradient() -> None:
    model = _Model()
    before = model.decoder.weight.detach().clone()
    optimizer = make_optimizer(model, kind="muon").optimizer
    _steps(model, optimizer, range(1))
    gradient = model.decoder.weight.grad
    assert gradient is not None
    moved = (before - model.decoder.weight.detach()) / (1e-2 * 0.2 * 5**0.5)
    # Nesterov's momentum of one gradient is that gradient but for its size, which the direction has not.
    assert 0 < MOMENTUM < 1
    assert torch.allclose(moved, orthogonal(gradient), atol=1e-4)


@pytest.mark.parametrize("kind", ["adam", "muon"])
@pytest.mark.parametrize(
    ("encoder_rate", "embedding_rate"), [(1.0, None), (0.3, None), (0.3, 0.0), (1.0, 0.1)]
)
def test_every_parameter_is_in_one_group_of_the_right_rate(
    kind: str, encoder_rate: float, embedding_rate: float | None
) -> None:
    model = _Model()
    optimizer, factors = make_optimizer(model, encoder_rate, embedding_rate, kind=kind)  # type: ignore[arg-type]
    names = {parameter: name for name, parameter in model.named_parameters()}
    found = {}
    for group, factor in zip(optimizer.param_groups, factors, strict=True):
        for parameter in group["params"]:
            assert names[parameter] not in found
            found[names[parameter]] = (factor, group.get("matrices", False))
    assert found == {
        name: (
            1.0
            if name.startswith("decoder")
            else encoder_rate
            if embedding_rate is None or not name.startswith("src_embedding")
            else embedding_rate,
            kind == "muon" and name in ("encoder.weight", "decoder.weight"),
        )
        for name in names.values()
    }


def test_muon_goes_on_from_its_saved_state_in_the_same_bits() -> None:
    whole, halves = _Model(), _Model()
    _steps(whole, make_optimizer(whole, 0.5, kind="muon").optimizer, range(6))
    first = make_optimizer(halves, 0.5, kind="muon").optimizer
    _steps(halves, first, range(3))
    saved = copy.deepcopy(first.state_dict())
    second = make_optimizer(halves, 0.5, kind="muon").optimizer
    second.load_state_dict(saved)
    _steps(halves, second, range(3, 6))
    for own, other in zip(whole.parameters(), halves.parameters(), strict=True):
        assert torch.equal(own, other)


def test_directions_in_sixteen_bits_are_near_those_in_float32() -> None:
    rough, exact = _Model(), _Model()
    _steps(rough, make_optimizer(rough, kind="muon", dtype=torch.bfloat16).optimizer, range(3))
    _steps(exact, make_optimizer(exact, kind="muon").optimizer, range(3))
    difference = (rough.decoder.weight - exact.decoder.weight).norm()
    assert 0 < difference < 0.1 * (exact.decoder.weight - _Model().decoder.weight).norm()
    assert rough.decoder.weight.dtype == torch.float32
