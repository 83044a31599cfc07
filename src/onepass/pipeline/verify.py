"""Verifying: reads everything in a run directory, or in a bundle, and says what is whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from onepass.bundle import MANIFEST, Bundle
from onepass.errors import DataError, OnepassError, UsageError
from onepass.pipeline.contents import describe, find_damage
from onepass.pipeline.stage import (
    RECORD,
    STATE,
    mark_damaged,
    output_digest,
    output_files,
    read_record,
)
from onepass.training.checkpoint import checkpoint_damage


class Finding(NamedTuple):
    """What was found of one directory.

    Attributes:
        name: of the directory, inside the one that is verified.
        problems: what is damaged, file by file; none where it is whole.
        note: what else there is to say.
    """

    name: str
    problems: tuple[str, ...]
    note: str = ""


def verify_directory(directory: Path, say: Callable[[str], None]) -> None:
    """Verifies a run directory with all that it keeps, or a bundle, and says what is whole.

    A finished stage with a damaged file is marked: the next run does it again.

    Args:
        directory: what `onepass run` or `onepass export` wrote.
        say: gets a line for each stage.

    Raises:
        DataError: something is damaged.
        UsageError: there is neither a run nor a bundle.
    """
    findings = _of_bundle(directory) if (directory / MANIFEST).exists() else _of_run(directory)
    damaged = 0
    found = 0
    for finding in findings:
        found += 1
        damaged += bool(finding.problems)
        state = "; ".join(finding.problems) if finding.problems else "whole"
        say(f"{finding.name}: {state}{f' ({finding.note})' if finding.note else ''}")
    if not found:
        raise UsageError(
            "There is nothing to verify",
            where=directory,
            allowed="what `onepass run` or `onepass export` wrote",
        )
    if damaged:
        raise DataError(
            f"{damaged} of {found} are damaged",
            where=directory,
            fix="run the recipe again: what is damaged is made again, what is whole is kept",
        )


def _of_bundle(directory: Path) -> Iterator[Finding]:
    yield Finding(directory.name, _problems_of_bundle(directory), "bundle")


def _problems_of_bundle(directory: Path) -> tuple[str, ...]:
    if not (directory / MANIFEST).exists():
        return ()
    try:
        Bundle.open(directory)
    except OnepassError as error:
        return (f"{error.where}: {error.what}",)
    return ()


def _of_run(run: Path) -> Iterator[Finding]:
    for record in sorted([*run.glob(f"*/{RECORD}"), *run.glob(f"old-*/*/{RECORD}")]):
        yield _of_stage(record.parent, record.parent.relative_to(run).as_posix())
    for partial in sorted((run / ".partial").glob("*")):
        problems = [f"{path.name}: {problem}" for path, problem in checkpoint_damage(partial).items()]
        yield Finding(partial.relative_to(run).as_posix(), tuple(problems), "not finished")


def _of_stage(directory: Path, name: str) -> Finding:
    try:
        record = read_record(directory)
    except DataError as error:
        return Finding(name, (error.what,))
    assert record is not None
    contents = record.get("contents")
    if contents is None:
        return Finding(name, _of_older_version(directory, record), "as an older version wrote it")
    damage = find_damage(directory, contents)
    for path, problem in damage.items():
        mark_damaged(directory, path, problem)
    damage |= checkpoint_damage(directory / STATE)
    problems = [f"{path.relative_to(directory)}: {problem}" for path, problem in damage.items()]
    problems += _problems_of_bundle(directory) if not problems else ()
    return Finding(name, tuple(problems), f"{len(contents)} files")


def _of_older_version(directory: Path, record: dict[str, Any]) -> tuple[str, ...]:
    """Such a record has one digest of all files together."""
    if output_digest(describe(directory, output_files(directory))) == record["output"]:
        return ()
    named = _problems_of_bundle(directory)
    return named or ("it is not as it was written: do it again with --from, if nobody has changed it",)
