"""What the benchmarks share: where the corpora are, how a result is written."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from onepass.evaluation.machine import machine_kind, versions

ROOT = Path(__file__).resolve().parents[1]
CORPORA = ROOT.parent / "shared" / "data"


def is_missing(path: Path) -> bool:
    """Says so where a file or directory that a benchmark needs is not there."""
    if not path.exists():
        print(f"skipped: there is no {os.path.relpath(path, ROOT)}")
    return not path.exists()


def write_result(result: dict[str, Any], to: Path | None) -> None:
    """Prints a result with its command, versions and machine, and writes it as JSON where wanted."""
    script = os.path.relpath(sys.argv[0], ROOT)
    record = {
        "command": " ".join(["python", script, *sys.argv[1:]]),
        "machine": machine_kind(),
        "versions": versions(),
        **result,
    }
    text = json.dumps(record, indent=1) + "\n"
    print(text, end="")
    if to:
        to.write_text(text, encoding="utf-8")
