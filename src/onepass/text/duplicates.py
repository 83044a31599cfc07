"""Duplicates among any number of texts, found on the disk: memory does not grow with them.

A run has the keys of some texts in ascending order. What is alike has one key, so runs are compared range of
keys by range of keys. Of a million different texts two have the same 64-bit key with probability 3e-8, and
one of them is then lost; of a billion with 3%.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import blake2b
from itertools import chain, islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Keys = NDArray[np.uint64]

RUN = 1 << 18
"""Texts of a run, where a stream is cut into runs; as many keys are compared at a time."""
BUCKETS = 4096
"""Ranges of keys that a run can be read by."""
HEAD = 4 * (BUCKETS + 1)
"""Bytes before the keys."""


def key_of(text: str) -> int:
    """64 bits of a digest."""
    found = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(found, "little")


class KeyRun:
    """Keys in ascending order with the rows they are of, read range by range from a file.

    The file has the first place of each bucket, all keys, all rows.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._count = (path.stat().st_size - HEAD) // 12

    @staticmethod
    def content(keys: Keys, rows: NDArray[np.int64]) -> bytes:
        """What the file of a run has: keys, and for each the number of its text among those of the run."""
        order = np.argsort(keys, kind="stable")
        ascending = keys[order].astype("<u8")
        edges = np.arange(BUCKETS, dtype=np.uint64) * np.uint64(2**64 // BUCKETS)
        places = np.append(np.searchsorted(ascending, edges), len(keys)).astype("<u4")
        return places.tobytes() + ascending.tobytes() + rows[order].astype("<u4").tobytes()

    def read(self, first: int, last: int) -> tuple[Keys, NDArray[np.int64]]:
        """Keys and rows of the buckets from `first` to before `last`."""
        start, end = (int(np.fromfile(self._path, "<u4", 1, offset=4 * place)[0]) for place in (first, last))
        keys = np.fromfile(self._path, "<u8", end - start, offset=HEAD + 8 * start)
        rows = np.fromfile(self._path, "<u4", end - start, offset=HEAD + 8 * self._count + 4 * start)
        return keys, rows.astype(np.int64)


def repeats(runs: Sequence[KeyRun], firsts: Sequence[int], part: int, parts: int) -> NDArray[np.int64]:
    """The texts of a part of all keys that are like an earlier one, ascending.

    Args:
        runs: of all texts, in order.
        firsts: the number of the first text of each run.
        part: which one of `parts`, a divisor of BUCKETS.
        parts: that all keys are divided into.
    """
    width = BUCKETS // parts
    found = [run.read(part * width, (part + 1) * width) for run in runs]
    nothing = np.zeros(0, dtype=np.int64)
    keys = np.concatenate([nothing.astype(np.uint64), *(keys for keys, _ in found)])
    numbers = (rows + first for (_, rows), first in zip(found, firsts, strict=True))
    rows = np.concatenate([nothing, *numbers])
    order = np.argsort(keys, kind="stable")  # of equal ones the first stays the first
    keys, rows = keys[order], rows[order]
    return np.sort(rows[1:][keys[1:] == keys[:-1]])


def parts_for(texts: int) -> int:
    """Parts of all keys, so that those of a part are about a run."""
    parts = 1
    while parts < BUCKETS and texts / parts > RUN:
        parts *= 2
    return parts


def distinct(
    lines: Callable[[], Iterable[str]], scratch: Path, *, known: Callable[[], Iterable[str]] = tuple
) -> Iterator[str]:
    """The lines that are not like an earlier or a known one, in order.

    Args:
        lines: gives all of them, each time that it is called.
        scratch: a directory for the runs of what is too much for memory; they are removed in the end.
        known: as `lines`.
    """
    before = sum(1 for _ in known())
    few = list(islice(chain(known(), lines()), RUN + 1))
    if len(few) <= RUN:
        seen = set(few[:before])
        yield from (line for line in dict.fromkeys(few[before:]) if line not in seen)
        return
    del few
    repeated = _repeated(chain(known(), lines()), scratch)
    for number, line in enumerate(lines(), before):
        if not repeated[number]:
            yield line


def _repeated(lines: Iterable[str], scratch: Path) -> NDArray[np.bool_]:
    """For each line whether it is like an earlier one, in a file that has no name any more."""
    paths: list[Path] = []
    stream, total = iter(lines), 0
    while len(keys := np.fromiter(map(key_of, islice(stream, RUN)), dtype=np.uint64)):
        path = scratch / f"run-{len(paths)}.keys"
        path.write_bytes(KeyRun.content(keys, np.arange(len(keys))))
        paths.append(path)
        total += len(keys)
    runs, firsts = [KeyRun(path) for path in paths], range(0, total, RUN)
    marks = scratch / "repeated"
    repeated = np.memmap(marks, dtype=np.bool_, mode="w+", shape=(total,))
    parts = parts_for(total)
    for part in range(parts):
        repeated[repeats(runs, firsts, part, parts)] = True
    for path in (*paths, marks):
        path.unlink()
    return repeated
