"""Ids on disk come back as written or as an error; batches hold every pair once within their budget."""

import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onepass.errors import DataError
from onepass.text.batches import BatchPlan, IdPairs, Ragged, RaggedWriter, batches_for_workers, plan_batches

ROWS = [[4, 65_535, 7], [], [0], [5, 6]]

lengths = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=60)


def pairs_of(sizes: list[tuple[int, int]]) -> IdPairs:
    src, tgt = (np.array(side, dtype=np.int32) for side in (zip(*sizes, strict=True) if sizes else ((), ())))
    return IdPairs(SimpleNamespace(lengths=src), SimpleNamespace(lengths=tgt))  # type: ignore[arg-type]


def plan(pairs: IdPairs, **order: int) -> list[list[int]]:
    return [rows.tolist() for rows in plan_batches(pairs, 64, **order)]


@given(lengths, st.one_of(st.none(), st.integers(0, 9)))
def test_every_pair_with_two_sides_is_in_one_batch(sizes: list[tuple[int, int]], seed: int | None) -> None:
    found = sorted(row for rows in plan(pairs_of(sizes), seed=seed) for row in rows)
    assert found == [row for row, pair in enumerate(sizes) if min(pair) > 0]


@given(lengths, st.integers(1, 100))
def test_a_batch_keeps_to_its_budget_or_is_one_pair(sizes: list[tuple[int, int]], budget: int) -> None:
    for rows in plan_batches(pairs_of(sizes), budget, seed=1):
        assert len(rows) == 1 or len(rows) * max(max(sizes[row]) for row in rows) <= budget


