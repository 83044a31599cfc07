"""Text files this project writes: UTF-8, one text a line, lines ended by a newline alone."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from onepass.bundle import write_text

T = TypeVar("T")

CHUNK = 10_000
"""Items held in memory at a time."""


def stream_lines(path: Path) -> Iterator[str]:
    """The lines of a file, one at a time."""
    with open(path, encoding="utf-8", newline="\n") as file:
        for line in file:
            yield line.removesuffix("\n")


def read_lines(path: Path) -> list[str]:
    """All lines of a file."""
    return list(stream_lines(path))


def write_lines(path: Path, lines: Iterable[str]) -> None:
    """Writes one text a line."""
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        file.writelines(f"{line}\n" for line in lines)


def chunks(items: Iterable[T]) -> Iterator[list[T]]:
    """The items in lists of at most CHUNK."""
    iterator = iter(items)
    while chunk := list(islice(iterator, CHUNK)):
        yield chunk


def drop_records(path: Path, dropped: Callable[[dict[str, Any]], bool]) -> None:
    """Removes records of a `.jsonl` file, and a last line that was cut off while it was written."""
    if not path.exists():
        return
    lines = path.read_text(encoding="utf-8").split("\n")
    kept = [line for line in lines[:-1] if not dropped(json.loads(line))]
    if len(kept) < len(lines) - 1 or lines[-1]:
        write_text(path, "".join(f"{line}\n" for line in kept))


def append_record(path: Path, record: dict[str, Any]) -> None:
    """Adds one record to a `.jsonl` file."""
    with open(path, "a", encoding="utf-8", newline="\n") as file:
        file.write(json.dumps(record, ensure_ascii=False) + "\n")
