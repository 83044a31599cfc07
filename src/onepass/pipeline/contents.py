"""What is in the files of a finished stage: digest and lines of each, checked when they are read."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

LINES = (".src", ".tgt", ".pharaoh", ".txt")
"""Endings of the names of texts, whose lines are counted."""
Contents = Mapping[str, Mapping[str, Any]]
"""By the name of a file: `sha256`, and `lines` of a text."""


def describe(directory: Path, paths: Iterable[Path]) -> dict[str, dict[str, Any]]:
    """The contents of files of a directory, in the order given."""
    return {path.relative_to(directory).as_posix(): _describe(path) for path in paths}


def _describe(path: Path) -> dict[str, Any]:
    found, lines = hashlib.sha256(), 0
    with open(path, "rb") as file:
        while part := file.read(1 << 20):
            found.update(part)
            lines += part.count(b"\n")
    return {"sha256": found.hexdigest(), **({"lines": lines} if path.suffix in LINES else {})}


def find_damage(directory: Path, contents: Contents) -> dict[Path, str]:
    """The files that are not as they were written, and what is wrong with each; none where all are whole."""
    problems = {directory / name: _problem(directory / name, said) for name, said in contents.items()}
    return {path: problem for path, problem in problems.items() if problem is not None}


def _problem(path: Path, said: Mapping[str, Any]) -> str | None:
    try:
        found = _describe(path)
    except OSError as error:
        return f"it cannot be read: {error.strerror}"
    if found.get("lines") != said.get("lines"):
        return f"it has {found.get('lines'):,} lines and not {said.get('lines'):,}"
    return None if found["sha256"] == said["sha256"] else "its digest differs"