@given(st.lists(st.integers(1, 30), max_size=60), st.integers(1, 100), st.integers(1, 9), st.integers(1, 4))
def test_workers_share_batches_equally(lengths: list[int], most: int, most_rows: int, workers: int) -> None:
    settings = {"most_rows": most_rows, "workers": workers}
    batches = batches_for_workers(lengths, most, **settings)
    assert sorted(row for rows in batches for row in rows) == list(range(len(lengths)))
    assert all(len(rows) <= most_rows for rows in batches)
    sizes = [len(rows) * max(lengths[row] for row in rows) for rows in batches]
    assert all(len(rows) == 1 or size <= most for rows, size in zip(batches, sizes, strict=True))
    rounds = -(-len(batches_for_workers(lengths, most, most_rows=most_rows)) // workers)
    assert len(batches) <= rounds * workers
    # No smaller batches would do in as many rounds.
    largest = max((size for rows, size in zip(batches, sizes, strict=True) if len(rows) > 1), default=1)
    fewer = batches_for_workers(lengths, largest - 1, most_rows=most_rows) if largest > 1 else []
    assert workers == 1 or not fewer or len(fewer) > rounds * workers


def test_two_workers_get_as_much_each() -> None:
    assert batches_for_workers([5, 5, 5, 5, 5, 5], 20, workers=1) == [[0, 1, 2, 3], [4, 5]]
    assert batches_for_workers([5, 5, 5, 5, 5, 5], 20, workers=2) == [[0, 1, 2], [3, 4, 5]]
    assert batches_for_workers([9, 1], 100, workers=2) == [[1], [0]]


@pytest.fixture
def many() -> IdPairs:
    random = np.random.default_rng(1)
    return pairs_of([(int(a), int(a) + int(b)) for a, b in random.integers(1, 20, size=(300, 2))])


def test_the_order_follows_seed_and_epoch_alone(many: IdPairs) -> None:
    first = plan(many, seed=1, epoch=0)
    assert plan(many, seed=1, epoch=0) == first
    others = [plan(many, seed=1, epoch=1), plan(many, seed=2, epoch=0)]
    assert all(other != first for other in others)
    assert all(sorted(map(sorted, other)) != sorted(map(sorted, first)) for other in others)


def test_without_a_seed_batches_are_sorted_by_length(many: IdPairs) -> None:
    longest = [max(many.src.lengths[row], many.tgt.lengths[row]) for rows in plan(many) for row in rows]
    assert longest == sorted(longest)


@pytest.mark.parametrize("seed", [None, 3])
def test_a_plan_comes_back_from_its_file_as_it_was(many: IdPairs, tmp_path: Path, seed: int | None) -> None:
    for name, pairs in (("many", many), ("none", pairs_of([]))):
        made = plan_batches(pairs, 64, seed=seed)
        made.write(tmp_path / name)
        found = BatchPlan.open(tmp_path / name)
        assert len(found) == len(made)
        for one, other in zip(found, made, strict=True):
            assert one.dtype == other.dtype == np.int64
            assert one.tobytes() == other.tobytes()


MAPPED = """
import sys
from onepass.text.batches import BatchPlan
plan = BatchPlan.open(sys.argv[1])
print([rows.tolist() for rows in plan], flush=True)
sys.stdin.readline()
print([line.split()[3:6] for line in open("/proc/self/maps") if sys.argv[1] in line])
"""


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="this system does not show what is mapped")
def test_two_processes_map_one_file_which_may_be_gone_by_then(many: IdPairs, tmp_path: Path) -> None:
    path = tmp_path / "epoch.plan"
    made = plan_batches(many, 64, seed=3)
    made.write(path)
    started = [
        subprocess.Popen(
            [sys.executable, "-c", MAPPED, str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    batches = [process.stdout.readline() for process in started]  # type: ignore[union-attr]
    assert batches == [f"{[rows.tolist() for rows in made]}\n"] * 2
    inode = str(path.stat().st_ino)
    path.unlink()
    mapped = [process.communicate("\n", timeout=30)[0] for process in started]
    assert mapped[0] == mapped[1]
    assert inode in mapped[0]


def test_pairs_of_similar_length_share_a_batch(many: IdPairs) -> None:
    longest = np.maximum(many.src.lengths, many.tgt.lengths)
    padding = sum(int(longest[rows].max() * len(rows) - longest[rows].sum()) for rows in plan(many, seed=1))
    assert padding < 0.15 * longest.sum()


@pytest.fixture
def written(tmp_path: Path) -> Path:
    with RaggedWriter(tmp_path / "rows") as writer:
        writer.write(ROWS[:1])
        writer.write([])
        writer.write(iter(row) for row in ROWS[1:])
    return tmp_path / "rows"


def test_rows_come_back_as_written(written: Path) -> None:
    found = Ragged(written)
    assert [found[i].tolist() for i in range(len(found))] == ROWS
    assert found.lengths.tolist() == [3, 0, 1, 2]
    assert found[0].dtype == np.int64


def test_no_rows_at_all_come_back_too(tmp_path: Path) -> None:
    with RaggedWriter(tmp_path / "none"):
        pass
    assert len(Ragged(tmp_path / "none")) == 0


@pytest.mark.parametrize("value", [65_536, -1])
def test_an_id_that_does_not_fit_is_not_cut(tmp_path: Path, value: int) -> None:
    with RaggedWriter(tmp_path / "rows") as writer, pytest.raises(OverflowError):
        writer.write([[value]])


DAMAGE: dict[str, Callable[[Path], object]] = {
    "cut ids": lambda p: cut(p, "ids", 1),
    "cut lengths": lambda p: cut(p, "lengths", 4),
    "lengths cut inside a number": lambda p: Path(f"{p}.lengths").write_bytes(b"\0" * 18),
    "more ids": lambda p: Path(f"{p}.ids").write_bytes(b"\0" * 99),
    "a negative length": lambda p: np.array([7, -1, 0, 0], dtype="<i4").tofile(f"{p}.lengths"),
    "no ids": lambda p: Path(f"{p}.ids").unlink(),
    "no lengths": lambda p: Path(f"{p}.lengths").unlink(),
}


def cut(path: Path, suffix: str, count: int) -> None:
    file = Path(f"{path}.{suffix}")
    file.write_bytes(file.read_bytes()[:-count])


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_damaged_or_missing_files_are_an_error_that_names_them(written: Path, damage) -> None:
    damage(written)
    with pytest.raises(DataError, match="rows"):
        Ragged(written)


@pytest.mark.parametrize("short", ["src", "tgt", "fertilities"])
def test_sides_of_different_lengths_are_an_error(tmp_path: Path, short: str) -> None:
    for side in ("src", "tgt", "fertilities"):
        with RaggedWriter(tmp_path / f"train.{side}") as writer:
            writer.write(ROWS[1:] if side == short else ROWS)
    with pytest.raises(DataError, match="train"):
        IdPairs.open(tmp_path, "train", with_fertilities=True)


def test_a_split_opens_with_the_sides_asked_for(tmp_path: Path) -> None:
    for side in ("src", "tgt", "fertilities"):
        with RaggedWriter(tmp_path / f"dev.{side}") as writer:
            writer.write(ROWS)
    assert len(IdPairs.open(tmp_path, "dev")) == 4
    assert IdPairs.open(tmp_path, "dev").fertilities is None
    assert len(IdPairs.open(tmp_path, "dev", with_fertilities=True).fertilities or ()) == 4


@given(st.lists(st.lists(st.integers(4, 6), max_size=6), max_size=8))
def test_repeats_are_counted_within_rows(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[int]]
) -> None:
    path = tmp_path_factory.mktemp("repeats") / "rows"
    with RaggedWriter(path) as writer:
        writer.write(rows)
    expected = [sum(a == b for a, b in pairwise(row)) for row in rows]
    assert Ragged(path).repeats().tolist() == expected


@given(lengths, st.integers(1, 100), st.integers(0, 5), st.integers(0, 3))
def test_the_order_is_that_of_plain_lists(
    sizes: list[tuple[int, int]], budget: int, seed: int, epoch: int
) -> None:
    """Runs that have begun go on in the order that they have had."""
    random = np.random.default_rng((seed, epoch))
    rows = random.permutation(np.array([row for row, pair in enumerate(sizes) if min(pair) > 0], dtype=int))
    batches: list[list[int]] = []
    for row in sorted(rows.tolist(), key=lambda row: (max(sizes[row]), sizes[row][1])):
        if not batches or (len(batches[-1]) + 1) * max(sizes[row]) > budget:
            batches.append([])
        batches[-1].append(row)
    random.shuffle(batches)
    found = plan_batches(pairs_of(sizes), budget, seed=seed, epoch=epoch)
    assert [part.tolist() for part in found] == batches
    assert len(found) == len(batches)
