"""Fertilities: how many target tokens each source token becomes; and alignment files in Pharaoh form.

The decoder's input is the source with token s repeated f_s times, in source order. A fertility is
therefore a count, whatever the order of the target.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from onepass.errors import DataError
from onepass.files import replacing

MAX_FERTILITY = 49
"""The largest fertility: the classifier has F = 50 classes, 0 to 49."""

_PHARAOH_LINE = re.compile(r"([0-9]+-[0-9]+( [0-9]+-[0-9]+)*)?", re.ASCII)


def fertilities(src_positions: Sequence[int] | NDArray[np.integer], src_length: int) -> NDArray[np.int64]:
    """Counts the target tokens of each source position.

    What a position has over `MAX_FERTILITY` moves to the nearest position with room, the left one
    before the right one at the same distance; positions are relieved from left to right.

    Args:
        src_positions: the source position of each target token, [T], from 0.
        src_length: S, the number of source tokens.

    Returns:
        The fertilities [S], int64, each at most `MAX_FERTILITY`; their sum is T.

    Raises:
        DataError: T is more than S positions can hold, or a position is outside the source.
    """
    positions = np.asarray(src_positions, dtype=np.int64)  # [T]
    if len(positions) > MAX_FERTILITY * src_length:
        raise DataError(
            f"{len(positions)} target tokens are too many for {src_length} source tokens",
            allowed=f"at most {MAX_FERTILITY} target tokens a source token",
            fix="filter pairs by length ratio",
        )
    if len(positions) and (positions.min() < 0 or positions.max() >= src_length):
        raise DataError(
            "A target token is aligned outside the source",
            value=f"positions {positions.min()} to {positions.max()}",
            allowed=f"0 to {src_length - 1}",
        )
    counts = np.bincount(positions, minlength=src_length).astype(np.int64)  # [S]
    for s in np.flatnonzero(counts > MAX_FERTILITY).tolist():
        _relieve(counts, s)
    return counts


def _relieve(counts: NDArray[np.int64], s: int) -> None:
    """Moves what position s has too much to its nearest neighbours with room, in place."""
    places = np.arange(len(counts))
    for neighbour in np.argsort(np.abs(places - s), kind="stable").tolist():  # stable: left before right
        excess = counts[s] - MAX_FERTILITY
        room = MAX_FERTILITY - counts[neighbour]
        if excess > 0 and room > 0:
            moved = min(excess, room)
            counts[neighbour] += moved
            counts[s] -= moved


def write_pharaoh(path: Path, lines: Iterable[str]) -> None:
    """Writes one alignment a line, `i-j` for each link, an empty line where there is none.

    The file appears whole or not at all.

    Args:
        path: the file to write or replace.
        lines: alignments as in `Alignments.pharaoh`, without line ends.

    Raises:
        DataError: a line is not in Pharaoh form.
    """
    with replacing(path) as partial, partial.open("w", encoding="ascii", newline="\n") as file:
        for number, line in enumerate(lines, start=1):
            _check(line, path, number)
            file.write(line + "\n")


def read_pharaoh(path: Path) -> Iterator[str]:
    """Streams what `write_pharaoh` wrote.

    Raises:
        DataError: the file cannot be read, or a line is not in Pharaoh form (names file and line).
    """
    try:
        with open(path, encoding="ascii", errors="replace", newline="\n") as file:
            for number, line in enumerate(file, start=1):
                link = line.removesuffix("\n")
                _check(link, path, number)
                yield link
    except OSError as error:
        raise DataError(f"Cannot read the alignment: {error.strerror}", where=path) from None


def _check(line: str, path: Path, number: int) -> None:
    if not _PHARAOH_LINE.fullmatch(line):
        raise DataError(
            "Not an alignment in Pharaoh form",
            where=f"{path}:{number}",
            value=line[:80],
            allowed="links such as `0-0 1-2`, separated by single spaces, or nothing",
        )
