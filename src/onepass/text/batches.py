"""Ids on disk and batches of them: ragged arrays read through memory maps, cut into batches of
similar length.

A ragged array `NAME` is two raw little-endian files: `NAME.ids` (uint16, all rows behind each other)
and `NAME.lengths` (int32, a row each), so that it can be written as a stream.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
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


def padded(rows: Sequence[Sequence[int] | NDArray[np.int64]]) -> NDArray[np.int64]:
    """Rows of ids -> int64 [B, longest], padded with 0."""
    ids = np.zeros((len(rows), max(map(len, rows))), dtype=np.int64)
    for i, row in enumerate(rows):
        ids[i, : len(row)] = row
    return ids


def _cut(lengths: Sequence[int], most_tokens: int, most_rows: int | None = None) -> list[slice]:
    """Batches of rows that are sorted by length; a row that is longer than allowed is one of its own."""
    ends, first = [0], 0
    for i, length in enumerate(lengths):
        if i > first and (i - first == most_rows or (i - first + 1) * length > most_tokens):
            ends.append(i)
            first = i
    if lengths:
        ends.append(len(lengths))
    return [slice(*part) for part in pairwise(ends)]


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
        wanted = len(parts) + -len(parts) % workers
        fewer = bisect_left(
            range(most_tokens), True, key=lambda most: len(_cut(ascending, most, most_rows)) <= wanted
        )
        parts = _cut(ascending, fewer, most_rows)
    return [order[part] for part in parts]


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
        arrays = [np.fromiter(row, dtype="<u2") for row in rows]
        self._ids.write(b"".join(a.tobytes() for a in arrays))
        self._lengths.write(np.asarray([len(a) for a in arrays], dtype="<i4").tobytes())


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


def plan_batches(
    pairs: IdPairs, batch_tokens: int, *, seed: int | None = None, epoch: int = 0
) -> list[NDArray[np.int64]]:
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
    rows = np.flatnonzero((src > 0) & (tgt > 0))
    random = np.random.default_rng((seed, epoch)) if seed is not None else None
    if random is not None:
        rows = random.permutation(rows)
    longest = np.maximum(src, tgt)[rows]
    order = np.lexsort((tgt[rows], longest))
    rows, longest = rows[order], longest[order]
    batches = [rows[part] for part in _cut(longest.tolist(), batch_tokens)]
    if random is not None:
        random.shuffle(batches)
    return batches
