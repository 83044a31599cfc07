"""FastAlign (Dyer et al. 2013) both ways on ids, by sil-thot, and the process of its own it runs in.

Run as `python -m onepass.alignment.fast_align DIR ITERATIONS` it reads `DIR/pairs.npz`, writes
`DIR/links.npz` and prints its progress. `onepass.alignment.aligner` starts it with one OpenMP
thread: with more, sil-thot adds its counts in an order that changes from run to run, and now and
then an alignment changes with it.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.int32]

PAIRS_FILE = "pairs.npz"
LINKS_FILE = "links.npz"
CHUNK = 10_000
"""Pairs decoded in one call, and between two reports of progress."""


@dataclass(frozen=True)
class Rows:
    """Rows of different lengths in one flat array: row n is `values[offsets[n]:offsets[n + 1]]`."""

    values: Ids
    offsets: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @classmethod
    def pack(cls, values: array[int], lengths: Sequence[int]) -> Rows:
        """Rows of these lengths that stand one behind the other in `values`, an array of type "i"."""
        offsets = np.zeros(len(lengths) + 1, dtype=np.int64)
        np.cumsum(lengths, out=offsets[1:])
        return cls(np.asarray(values), offsets)

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


def align_ids(
    src: Rows, tgt: Rows, *, iterations: int, progress: Callable[[int, int], None] | None = None
) -> Links:
    """Trains FastAlign in both directions on the N pairs and aligns them.

    Args:
        src: source ids, N rows.
        tgt: target ids, N rows.
        iterations: of expectation maximisation, in each direction.
        progress: called with the work done and the whole work, in passes over pairs.

    Returns:
        The links of the N pairs.
    """
    total = (2 * iterations + 3) * len(src)
    done = 0

    def step(pairs: int) -> None:
        nonlocal done
        done += pairs
        if progress is not None:
            progress(done, total)

    # One model at a time: its table of word pairs is by far the largest thing in memory.
    model = train_model(tgt, src, iterations, step)
    backward = _decode(model, tgt, src, step)
    del model
    model = train_model(src, tgt, iterations, step)
    forward = _decode(model, src, tgt, step)
    return _join(model, src, tgt, forward, backward, step)


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


def _decode(model: Any, src: Rows, tgt: Rows, step: Callable[[int], None]) -> Rows:
    """Returns for each target token its source position from 1, or 0 for the empty word."""
    values = array("i")
    pairs = zip(src, tgt, strict=True)
    while chunk := list(islice(pairs, CHUNK)):
        src_words = [_words(row) for row, _ in chunk]
        tgt_words = [_words(row) for _, row in chunk]
        for _, matrix in model.get_best_alignments(src_words, tgt_words):
            values.extend(matrix.to_list())
        step(len(chunk))
    return Rows(np.asarray(values), tgt.offsets)


def _join(
    model: Any, src: Rows, tgt: Rows, forward: Rows, backward: Rows, step: Callable[[int], None]
) -> Links:
    """Joins both directions; `model` is the forward one and picks one link a target token."""
    from thot.common import WordAlignmentMatrix

    values, counts, positions = array("i"), array("i"), array("i")
    rows = zip(src, tgt, forward, backward, strict=True)
    while chunk := list(islice(rows, CHUNK)):
        for src_row, tgt_row, from_src, from_tgt in chunk:
            matrix = WordAlignmentMatrix(len(src_row), len(tgt_row))
            matrix.put_list(from_src.tolist())
            inverse = WordAlignmentMatrix(len(tgt_row), len(src_row))
            inverse.put_list(from_tgt.tolist())
            inverse.transpose()
            matrix.grow_diag_final_and(inverse)
            linked = matrix.to_numpy()  # [S, T]
            links = np.flatnonzero(linked).tolist()
            values.extend(links)
            counts.append(len(links))
            positions.extend(best_links(model, src_row, tgt_row, linked))
        step(len(chunk))
    return Links(Rows.pack(values, counts), Rows(np.asarray(positions), tgt.offsets))


def best_links(model: Any, src_row: Ids, tgt_row: Ids, linked: NDArray[np.bool_]) -> list[int]:
    """For each target token the linked source position with the best score of the model, or -1.

    Args:
        model: of the target given the source.
        src_row: source ids [S].
        tgt_row: target ids [T].
        linked: [S, T].

    Returns:
        T positions from 0. Of equal scores the first wins.
    """
    src_length, tgt_length = linked.shape

    def score(i: int, j: int) -> float:
        s, t = model.get_src_word_index(str(src_row[i])), model.get_trg_word_index(str(tgt_row[j]))
        translation = model.translation_log_prob(s, t)
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


def _words(row: Ids) -> list[str]:
    # Ids written as words: a piece may hold spaces, or be one of sil-thot's own words ("NULL").
    return [str(i) for i in row.tolist()]


def main() -> None:
    """Aligns the pairs in the directory named on the command line."""
    directory, iterations = Path(sys.argv[1]), int(sys.argv[2])
    with np.load(directory / PAIRS_FILE) as pairs:
        src = Rows(pairs["src"], pairs["src_offsets"])
        tgt = Rows(pairs["tgt"], pairs["tgt_offsets"])
    links = align_ids(
        src, tgt, iterations=iterations, progress=lambda done, total: print(done, total, flush=True)
    )
    try:
        np.savez(
            directory / LINKS_FILE,
            positions=links.positions.values,
            links=links.symmetric.values,
            link_offsets=links.symmetric.offsets,
        )
    except OSError as error:  # a full disk, say
        sys.exit(f"{directory / LINKS_FILE}: {error.strerror}")


if __name__ == "__main__":
    main()
