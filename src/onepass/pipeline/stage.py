"""A stage of a run: what it reads, what it does, and whether it has been done.

A stage works in `RUN/.partial/NAME` and its directory appears as `RUN/NAME` when all of it is there.
Its `stage.json` holds the fingerprint of what it read (settings, outputs of earlier stages, corpus
files) and the digest of what it wrote. While the fingerprint holds, the stage is skipped; a partial
directory of the same fingerprint is gone on with.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from onepass.errors import DataError
from onepass.files import file_sha256, write_json
from onepass.recipe import Recipe
from onepass.version import __version__

RECORD = "stage.json"
FINGERPRINT = "fingerprint.txt"
MEASUREMENTS = ("stage.json", "training.json", "results.json", "table.md")
"""Files with clock readings in them: not part of what must come out the same, nor are PNG files."""


@dataclass(frozen=True)
class Context:
    """What a stage is given.

    Attributes:
        recipe: of the run.
        directory: where to write; may hold the files of an interrupted attempt.
        inputs: the directories of the stages it needs, by name.
        log: appends a record to the run's `metrics.jsonl`.
        rewind: removes this stage's records of later updates, which will be made again.
        progress: done, total, a short text.
        say: prints a line for the user.
        command: what the user typed, without absolute paths.
    """

    recipe: Recipe
    directory: Path
    inputs: Mapping[str, Path]
    log: Callable[[dict[str, Any]], None]
    rewind: Callable[[int], None]
    progress: Callable[[int, int, str], None]
    say: Callable[[str], None]
    command: str


@dataclass(frozen=True)
class Stage:
    """One step of a run.

    Attributes:
        name: of the stage and its directory.
        needs: earlier stages whose output it reads.
        settings: the part of the recipe that decides what it writes.
        run: does it.
        files: gives the corpus files it reads; raises DataError where one is missing.
        distributed: every process of a multi-process start takes part (else only the first).
    """

    name: str
    needs: tuple[str, ...]
    settings: Mapping[str, Any]
    run: Callable[[Context], None]
    files: Callable[[], Sequence[Path]] = tuple
    distributed: bool = False


def read_record(directory: Path) -> dict[str, Any] | None:
    """The `stage.json` of a finished stage, or None. Raises DataError if it is damaged."""
    path = directory / RECORD
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        if not {"fingerprint", "output", "files"} <= record.keys():
            raise ValueError("keys are missing")
        return dict(record)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (ValueError, AttributeError) as error:
        raise DataError(
            f"The record of a stage is damaged: {error}", where=path, fix=f"delete {directory} and run again"
        ) from None


def fingerprint(stage: Stage, run: Path) -> str:
    """What the stage would read now: settings, outputs of the stages it needs, corpus files.

    A corpus file that is not on this machine counts as unchanged if the stage is already done, so
    that a run can be moved without its corpus.
    """
    inputs = {}
    for name in stage.needs:
        record = read_record(run / name)
        inputs[name] = record["output"] if record else None
    files = _file_digests(stage, run)
    content = {"settings": stage.settings, "inputs": inputs, "files": files}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _file_digests(stage: Stage, run: Path) -> list[str]:
    try:
        return [file_sha256(path) for path in stage.files()]
    except DataError:
        record = read_record(run / stage.name)
        if record is None:
            raise
        return list(record["files"])


def output_digest(directory: Path, without: Set[Path] = frozenset()) -> str:
    """One digest of every file of a finished stage but its measurements and those `without` names."""
    lines = [
        f"{path.relative_to(directory).as_posix()} {file_sha256(path)}"
        for path in sorted(directory.rglob("*"))
        if path.is_file() and path.name not in MEASUREMENTS and path.suffix != ".png"
        if without.isdisjoint([path, *path.parents])
    ]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def is_done(stage: Stage, run: Path) -> bool:
    """Whether the stage's output is there and what it read has not changed."""
    record = read_record(run / stage.name)
    return record is not None and record["fingerprint"] == fingerprint(stage, run)


def partial_directory(stage: Stage, run: Path) -> Path:
    """Where the stage works."""
    return run / ".partial" / stage.name


def has_begun(stage: Stage, run: Path) -> bool:
    """Whether the stage's partial directory is one of what it would read now."""
    try:
        seen = (partial_directory(stage, run) / FINGERPRINT).read_text(encoding="utf-8")
    except FileNotFoundError:
        return False
    return seen == fingerprint(stage, run)


def begin(stage: Stage, run: Path) -> Path:
    """The partial directory of the stage: an interrupted attempt with the same fingerprint, or empty."""
    partial = partial_directory(stage, run)
    if not has_begun(stage, run):
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        (partial / FINGERPRINT).write_text(fingerprint(stage, run), encoding="utf-8")
    return partial


def finish_interrupted(stage: Stage, run: Path, *, scratch: Sequence[str]) -> None:
    """Finishes a stage that was stopped while it was being finished."""
    record = read_record(partial_directory(stage, run))
    if record is not None and record["fingerprint"] == fingerprint(stage, run):
        finish(stage, run, seconds=record["seconds"], scratch=scratch)


def finish(stage: Stage, run: Path, *, seconds: float, scratch: Sequence[str]) -> None:
    """Turns the partial directory into the finished one; stopped at any point, it can be called again.

    Args:
        stage: which.
        run: the run directory.
        seconds: it took, in this attempt.
        scratch: patterns of files that only an interrupted attempt needs.
    """
    partial, final = partial_directory(stage, run), run / stage.name
    needless = {path for pattern in (FINGERPRINT, *scratch) for path in partial.glob(pattern)}
    if not (partial / RECORD).exists():
        write_json(
            partial / RECORD,
            {
                "stage": stage.name,
                # As it was at the beginning: the corpus may have changed since.
                "fingerprint": (partial / FINGERPRINT).read_text(encoding="utf-8"),
                "output": output_digest(partial, without=needless),
                "files": _file_digests(stage, run),
                "seconds": round(seconds, 1),
                "onepass": __version__,
                "finished": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            },
        )
    for path in needless:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    if final.exists():
        doomed = run / ".partial" / f"{stage.name}.old"
        shutil.rmtree(doomed, ignore_errors=True)
        os.replace(final, doomed)
        os.replace(partial, final)
        shutil.rmtree(doomed)
    else:
        os.replace(partial, final)
