"""The SSRU equals its three formulas, whichever way its positions are computed."""

import math

import pytest
import torch

from onepass.nn.ssru import SSRU, Cell, scan

B, T, D = 3, 7, 5


def plain(unit: SSRU, x: list[list[float]]) -> list[list[float]]:
    """A loop over positions and channels."""
    state, outputs = [0.0] * D, []
    for row in x:
        output = []
        for d in range(D):
            weights = [unit.forget.weight[d].tolist(), unit.candidate.weight[d].tolist()]
            gate, new = (sum(w * v for w, v in zip(ws, row, strict=True)) for ws in weights)
            forget = 1 / (1 + math.exp(-gate - float(unit.forget.bias[d])))
            state[d] = forget * state[d] + (1 - forget) * new
            output.append(max(state[d], 0.0))
        outputs.append(output)
    return outputs


@pytest.fixture
def unit() -> SSRU:
    torch.manual_seed(3)
    return SSRU(D)


@torch.no_grad()
def test_all_positions_at_once_equal_a_loop(unit) -> None:
    x = torch.randn(B, T, D)
    expected = torch.tensor([plain(unit, row.tolist()) for row in x])
    torch.testing.assert_close(unit(x), expected, atol=1e-6, rtol=1e-5)


@torch.no_grad()
def test_one_position_at_a_time_equals_all_at_once(unit) -> None:
    x, cell, found = torch.randn(B, T, D), None, []
    for t in range(T):
        y, cell = unit.step(x[:, t : t + 1], cell)
        found.append(y)
    torch.testing.assert_close(torch.cat(found, 1), unit(x))


@torch.no_grad()
def test_a_cell_follows_the_rows_selected(unit) -> None:
    x, rows = torch.randn(B, 2, D), torch.tensor([2, 0, 2])
    _, cell = unit.step(x[:, :1], None)
    y, _ = unit.step(x[rows, 1:], cell.select(rows))
    torch.testing.assert_close(y[:, 0], unit(x)[rows, 1])


def test_the_scan_has_the_right_gradient() -> None:
    torch.manual_seed(1)
    forget = torch.rand(2, 5, 3, dtype=torch.double, requires_grad=True)
    new = torch.randn(2, 5, 3, dtype=torch.double, requires_grad=True)
    assert torch.autograd.gradcheck(scan, (forget, new))


def test_the_state_stays_in_float32_in_an_autocast_region(unit) -> None:
    x = torch.randn(B, T, D).bfloat16()
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        assert unit(x).dtype == torch.bfloat16
        y, cell = unit.step(x[:, :1], Cell(torch.ones(B, D)))
    assert (y.dtype, cell.state.dtype) == (torch.bfloat16, torch.float32)
