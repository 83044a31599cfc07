"""Dropout from random bytes drops as often as asked, keeps the mean, and is the identity in eval."""

import pytest
import torch

from onepass.nn.dropout import Dropout

ONES = torch.ones(400, 1000)


@pytest.mark.parametrize("p", [0.1, 0.3, 0.5, 0.9])
def test_a_share_p_is_dropped_and_the_rest_scaled_so_that_the_mean_stays(p: float) -> None:
    torch.manual_seed(1)
    y = Dropout(p)(ONES)
    keep = 1 - round(256 * p) / 256
    assert y.unique().tolist() == pytest.approx([0, 1 / keep])
    deviation = (keep * (1 - keep) / ONES.numel()) ** 0.5
    assert abs(float((y != 0).float().mean()) - keep) < 5 * deviation
    assert float(y.mean()) == pytest.approx(1, abs=5 * deviation / keep)
    assert abs(1 - keep - p) <= 1 / 512


@pytest.mark.parametrize("dimension", [0, 1])
def test_neighbours_are_dropped_independently(dimension: int) -> None:
    torch.manual_seed(1)
    kept = (Dropout(0.5)(ONES) != 0).float() - 0.5
    first, second = kept.narrow(dimension, 0, 399), kept.narrow(dimension, 1, 399)
    assert abs(float((first * second).mean())) < 0.25 * 5 / first.numel() ** 0.5


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_gradient_passes_where_the_value_did(dtype: torch.dtype) -> None:
    torch.manual_seed(1)
    x = torch.ones(50, 50, dtype=dtype, requires_grad=True)
    y = Dropout(0.25)(x)
    (gradient,) = torch.autograd.grad(y.sum(), x)
    assert y.dtype == gradient.dtype == dtype
    assert torch.equal(gradient, y)
    assert 0 < int((y == 0).sum()) < y.numel()


def test_the_mask_follows_the_seed() -> None:
    outputs = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        outputs.append(Dropout(0.5)(ONES[:9, :9]))
    assert torch.equal(outputs[0], outputs[1])
    assert not torch.equal(outputs[0], outputs[2])


@pytest.mark.parametrize(("p", "training"), [(0.5, False), (0.0, True), (0.001, True)])
def test_nothing_changes_in_eval_mode_or_without_a_rate(p: float, training: bool) -> None:
    assert torch.equal(Dropout(p).train(training)(ONES), ONES)


@pytest.mark.parametrize("p", [0.999, 0.9999])
def test_a_rate_near_one_still_gives_finite_values(p: float) -> None:
    assert Dropout(p)(ONES).isfinite().all()
