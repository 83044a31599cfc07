"""Argmax, average and sampled fertilities, and what makes any fertilities decodable."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from onepass.models.fertility import (
    argmax_fertilities,
    average_fertilities,
    length_cap,
    sampled_fertilities,
    usable,
)

CLASSES = 50


def logits_of(*distributions: dict[int, float]) -> Tensor:
    """One sentence's logits [1, S, F] of the given probabilities by class."""
    probs = torch.full((1, len(distributions), CLASSES), 1e-12)
    for s, distribution in enumerate(distributions):
        for fertility, p in distribution.items():
            probs[0, s, fertility] = p
    return probs.log()


def real(*lengths: int, columns: int) -> Tensor:
    return torch.arange(columns) < torch.tensor(lengths)[:, None]


def test_argmax_takes_the_most_probable_fertility() -> None:
    logits = logits_of({0: 0.6, 2: 0.4}, {1: 0.3, 3: 0.5, 0: 0.2}, {49: 0.4, 1: 0.3, 2: 0.3})
    found = argmax_fertilities(logits, real(3, columns=3))
    assert found.tolist() == [[0, 3, 26]]  # 49 is cut at the cap of 29


def test_average_rounds_the_expectation() -> None:
    logits = logits_of({0: 0.6, 2: 0.4}, {0: 0.8, 1: 0.2}, {1: 0.1, 5: 0.9}, {0: 0.8, 8: 0.2})
    assert average_fertilities(logits, real(4, columns=4)).tolist() == [[1, 0, 5, 2]]


def test_the_average_of_random_distributions_equals_a_loop() -> None:
    torch.manual_seed(1)
    logits = 3 * torch.randn(4, 6, CLASSES) - torch.arange(CLASSES)
    probs, found = logits.softmax(-1).tolist(), average_fertilities(logits, real(6, 6, 6, 6, columns=6))
    for rows, fertilities in zip(probs, found.tolist(), strict=True):
        assert fertilities == [round(sum(f * p for f, p in enumerate(row))) for row in rows]


def test_a_row_of_zeros_gives_one_token_to_the_position_most_sure_of_one() -> None:
    logits = logits_of({0: 0.9, 1: 0.1}, {0: 0.7, 1: 0.1, 2: 0.2}, {0: 0.8, 4: 0.2}, {0: 0.1, 1: 0.9})
    mask = real(3, columns=4)  # the last one, surest of all, is padding
    assert argmax_fertilities(logits, mask).tolist() == [[0, 1, 0, 0]]
    assert average_fertilities(logits_of({0: 0.9, 1: 0.1}, {0: 1.0}), real(2, columns=2)).tolist() == [[1, 0]]


@given(st.data())
def test_usable_fertilities_differ_only_at_padding_in_empty_rows_and_beyond_the_cap(data) -> None:
    columns = data.draw(st.integers(1, 7))
    fertility = st.one_of(st.just(0), st.integers(0, 3), st.integers(0, 49))
    rows = data.draw(
        st.lists(st.lists(fertility, min_size=columns, max_size=columns), min_size=1, max_size=4)
    )
    lengths = [data.draw(st.integers(1, columns)) for _ in rows]
    torch.manual_seed(1)
    found = usable(torch.tensor(rows), torch.randn(len(rows), columns, 50), real(*lengths, columns=columns))
    for row, length, result in zip(rows, lengths, found.tolist(), strict=True):
        most, expected = int(length_cap(torch.tensor(length))), []
        for s in range(columns):
            expected.append(min(row[s], most - sum(expected)) if s < length else 0)
        if sum(expected):
            assert result == expected
        else:
            assert sorted(result) == [0] * (columns - 1) + [1]
            assert result.index(1) < length


def test_sampled_fertilities_follow_the_distribution() -> None:
    draws = 20_000
    distributions = [{1: 0.5, 2: 0.3, 4: 0.2}, {0: 0.7, 1: 0.2, 3: 0.1}, {0: 0.05, 2: 0.95}]
    grid = (torch.arange(draws) + 0.5) / draws
    torch.manual_seed(1)
    uniform = torch.stack([grid[torch.randperm(draws)] for _ in distributions], 1)  # [N, S]
    found = sampled_fertilities(logits_of(*distributions), real(3, columns=3), uniform)[0]
    for s, distribution in enumerate(distributions):
        for fertility in range(6):
            share = float((found[:, s] == fertility).float().mean())
            assert share == pytest.approx(distribution.get(fertility, 0), abs=2 / draws)
    both = ((found[:, 0] == 2) & (found[:, 1] == 1)).float().mean()
    assert float(both) == pytest.approx(0.3 * 0.2, abs=0.01)  # positions are drawn independently


@pytest.mark.parametrize(("number", "expected"), [(0.0, 1), (0.4999, 1), (0.5001, 2), (1 - 2**-24, 2)])
def test_a_sample_inverts_the_cumulative_distribution(number: float, expected: int) -> None:
    logits = torch.full((1, 2, CLASSES), -torch.inf)
    logits[0, 0, 1:3] = 0.0
    logits[0, 1, 1] = 0.0  # so that the row is never empty
    found = sampled_fertilities(logits, real(2, columns=2), torch.tensor([[number, 0.5]]))
    assert found.tolist() == [[[expected, 1]]]


def test_a_number_above_the_rounded_total_gives_the_last_class() -> None:
    torch.manual_seed(1)
    found = sampled_fertilities(
        torch.randn(500, 1, CLASSES), real(*[1] * 500, columns=1), torch.tensor([[1 - 2**-24]])
    )
    assert found.max() <= int(length_cap(torch.tensor(1)))


def test_candidates_depend_neither_on_how_many_follow_nor_on_the_batch() -> None:
    torch.manual_seed(1)
    logits, uniform = 2 * torch.randn(5, 6, CLASSES) - torch.arange(CLASSES), torch.rand(30, 9)
    lengths = [6, 1, 3, 4, 2]
    found = sampled_fertilities(logits, real(*lengths, columns=6), uniform)
    assert found.shape == (5, 30, 6)
    assert torch.equal(sampled_fertilities(logits, real(*lengths, columns=6), uniform[:7]), found[:, :7])
    for b, n in enumerate(lengths):
        alone = sampled_fertilities(logits[b : b + 1, :n], real(n, columns=n), uniform)
        assert torch.equal(alone[0], found[b, :, :n])
    assert len(found[0].unique(dim=0)) > 10  # they do differ
