from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onepass.alignment.fertilities import MAX_FERTILITY, fertilities, read_pharaoh, write_pharaoh
from onepass.errors import DataError


def by_plain_loop(positions: list[int], src_length: int) -> list[int]:
    """Counts, then moves one token at a time to the nearest position with room, left before right."""
    counts = [positions.count(s) for s in range(src_length)]
    for s in range(src_length):
        while counts[s] > MAX_FERTILITY:
            for distance in range(1, src_length):
                free = [
                    n
                    for n in (s - distance, s + distance)
                    if 0 <= n < src_length and counts[n] < MAX_FERTILITY
                ]
                if free:
                    counts[free[0]] += 1
                    counts[s] -= 1
                    break
    return counts


@st.composite
def positions_and_length(draw: st.DrawFn) -> tuple[list[int], int]:
    """Any positions; in half of the cases so many on few positions that fertilities overflow."""
    length = draw(st.integers(1, 12))
    crowded = draw(st.lists(st.integers(0, length - 1), min_size=1, max_size=3))
    positions = draw(st.lists(st.integers(0, length - 1), max_size=30))
    if draw(st.booleans()):
        positions += draw(st.lists(st.sampled_from(crowded), min_size=50, max_size=160))
    return positions[: MAX_FERTILITY * length], length


@settings(deadline=None)
@given(positions_and_length())
def test_fertilities_equal_a_plain_loop_and_sum_to_the_target_length(case: tuple[list[int], int]) -> None:
    positions, length = case
    result = fertilities(positions, length)
    assert result.dtype == np.int64
    assert result.shape == (length,)
    assert result.sum() == len(positions)
    assert 0 <= result.min() <= result.max() <= MAX_FERTILITY
    assert result.tolist() == by_plain_loop(positions, length)


def test_a_source_token_without_a_target_token_has_fertility_zero() -> None:
    assert fertilities([0, 0, 3], 5).tolist() == [2, 0, 0, 1, 0]


def test_an_array_and_a_list_give_the_same() -> None:
    positions = [2, 0, 2, 1]
    assert fertilities(np.array(positions, dtype=np.int32), 3).tolist() == fertilities(positions, 3).tolist()


def test_excess_goes_left_first_then_right_then_further() -> None:
    assert fertilities([2] * 60, 5).tolist() == [0, 11, 49, 0, 0]
    assert fertilities([2] * 110, 5).tolist() == [0, 49, 49, 12, 0]
    assert fertilities([0] * 110, 3).tolist() == [49, 49, 12]


def test_a_source_filled_to_the_last_place_is_accepted() -> None:
    assert fertilities([1] * (2 * MAX_FERTILITY), 2).tolist() == [MAX_FERTILITY, MAX_FERTILITY]


def test_empty_sentences() -> None:
    assert fertilities([], 3).tolist() == [0, 0, 0]
    assert fertilities([], 0).tolist() == []


def test_too_many_target_tokens_are_an_error() -> None:
    with pytest.raises(DataError, match="99 target tokens are too many for 2 source tokens"):
        fertilities([0] * 99, 2)
    with pytest.raises(DataError, match="too many for 0"):
        fertilities([0], 0)


@pytest.mark.parametrize("positions", [[0, 3], [-1, 0]])
def test_a_position_outside_the_source_is_an_error(positions: list[int]) -> None:
    with pytest.raises(DataError, match="outside the source"):
        fertilities(positions, 3)


links = st.lists(st.tuples(st.integers(0, 200), st.integers(0, 200)), max_size=8)


@settings(deadline=None)
@given(st.lists(links, max_size=6))
def test_pharaoh_lines_survive_writing_and_reading(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[tuple[int, int]]]
) -> None:
    lines = [" ".join(f"{i}-{j}" for i, j in row) for row in rows]
    path = tmp_path_factory.mktemp("pharaoh") / "train.align"
    write_pharaoh(path, iter(lines))
    assert path.read_bytes() == "".join(line + "\n" for line in lines).encode()
    assert list(read_pharaoh(path)) == lines


@pytest.mark.parametrize("line", ["0-0 1", "0:0", "0-0  1-1", " 0-0", "0-0 ", "0--1", "a-b", "0-0\r", "٠-٠"])
def test_a_malformed_line_is_named_by_file_and_number(tmp_path: Path, line: str) -> None:
    path = tmp_path / "train.align"
    path.write_bytes(f"0-0\n\n{line}\n".encode())
    with pytest.raises(DataError, match=r"train\.align:3"):
        list(read_pharaoh(path))


def test_a_missing_alignment_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="Cannot read the alignment"):
        list(read_pharaoh(tmp_path / "absent.align"))


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "train.align"
    write_pharaoh(path, ["0-0"])
    with pytest.raises(DataError, match=r"train\.align:2"):
        write_pharaoh(path, ["1-1", "one to one"])
    assert list(read_pharaoh(path)) == ["0-0"]
    assert [p.name for p in tmp_path.iterdir()] == ["train.align"]
