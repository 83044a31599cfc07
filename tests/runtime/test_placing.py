"""Placing: each placeholder in one slot, the sum the largest of all ways."""

import itertools

import numpy as np
import pytest

from onepass.runtime.placing import assigned, placed


@pytest.mark.parametrize("rows", [1, 2, 3, 4, 5])
def test_an_assignment_is_the_best_of_all(rows: int) -> None:
    chance = np.random.default_rng(rows)
    shared = 0
    for columns in (rows, rows + 1, 7):
        for _ in range(25):
            # Some favour the same columns, so that they get in each other's way.
            gains = chance.normal(size=(rows, columns)) + 3 * chance.normal(size=columns)
            found = assigned(gains)
            assert len(set(found.tolist())) == rows
            shared += len(set(gains.argmax(1).tolist())) < rows
            best = max(
                sum(gains[row, column] for row, column in enumerate(way))
                for way in itertools.permutations(range(columns), rows)
            )
            assert gains[range(rows), found].sum() == pytest.approx(best)
    assert shared > 20 or rows == 1


def test_equal_gains_have_an_answer() -> None:
    assert sorted(assigned(np.zeros((3, 3))).tolist()) == [0, 1, 2]


def test_the_order_follows_the_scores() -> None:
    spans = np.array([[-9.0, -9, -9, -1], [-9, -1, -9, -9]])
    assert placed(np.full(4, -2.0), spans).tolist() == [-1, 1, -1, 0]


def test_a_placeholder_that_the_model_does_not_want_is_placed_all_the_same() -> None:
    assert placed(np.zeros(3), np.array([[-9.0, -5, -9]])).tolist() == [-1, 0, -1]


def test_neighbours_that_want_it_are_one_and_a_second_place_is_left_out() -> None:
    spans = np.array([[-1.0, -0.5, -1, -9, -1, -1]])
    assert placed(np.full(6, -2.0), spans).tolist() == [0, 0, 0, -1, -1, -1]


def test_a_neighbour_that_wants_another_one_more_is_not_taken() -> None:
    spans = np.array([[-0.1, -0.5, -9, -9], [-9, -0.2, -9, -0.1]])
    assert placed(np.full(4, -2.0), spans).tolist() == [0, -1, -1, 1]
