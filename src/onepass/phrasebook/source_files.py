"""The files that the corpus is generated from: the tables of words, and the code."""

from __future__ import annotations

from pathlib import Path

from onepass.text.tables import packaged


def table(name: str) -> Path:
    """The table of that name."""
    return packaged("onepass.phrasebook", name)


def source_files() -> list[Path]:
    """The code and the tables that decide what the corpus holds, sorted: what its fingerprint reads."""
    package = Path(__file__).parent
    return sorted([*package.rglob("*.py"), *package.glob("tables/*.txt")])
