"""The learning rate rises to its peak, falls with the inverse square root, and cools down at the end."""

import pytest

from onepass.training.schedule import cooling, inverse_square_root


def test_the_rate_is_linear_up_to_the_peak_then_falls_with_the_root() -> None:
    rates = [inverse_square_root(update, peak=0.002, warmup=100) for update in range(1, 1001)]
    for update, rate in enumerate(rates, 1):
        # Vaswani et al. 2017, equation 3, with the width's factor replaced by the peak.
        expected = 0.002 * 100**0.5 * min(update**-0.5, update * 100**-1.5)
        assert rate == pytest.approx(expected)
    assert max(rates) == rates[99] == 0.002
    assert rates[399] == pytest.approx(0.001)
    assert rates[0] > 0


def test_without_warmup_the_first_update_has_the_peak() -> None:
    assert inverse_square_root(1, peak=0.5, warmup=1) == 0.5


def test_the_rate_cools_down_over_the_last_updates() -> None:
    factors = [cooling(update, last=50, cooldown=4) for update in range(1, 51)]
    assert factors[:46] == [1.0] * 46
    assert factors[46:] == pytest.approx([0.8, 0.6, 0.4, 0.2])
    assert cooling(50, last=50, cooldown=0) == 1.0
