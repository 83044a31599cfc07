"""Ids on disk and batches of them: ragged arrays read through memory maps, cut into batches of
similar length.

A ragged array `NAME` is two raw little-endian files: `NAME.ids` (uint16, all rows behind each other)
and `NAME.lengths` (int32, a row each), so that it can be written as a stream.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onepass.errors import DataError
from onepass.files import replacing

Rows = list[NDArray[np.int64]]

CHUNK = 1 << 16
"""Lengths that are looked at together."""


def padded(rows: Sequence[Sequence[int] | NDArray[np.integer]]) -> NDArray[np.int64]:
    """Rows of ids -> int64 [B, longest], padded with 0."""
    ids = np.zeros((len(rows), max(map(len, rows))), dtype=np.int64)
    for i, row in enumerate(rows):
        ids[i, : len(row)] = row
    return ids


def _cut(lengths: Iterable[int], most_tokens: int, most_rows: int | None = None) -> array[int]:
    """Where batches of rows that are sorted by length end, after a 0.

    A row that is longer than allowed is a batch of its own.
    """
    ends, first, i = array("q", [0]), 0, -1
    for i, length in enumerate(lengths):
        if i > first and (i - first == most_rows or (i - first + 1) * length > most_tokens):
            ends.append(i)
            first = i
    if i >= 0:
        ends.append(i + 1)
    return ends


def batches_for_workers(
    lengths: Sequence[int], most_tokens: int, *, most_rows: int | None = None, workers: int = 1
) -> list[list[int]]:
    """Cuts rows into batches of similar length, as many and as even as all workers can share.

    Args:
        lengths: of the rows.
        most_tokens: padding included, in a batch; a longer row is a batch of its own.
        most_rows: in a batch.
        workers: batches decoded side by side.

    Returns:
        Row numbers of each batch, the shortest rows first.
    """
    order = sorted(range(len(lengths)), key=lengths.__getitem__)
    ascending = [lengths[i] for i in order]
    parts = _cut(ascending, most_tokens, most_rows)
    if workers > 1:
        wanted = len(parts) - 1 + -(len(parts) - 1) % workers
        fewer = bisect_left(
            range(most_tokens), True, key=lambda most: len(_cut(ascending, most, most_rows)) - 1 <= wanted
        )
        parts = _cut(ascending, fewer, most_rows)
    return [order[first:last] for first, last in pairwise(parts)]


class Ragged:
    """Rows of ids of different lengths, memory-mapped.

    Raises:
        DataError: a file is missing, or the two do not fit each other.
    """

    def __init__(self, path: Path) -> None:
        try:
            self.lengths = np.fromfile(f"{path}.lengths", dtype="<i4")
            size = Path(f"{path}.ids").stat().st_size
        except OSError as error:
            raise DataError(f"Cannot read ids: {error.strerror}", where=error.filename) from None
        self._ends = np.cumsum(self.lengths, dtype=np.int64)
        total = int(self._ends[-1]) if len(self._ends) else 0
        if size != 2 * total or (self.lengths < 0).any():
            raise DataError(
                "An id file does not fit its lengths",
                where=f"{path}.ids",
                value=size,
                allowed=f"{2 * total} bytes",
            )
        self._ids = np.memmap(f"{path}.ids", dtype="<u2", mode="r") if total else np.zeros(0, dtype="<u2")

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, row: int) -> NDArray[np.int64]:
        end = self._ends[row]
        return np.asarray(self._ids[end - self.lengths[row] : end], dtype=np.int64)

    def repeats(self) -> NDArray[np.int64]:
        """How often an id of a row is the one before it in the row, by row."""
        same = np.zeros(len(self._ids) + 1, dtype=np.int64)
        same[2:] = np.cumsum(self._ids[1:] == self._ids[:-1])  # up to before a place
        first = self._ends - self.lengths
        inside = same[self._ends] - same[np.minimum(first + 1, self._ends)]
        return np.where(self.lengths > 1, inside, 0)

    def distinct(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The ids that occur, ascending, and how often each does."""
        ids, counts = np.unique(self._ids, return_counts=True)
        return ids.astype(np.int64), counts


def ragged(name: str, rows: Iterable[Iterable[int]]) -> dict[str, NDArray[Any]]:
    """Rows of ids below 65,536 as two arrays: `NAME`, one behind the other, and `NAME_lengths`."""
    arrays = [np.fromiter(row, dtype="<u2") for row in rows]
    ids = np.concatenate([np.zeros(0, dtype="<u2"), *arrays])
    return {name: ids, f"{name}_lengths": np.array([len(array) for array in arrays], dtype="<i4")}


