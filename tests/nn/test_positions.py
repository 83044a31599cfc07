"""The table of position encodings is the formula's."""

import math

import pytest
import torch

from onepass.nn.positions import Arithmetic, in_compute_dtype, sines_then_cosines, sinusoidal_positions


@pytest.mark.parametrize("width", [2, 8, 7])
def test_columns_are_sine_and_cosine_of_geometric_wavelengths(width: int) -> None:
    expected = [
        [
            (math.cos if column % 2 else math.sin)(position / 10_000 ** ((column - column % 2) / width))
            for column in range(width)
        ]
        for position in range(60)
    ]
    torch.testing.assert_close(sinusoidal_positions(60, width), torch.tensor(expected), atol=2e-5, rtol=0)


def test_a_longer_table_begins_with_the_shorter() -> None:
    assert torch.equal(sinusoidal_positions(90, 6)[:40], sinusoidal_positions(40, 6))


def test_values_take_the_dtype_of_an_autocast_region_and_keep_their_own_outside() -> None:
    x = torch.ones(2)
    assert in_compute_dtype(x).dtype == torch.float32
    with torch.autocast("cpu", torch.bfloat16):
        assert in_compute_dtype(x).dtype == torch.bfloat16


@pytest.mark.parametrize("arithmetic", ["marian", "transformers"])
@pytest.mark.parametrize("width", [2, 4, 256])
def test_marians_columns_are_all_sines_then_all_cosines(width: int, arithmetic: Arithmetic) -> None:
    """In transformers the frequencies are those of Vaswani et al., which end before 1e-4."""
    half = width // 2
    steps = max(half - 1, 1) if arithmetic == "marian" else half
    expected = [
        [
            (math.cos if column >= half else math.sin)(position * 1e-4 ** (column % half / steps))
            for column in range(width)
        ]
        for position in range(60)
    ]
    found = sines_then_cosines(60, width, arithmetic=arithmetic)
    torch.testing.assert_close(found, torch.tensor(expected), atol=2e-5, rtol=0)
    assert torch.equal(sines_then_cosines(7, width, arithmetic=arithmetic, first=20), found[20:27])
