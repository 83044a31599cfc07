"""FastAlign (Dyer et al. 2013) both ways on ids, by sil-thot: trained on some pairs, saved, applied to any.

Run as `python -m onepass.alignment.fast_align DIR ITERATIONS` it reads pairs from its standard input,
writes a model into `DIR` and prints its progress. `onepass.alignment.aligner` starts it with one OpenMP
thread: with more, sil-thot adds its counts in an order that changes from run to run, and now and
then an alignment changes with it.
"""

from __future__ import annotations

import ctypes
import io
import os
import signal
import sys
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from onepass.errors import ModelError
from onepass.files import replacing_directory

Ids = NDArray[np.int32]

CHUNK = 2_000
"""Pairs decoded in one call, while which nothing else runs in the process."""
FORWARD, BACKWARD = "forward", "backward"
PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Rows:
    """Rows of different lengths in one flat array: row n is `values[offsets[n]:offsets[n + 1]]`."""

    values: Ids
    offsets: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Of the rows."""
        return np.diff(self.offsets)

    @classmethod
    def pack(cls, values: array[int] | Ids, lengths: Sequence[int] | NDArray[np.integer]) -> Rows:
        """Rows of these lengths that stand one behind the other in `values`, an array of type "i"."""
        offsets = np.zeros(len(lengths) + 1, dtype=np.int64)
        np.cumsum(lengths, out=offsets[1:])
        return cls(np.asarray(values, dtype=np.int32), offsets)

    def take(self, rows: NDArray[np.int64]) -> Rows:
        """The given rows, in that order."""
        starts, lengths = self.offsets[rows], self.lengths[rows]
        parts = [self.values[start : start + length] for start, length in zip(starts, lengths, strict=True)]
        return Rows.pack(np.concatenate([np.zeros(0, np.int32), *parts]), lengths)

    def __iter__(self) -> Iterator[Ids]:
        for start, end in zip(self.offsets[:-1].tolist(), self.offsets[1:].tolist(), strict=True):
            yield self.values[start:end]


class Links(NamedTuple):
    """What FastAlign found in N pairs. Positions count from 0.

    symmetric: the links of both directions joined by grow-diag-final-and, as `i * T + j`, ascending.
    positions: the source position of each target token: the best of its links, -1 where it has none.
    """

    symmetric: Rows
    positions: Rows


def train_model(
    src: Rows, tgt: Rows, iterations: int, step: Callable[[int], None] = lambda pairs: None
) -> Any:
    """Trains sil-thot's model of the target given the source; ids are its words, written as numbers."""
    from thot.alignment import FastAlignModel

    model = FastAlignModel()
    for src_row, tgt_row in zip(src, tgt, strict=True):
        model.add_sentence_pair(_words(src_row), _words(tgt_row))
    model.start_training()
    for _ in range(iterations):
        model.train()
        step(len(src))
    model.end_training()
    return model


def _words(row: Ids) -> list[str]:
    # Ids written as words: a piece may hold spaces, or be one of sil-thot's own words ("NULL").
    return [str(i) for i in row.tolist()]


class Direction:
    """A trained model of one side given the other."""

    def __init__(self, model: Any) -> None:
        self.model = model

    @classmethod
    def load(cls, path: Path) -> Direction:
        """Raises ModelError where it cannot be read."""
        from thot.alignment import FastAlignModel

        model = FastAlignModel()
        if not model.load(str(path)):
            raise ModelError(
                "The aligner's model cannot be read", where=path, fix="delete it and start again"
            )
        return cls(model)

    def given(self, rows: Rows) -> Iterator[list[int]]:
        """The model's numbers for ids of the side that is given; one number for all that it has not seen."""
        return _renumbered(rows, self.model.get_src_word_index)

    def written(self, rows: Rows) -> Iterator[list[int]]:
        """As `given`, of the other side."""
        return _renumbered(rows, self.model.get_trg_word_index)

    def decode(self, given: Sequence[list[int]], written: Sequence[list[int]]) -> list[Any]:
        """For each pair a matrix with a link for each word that is written, or none."""
        return [matrix for _, matrix in self.model.get_best_alignments(given, written)]


