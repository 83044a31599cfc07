"""Records in `.jsonl` files: one JSON object a line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from onepass.files import write_text


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
