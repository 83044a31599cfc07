"""Records in `.jsonl` files: one JSON object a line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from onepass.files import naming_full_disk, write_text


def drop_records(path: Path, dropped: Callable[[dict[str, Any]], bool]) -> None:
    """Removes records of a `.jsonl` file, and lines that a kill or a power cut has damaged."""
    if not path.exists():
        return
    lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
    kept = [line for line in lines[:-1] if (record := _record(line)) is not None and not dropped(record)]
    if len(kept) < len(lines) - 1 or lines[-1]:
        write_text(path, "".join(f"{line}\n" for line in kept))


def append_record(path: Path, record: dict[str, Any]) -> None:
    """Adds one record to a `.jsonl` file. Raises DataError where the disk is full."""
    with naming_full_disk(path), open(path, "a", encoding="utf-8", newline="\n") as file:
        file.write(json.dumps(record, ensure_ascii=False) + "\n")


def _record(line: str) -> dict[str, Any] | None:
    try:
        record = json.loads(line)
    except ValueError:
        return None
    return record if isinstance(record, dict) else None