class RaggedWriter:
    """Appends rows to a ragged array; use as a context manager, at whose end the two files appear."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._files = ExitStack()

    def __enter__(self) -> RaggedWriter:
        with ExitStack() as opened:
            self._ids, self._lengths = (
                opened.enter_context(open(opened.enter_context(replacing(Path(name))), "wb"))
                for name in (f"{self._path}.ids", f"{self._path}.lengths")
            )
            self._files = opened.pop_all()
        return self

    def __exit__(self, *error: Any) -> None:
        self._files.__exit__(*error)

    def write(self, rows: Iterable[Iterable[int]]) -> None:
        """Appends rows of ids below 65,536."""
        self.append(*ragged("", rows).values())

    def append(self, ids: NDArray[np.integer], lengths: NDArray[np.integer]) -> None:
        """Appends rows that stand one behind the other in `ids`."""
        self._ids.write(ids.astype("<u2").tobytes())
        self._lengths.write(lengths.astype("<i4").tobytes())


@dataclass(frozen=True)
class IdPairs:
    """Sources and targets as ids, and the targets' fertilities where a student learns."""

    src: Ragged
    tgt: Ragged
    fertilities: Ragged | None = None

    @classmethod
    def open(cls, directory: Path, split: str, *, with_fertilities: bool = False) -> IdPairs:
        """Opens `split`.src, `split`.tgt and, if wanted, `split`.fertilities in a directory.

        Raises:
            DataError: a file is missing or damaged, or the sides do not belong together.
        """
        names = ("src", "tgt", "fertilities") if with_fertilities else ("src", "tgt")
        pairs = cls(*(Ragged(directory / f"{split}.{name}") for name in names))
        lengths = pairs.src.lengths if pairs.fertilities is None else pairs.fertilities.lengths
        if len(pairs.src) != len(pairs.tgt) or not np.array_equal(lengths, pairs.src.lengths):
            raise DataError(
                "The id files of a split do not belong together",
                where=directory / split,
                fix="delete the run's stages from the first that wrote one of them, and run again",
            )
        return pairs

    def reversed(self) -> IdPairs:
        """The pairs of the other direction, without fertilities."""
        return IdPairs(self.tgt, self.src)

    def __len__(self) -> int:
        return len(self.src)


class BatchPlan(Sequence[NDArray[np.int64]]):
    """The row numbers of each batch of an epoch, in arrays and not in an object for each batch.

    Args:
        rows: of all batches, one behind the other.
        ends: of the batches, after a 0.
        order: in which batches they come.
    """

    def __init__(
        self, rows: NDArray[np.integer], ends: NDArray[np.int64], order: NDArray[np.integer]
    ) -> None:
        self._rows, self._ends, self._order = rows, ends, order

    def write(self, path: Path) -> None:
        """Writes it as one file for `open`: sizes, ends, order, rows."""
        sizes = np.array([len(self._order), self._rows.itemsize], dtype="<i8")
        with replacing(path) as partial, partial.open("wb") as file:
            for part in (sizes, self._ends.astype("<i8"), self._order.astype("<i8"), self._rows):
                part.tofile(file)

    @classmethod
    def open(cls, path: Path) -> BatchPlan:
        """What `write` has written, memory-mapped: the processes that open one file share its memory."""
        batches, size = np.fromfile(path, dtype="<i8", count=2).tolist()
        numbers = np.memmap(path, dtype="<i8", mode="r", offset=16, shape=(2 * batches + 1,))
        start = 16 + numbers.nbytes
        empty = Path(path).stat().st_size == start
        rows = np.zeros(0, "<i8") if empty else np.memmap(path, dtype=f"<i{size}", mode="r", offset=start)
        return cls(rows, numbers[: batches + 1], numbers[batches + 1 :])

    def __len__(self) -> int:
        return len(self._order)

    def __getitem__(self, number: Any) -> Any:
        if isinstance(number, slice):
            return [self[place] for place in range(*number.indices(len(self)))]
        batch = self._order[number]
        return self._rows[self._ends[batch] : self._ends[batch + 1]].astype(np.int64)


def _longest(src: NDArray[np.integer], tgt: NDArray[np.integer], rows: NDArray[np.integer]) -> Iterator[int]:
    for first in range(0, len(rows), CHUNK):
        part = rows[first : first + CHUNK]
        yield from np.maximum(src[part], tgt[part]).tolist()


def plan_batches(pairs: IdPairs, batch_tokens: int, *, seed: int | None = None, epoch: int = 0) -> BatchPlan:
    """Cuts the pairs into batches of similar length, in an order that depends on seed and epoch alone.

    Args:
        pairs: what to cut; pairs with an empty side are left out.
        batch_tokens: the most tokens of the longer side, padding included, in a batch; a longer
            pair is a batch of its own.
        seed: None keeps the batches sorted by length (for evaluation).
        epoch: another order each.

    Returns:
        Row numbers of each batch.
    """
    src, tgt = pairs.src.lengths, pairs.tgt.lengths
    rows: NDArray[np.integer] = np.flatnonzero((src > 0) & (tgt > 0))
    if len(src) < 2**31:
        rows = rows.astype(np.int32)
    random = np.random.default_rng((seed, epoch)) if seed is not None else None
    if random is not None:
        random.shuffle(rows)
    # By the longer side, then by the target; both fit into 64 bits.
    keys = np.maximum(src, tgt)[rows].astype(np.int64) << 32 | tgt[rows]
    rows = rows[np.argsort(keys, kind="stable")]
    del keys
    ends = np.asarray(_cut(_longest(src, tgt, rows), batch_tokens), dtype=np.int64)
    order = np.arange(len(ends) - 1, dtype=np.int64)
    if random is not None:
        random.shuffle(order)
    return BatchPlan(rows, ends, order)