def _renumbered(rows: Rows, find: Callable[[str], int]) -> Iterator[list[int]]:
    ids, places = np.unique(rows.values, return_inverse=True)
    numbers = np.array([find(word) for word in _words(ids)], dtype=np.int32)
    return (row.tolist() for row in Rows(numbers[places], rows.offsets))


def apply_models(
    forward: Direction, backward: Direction, src: Rows, tgt: Rows, step: Callable[[int], None]
) -> Links:
    """Aligns N pairs.

    Args:
        forward: of the target given the source; it picks one link of several.
        backward: of the source given the target.
        src: source ids, N rows.
        tgt: target ids, N rows.
        step: told how many more pairs are done.
    """
    values, counts, positions = array("i"), array("i"), array("i")
    rows = zip(
        forward.given(src), forward.written(tgt), backward.given(tgt), backward.written(src), strict=True
    )
    while chunk := list(islice(rows, CHUNK)):
        sources, targets, *reversed_sides = zip(*chunk, strict=True)
        from_src, from_tgt = forward.decode(sources, targets), backward.decode(*reversed_sides)
        for matrix, inverse, s, t in zip(from_src, from_tgt, sources, targets, strict=True):
            inverse.transpose()
            matrix.grow_diag_final_and(inverse)
            linked = matrix.to_numpy()  # [S, T]
            links = np.flatnonzero(linked).tolist()
            values.extend(links)
            counts.append(len(links))
            positions.extend(best_links(forward.model, s, t, linked))
        step(len(chunk))
    return Links(Rows.pack(values, counts), Rows(np.asarray(positions, dtype=np.int32), tgt.offsets))


def best_links(
    model: Any, src_row: Sequence[int], tgt_row: Sequence[int], linked: NDArray[np.bool_]
) -> list[int]:
    """For each target token the linked source position with the best score of the model, or -1.

    Args:
        model: of the target given the source.
        src_row: the model's numbers of the source [S].
        tgt_row: the model's numbers of the target [T].
        linked: [S, T].

    Returns:
        T positions from 0. Of equal scores the first wins.
    """
    src_length, tgt_length = linked.shape

    def score(i: int, j: int) -> float:
        translation = model.translation_log_prob(src_row[i], tgt_row[j])
        return float(translation + model.alignment_log_prob(j + 1, src_length, tgt_length, i + 1))

    choices: list[list[int]] = [[] for _ in range(tgt_length)]
    for i, j in np.argwhere(linked).tolist():
        choices[j].append(i)
    positions = []
    for j, choice in enumerate(choices):
        if len(choice) > 1:
            positions.append(max(choice, key=lambda i: score(i, j)))
        else:
            positions.append(choice[0] if choice else -1)
    return positions


def write_pairs(file: IO[bytes], src: Rows, tgt: Rows) -> None:
    """Writes what `main` reads."""
    np.savez(file, src=src.values, src_offsets=src.offsets, tgt=tgt.values, tgt_offsets=tgt.offsets)


def end_with_parent() -> None:
    """Ends this process after its current pass, without its files, when the one that started it has ended.

    On Linux alone.
    """
    parent = os.getppid()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # it has ended before that
        sys.exit(1)


def main() -> None:
    """Trains on the pairs of the standard input, in the directory named on the command line."""
    end_with_parent()
    directory, iterations = Path(sys.argv[1]), int(sys.argv[2])
    with np.load(io.BytesIO(sys.stdin.buffer.read())) as pairs:
        src = Rows(pairs["src"], pairs["src_offsets"])
        tgt = Rows(pairs["tgt"], pairs["tgt_offsets"])
    total, done = 2 * iterations * len(src), 0

    def step(pairs: int) -> None:
        nonlocal done
        done += pairs
        print(done, total, flush=True)

    try:
        with replacing_directory(directory) as partial:
            # One model at a time: its table of word pairs is by far the largest thing in memory.
            for name, given, written in ((BACKWARD, tgt, src), (FORWARD, src, tgt)):
                if not train_model(given, written, iterations, step).print(str(partial / name)):
                    sys.exit(f"{directory}: the model cannot be written; is the disk full?")
    except OSError as error:
        sys.exit(f"{directory}: {error.strerror}")


if __name__ == "__main__":
    main()
