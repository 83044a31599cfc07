"""The files that the corpus is generated from: the tables of words and the code that reads them."""

from __future__ import annotations

from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path


def table(name: str) -> Traversable:
    """The table of that name."""
    return files("onepass.phrasebook") / "tables" / f"{name}.txt"


def source_files() -> list[Path]:
    """All files that decide what the corpus holds, code and tables, sorted: what a fingerprint of it reads."""
    package = Path(__file__).parent
    return sorted([*package.rglob("*.py"), *package.glob("tables/*.txt")])
