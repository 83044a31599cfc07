"""Word alignment: one source position for each target token, and the symmetrised links as Pharaoh lines.

The positions come from the symmetrised links. One direction alone would give each target token its
position, too, but rare source words then attract target words that belong nowhere, and the student
learns worse from such fertilities.

FastAlign is trained in a process of its own, with one thread: the same pairs give the same bytes on every
run, a progress bar keeps moving, the memory goes back to the system, and it ends with the process that
started it. What it has learnt is then applied to any pairs.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from array import array
from collections.abc import Callable, Hashable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from onepass.alignment.fast_align import (
    BACKWARD,
    FORWARD,
    Direction,
    Ids,
    Rows,
    apply_models,
    write_pairs,
)
from onepass.errors import DataError, ModelError, UsageError
from onepass.files import naming_full_disk


class Alignments(NamedTuple):
    """The alignments of N pairs. Positions count from 0.

    pharaoh: one line a pair, `i-j` for each link from source position i to target position j, of
        both directions joined by grow-diag-final-and.
    src_positions: one array [T] a pair: the source position of each target token.
    """

    pharaoh: list[str]
    src_positions: list[NDArray[np.int32]]


def align(
    src: Sequence[Sequence[Hashable]],
    tgt: Sequence[Sequence[Hashable]],
    *,
    iterations: int = 5,
    progress: Callable[[int, int], None] | None = None,
) -> Alignments:
    """Trains FastAlign on the N pairs in both directions and aligns them.

    A target token with several links takes the one with the best product of translation and alignment
    probability, the target given the source. One without links takes a position between those of its
    aligned neighbours (see `fill_unaligned`). FastAlign skips sentences of over 1024 tokens, so all of
    their target tokens are without. The result depends on the pairs and `iterations` alone.

    Args:
        src: the pieces of each source sentence, as any strings or ids.
        tgt: the pieces of each target sentence.
        iterations: of expectation maximisation, in each direction.
        progress: called with the work done and the whole work, in passes over pairs.

    Raises:
        DataError: the numbers of sentences differ, or a source is empty and its target is not.
        UsageError: sil-thot is not installed.
        ModelError: FastAlign failed.
    """
    if len(src) != len(tgt):
        raise DataError(
            "Source and target have different numbers of sentences", value=f"{len(src)} and {len(tgt)}"
        )
    for number, (src_pieces, tgt_pieces) in enumerate(zip(src, tgt, strict=True), start=1):
        if not src_pieces and tgt_pieces:
            raise DataError(
                "An empty source cannot be aligned", where=f"pair {number}", value=list(tgt_pieces)
            )
    if not src:
        return Alignments([], [])
    src_ids, tgt_ids = _number(src), _number(tgt)
    total, trained = (2 * iterations + 1) * len(src), 0

    def of_training(done: int, _: int) -> None:
        nonlocal trained
        trained = done
        if progress is not None:
            progress(done, total)

    # Of a process that is killed no file is left: the models have names between two steps alone.
    directory = Path(tempfile.gettempdir()) / f"onepass-align-{os.urandom(8).hex()}"
    try:
        train_aligner(src_ids, tgt_ids, directory, iterations=iterations, progress=of_training)
        aligner = Aligner(directory)
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    return aligner.align(src_ids, tgt_ids, lambda done: progress and progress(trained + done, total))


class Aligner:
    """A trained FastAlign of both directions, which aligns any pairs of ids, one like another.

    Args:
        directory: written by `train_aligner`.

    Raises:
        ModelError: it cannot be read.
    """

    def __init__(self, directory: Path) -> None:
        self._forward, self._backward = (Direction.load(directory / name) for name in (FORWARD, BACKWARD))

    def align(
        self, src: Rows, tgt: Rows, progress: Callable[[int], object] = lambda done: None
    ) -> Alignments:
        """Aligns N pairs, of which none has an empty source and a target.

        Args:
            src: source ids, N rows.
            tgt: target ids, N rows.
            progress: told how many pairs are done.
        """
        done = 0

        def step(pairs: int) -> None:
            nonlocal done
            done += pairs
            progress(done)

        links, positions = apply_models(self._forward, self._backward, src, tgt, step)
        pharaoh = [
            " ".join(f"{link // tgt_length}-{link % tgt_length}" for link in row.tolist())
            for row, tgt_length in zip(links, tgt.lengths.tolist(), strict=True)
        ]
        src_positions = [
            fill_unaligned(row, src_length)
            for row, src_length in zip(positions, src.lengths.tolist(), strict=True)
        ]
        return Alignments(pharaoh, src_positions)


def _number(sentences: Sequence[Sequence[Hashable]]) -> Rows:
    """Gives each distinct piece a number, in the order of first use."""
    numbers: dict[Hashable, int] = {}
    values = array("i", (numbers.setdefault(p, len(numbers)) for pieces in sentences for p in pieces))
    return Rows.pack(values, [len(pieces) for pieces in sentences])


def fill_unaligned(positions: Ids, src_length: int) -> Ids:
    """Gives each unaligned target token the source position nearest to the diagonal between its neighbours'.

    The neighbours are the nearest aligned tokens on either side, where there is none the end of the
    source; so in a sentence without links every token takes the diagonal.

    Args:
        positions: the source position of each target token, [T]; -1 where it has none.
        src_length: S, at least 1 where T is.

    Returns:
        The positions [T], all from 0 to S - 1.
    """
    missing = np.flatnonzero(positions < 0)
    if not len(missing):
        return positions
    aligned = np.flatnonzero(positions >= 0)
    stops = np.concatenate([[0], positions[aligned], [src_length - 1]])
    left = np.searchsorted(aligned, missing)
    low = np.minimum(stops[left], stops[left + 1])
    high = np.maximum(stops[left], stops[left + 1])
    diagonal = (2 * missing + 1) * src_length // (2 * len(positions))
    filled = positions.copy()
    filled[missing] = np.clip(diagonal, low, high)
    return filled


def train_aligner(
    src: Rows,
    tgt: Rows,
    to: Path,
    *,
    iterations: int,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Trains FastAlign on N pairs in both directions, in another process.

    Args:
        src: source ids, N rows.
        tgt: target ids, N rows.
        to: the directory for the model, which appears when it is whole.
        iterations: of expectation maximisation, in each direction.
        progress: called with the work done and the whole work, in passes over pairs.

    Raises:
        UsageError: sil-thot is not installed.
        ModelError: FastAlign failed.
    """
    if importlib.util.find_spec("thot") is None:
        raise UsageError("Word alignment needs sil-thot", fix="pip install 'onepass[train]'")
    path = os.pathsep.join(entry or os.getcwd() for entry in sys.path)
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": path}
    command = [sys.executable, "-P", "-m", "onepass.alignment.fast_align", str(to), str(iterations)]
    with tempfile.TemporaryFile() as pairs, tempfile.TemporaryFile() as errors:
        with naming_full_disk(Path(tempfile.gettempdir())):
            write_pairs(pairs, src, tgt)
            pairs.seek(0)
        with subprocess.Popen(
            command, stdin=pairs, stdout=subprocess.PIPE, stderr=errors, text=True, env=environment
        ) as process:
            assert process.stdout is not None
            try:
                for line in process.stdout:
                    done, total = map(int, line.split())
                    if progress is not None:
                        progress(done, total)
            except BaseException:
                process.kill()
                raise
        if process.returncode:
            errors.seek(0)
            lines = errors.read().decode("utf-8", "replace").splitlines() or ["no message"]
            raise ModelError(
                f"FastAlign failed: {lines[-1]}",
                where=f"a process that ended with status {process.returncode}",
                fix="status -9 means that the memory was not enough: align fewer or shorter pairs",
            )
