"""A stage of a run: what it reads, what it does, and whether it has been done.

A stage works in `RUN/.partial/NAME` and its directory appears as `RUN/NAME` when all of it is there.
Its `stage.json` holds the fingerprint of what it read (settings, outputs of earlier stages, corpus
files) and the digest of what it wrote. While the fingerprint holds, the stage is skipped; a partial
directory of the same fingerprint is gone on with. What makes way is moved to `RUN/old-N`, never deleted.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from onepass.errors import DataError, OnepassError
from onepass.files import file_sha256, move, sync_tree, write_json, write_text
from onepass.pipeline.changes import can_go_on, changes, that_matter
from onepass.pipeline.contents import describe, find_damage
from onepass.pipeline.crew import Crew
from onepass.recipe import Recipe
from onepass.version import __version__

RECORD = "stage.json"
FINGERPRINT = "fingerprint.txt"
READS = "reads.json"
"""What is behind the fingerprint of a partial directory; those of older versions have none."""
DAMAGED = "damaged.txt"
"""In a finished stage with a damaged file, which makes it be done again."""
NOT_NOTED = "what it reads has changed (an older version of onepass did not note what that was)"
STATE = "state"
"""In a finished stage that trained: what it goes on from if it shall train longer."""
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
        sync: waits until the logged records are on the disk.
        crew: this process's part in the shards of the stage.
    """

    recipe: Recipe
    directory: Path
    inputs: Mapping[str, Path]
    log: Callable[[dict[str, Any]], None]
    rewind: Callable[[int], None]
    progress: Callable[[int, int, str], None]
    say: Callable[[str], None]
    command: str
    sync: Callable[[], None] = lambda: None
    crew: Crew = field(default_factory=Crew)


@dataclass(frozen=True)
class Stage:
    """One step of a run.

    Attributes:
        name: of the stage and its directory.
        needs: earlier stages whose output it reads.
        settings: the part of the recipe that decides what it writes.
        run: does it.
        files: gives the corpus files it reads; raises DataError where one is missing.
        revisions: gives the datasets of the hub that it reads, each with its commit.
        distributed: every process of a multi-process start takes part (else only the first).
        shared: the others help with its shards.
        apart: each of its shards can be made without any other.
        neutral: keys of settings that do not change what it writes, such as `batch_tokens`.
        continued: keys of settings that a larger value of lets it go on from its last state.
        state: patterns of the files of that state.
    """

    name: str
    needs: tuple[str, ...]
    settings: Mapping[str, Any]
    run: Callable[[Context], None]
    files: Callable[[], Sequence[Path]] = tuple
    revisions: Callable[[], Sequence[str]] = tuple
    distributed: bool = False
    shared: bool = False
    apart: bool = False
    neutral: frozenset[str] = frozenset()
    continued: frozenset[str] = frozenset()
    state: tuple[str, ...] = ()


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


def reads(stage: Stage, run: Path) -> dict[str, Any]:
    """What the stage would read now: settings, outputs of the stages it needs, corpus files, datasets.

    A corpus file that is not on this machine, or a hub that cannot be asked, counts as unchanged if the
    stage is already done, so that a run can be moved without its corpus.
    """
    inputs = {}
    for name in stage.needs:
        record = read_record(run / name)
        inputs[name] = record["output"] if record else None
    files = _file_digests(stage, run)
    content = {"settings": stage.settings, "inputs": inputs, "files": files}
    if revisions := _revisions(stage, run):
        content["revisions"] = revisions
    return dict(json.loads(json.dumps(content)))  # as it is when it is read again


def fingerprint(read: Mapping[str, Any]) -> str:
    """One digest of what a stage reads."""
    return hashlib.sha256(json.dumps(read, sort_keys=True).encode()).hexdigest()


def _file_digests(stage: Stage, run: Path) -> list[str]:
    try:
        return [_digest_of(path, path.stat()) for path in stage.files()]
    except DataError:
        record = read_record(run / stage.name)
        if record is None:
            raise
        return list(record["files"])


def _revisions(stage: Stage, run: Path) -> list[str]:
    try:
        return list(stage.revisions())
    except OnepassError:
        record = read_record(run / stage.name)
        if record is None:
            raise
        return list(record.get("reads", {}).get("revisions", []))


def _digest_of(path: Path, found: os.stat_result) -> str:
    """Of a corpus file, read once: a run asks for it at each stage."""
    return _remembered(path, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


@lru_cache(maxsize=4096)
def _remembered(path: Path, *_: int) -> str:
    return file_sha256(path)


def output_files(directory: Path, without: Set[Path] = frozenset()) -> Iterator[Path]:
    """Every file of a finished stage but its measurements, its state and those `without` names."""
    left_out = {*without, directory / STATE, directory / DAMAGED}
    for path in sorted(directory.rglob("*")):
        kept = path.is_file() and path.name not in MEASUREMENTS and path.suffix != ".png"
        if kept and left_out.isdisjoint([path, *path.parents]):
            yield path


def output_digest(contents: Mapping[str, Mapping[str, Any]]) -> str:
    """One digest of all files of a finished stage, from what `contents.describe` says of `output_files`."""
    lines = [f"{name} {said['sha256']}" for name, said in contents.items()]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


class Redo(NamedTuple):
    """Why a stage is done, and how.

    Attributes:
        reasons: in words.
        goes_on: it starts from the state that it ended with.
    """

    reasons: Sequence[str]
    goes_on: bool = False


def why_redo(stage: Stage, run: Path) -> Redo | None:
    """Why the stage is to be done, or None where its output is there and what it read has not changed."""
    final = run / stage.name
    record = read_record(final)
    if record is None:
        return Redo(["it has not been done"])
    damage = (final / DAMAGED).read_text(encoding="utf-8").strip() if (final / DAMAGED).exists() else None
    now = reads(stage, run)
    if record["fingerprint"] == fingerprint(now):
        return None if damage is None else Redo([damage], goes_on=_has_state(stage, run))
    if "reads" not in record:
        return Redo([NOT_NOTED])
    found = that_matter(changes(record["reads"], now), stage.neutral)
    reasons = [*([damage] if damage else []), *(change.text for change in found)]
    if not reasons:
        return None
    return Redo(reasons, goes_on=can_go_on(found, stage.continued) and _has_state(stage, run))


def is_done(stage: Stage, run: Path) -> bool:
    """Whether the stage's output is there and what it read has not changed."""
    return why_redo(stage, run) is None


def _has_state(stage: Stage, run: Path) -> bool:
    return bool(stage.state) and (run / stage.name / STATE).is_dir()


def check_inputs(stage: Stage, run: Path) -> None:
    """Checks every file that the stage may read of earlier ones.

    Raises:
        DataError: one is damaged; its stage is marked, so that the next run does it again.
    """
    for name in stage.needs:
        record = read_record(run / name) or {}
        damage = find_damage(run / name, record.get("contents", {}))
        for path, problem in damage.items():
            mark_damaged(run / name, path, problem)
            raise DataError(
                f"A file is damaged: {problem}",
                where=path,
                fix=f"start again: the stage {name} is then done again",
            )


def mark_damaged(directory: Path, path: Path, problem: str) -> None:
    """Notes in a finished stage that a file of it is damaged."""
    write_text(directory / DAMAGED, f"{path.relative_to(directory)} is damaged: {problem}\n")


def partial_directory(stage: Stage, run: Path) -> Path:
    """Where the stage works."""
    return run / ".partial" / stage.name


def has_begun(stage: Stage, run: Path) -> bool:
    """Whether the stage's partial directory is one of what it would read now."""
    seen = _seen(partial_directory(stage, run))
    return seen is not None and _is_same(stage, seen, reads(stage, run))


def _is_same(stage: Stage, seen: _Seen, now: Mapping[str, Any]) -> bool:
    """Whether what was read is what would be read now, as far as it matters."""
    if seen.fingerprint == fingerprint(now):
        return True
    return seen.reads is not None and not that_matter(changes(seen.reads, now), stage.neutral)


def why_not_resumed(stage: Stage, run: Path) -> Redo | None:
    """Why an interrupted attempt is not gone on with as it is; None where it is, or where there is none."""
    seen = _seen(partial_directory(stage, run))
    if seen is None or any(read_record(run / name) is None for name in stage.needs):
        return None
    now = reads(stage, run)
    if _is_same(stage, seen, now):
        return None
    if seen.reads is None:
        return Redo([NOT_NOTED])
    found = that_matter(changes(seen.reads, now), stage.neutral)
    return Redo([change.text for change in found], goes_on=can_go_on(found, stage.continued))


class _Seen(NamedTuple):
    """What an attempt has read when it began."""

    fingerprint: str
    reads: dict[str, Any] | None


def _seen(partial: Path) -> _Seen | None:
    try:
        found = (partial / FINGERPRINT).read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    path = partial / READS
    read = json.loads(path.read_text(encoding="utf-8")) if path.exists() else None
    # A younger attempt has the one, of which the other is the digest.
    return _Seen(found, read if read is not None and fingerprint(read) == found else None)


def begin(stage: Stage, run: Path, *, old: Path | None = None) -> Path:
    """The partial directory of the stage.

    It holds an interrupted attempt at the same, or the state that a training goes on from, or nothing.

    Args:
        stage: which.
        run: the run directory.
        old: where an attempt at something else is moved to [the next `RUN/old-N`].
    """
    partial = partial_directory(stage, run)
    if has_begun(stage, run):
        return partial
    changed = why_not_resumed(stage, run)
    if _seen(partial) is None and not (partial / RECORD).exists():
        shutil.rmtree(partial, ignore_errors=True)
    elif changed is None or not changed.goes_on:
        keep_old(partial, old or next_old(run))
    if not partial.exists():
        partial.mkdir(parents=True)
        redo = why_redo(stage, run)
        if redo is not None and redo.goes_on:
            for path in (run / stage.name / STATE).iterdir():
                _link(path, partial / path.name)
    now = reads(stage, run)
    write_json(partial / READS, now)
    write_text(partial / FINGERPRINT, fingerprint(now))
    return partial


def _link(source: Path, to: Path) -> None:
    """A second name of a file that nobody changes in place, or a copy where there is no such thing."""
    try:
        os.link(source, to)
    except OSError:
        shutil.copy2(source, to)


def next_old(run: Path) -> Path:
    """The first `RUN/old-N` that is not there."""
    number = 1
    while (run / f"old-{number}").exists():
        number += 1
    return run / f"old-{number}"


def keep_old(directory: Path, old: Path) -> None:
    """Moves what makes way to `old`, under its name in the run; to the next one where that is taken."""
    run = old.parent
    name = directory.relative_to(run)
    while (old / name).exists():
        old = next_old(run)
    (old / name).parent.mkdir(parents=True, exist_ok=True)
    move(directory, old / name)


def finish_interrupted(stage: Stage, run: Path, *, scratch: Sequence[str]) -> None:
    """Finishes a stage that was stopped while it was being finished."""
    record = read_record(partial_directory(stage, run))
    if record is None:
        return
    if _is_same(stage, _Seen(record["fingerprint"], record.get("reads")), reads(stage, run)):
        finish(stage, run, seconds=record["seconds"], scratch=scratch)


def finish(
    stage: Stage, run: Path, *, seconds: float, scratch: Sequence[str], old: Path | None = None
) -> None:
    """Turns the partial directory into the finished one; stopped at any point, it can be called again.

    Args:
        stage: which.
        run: the run directory.
        seconds: it took, in this attempt.
        scratch: patterns of files that only an interrupted attempt needs.
        old: where the output before it is moved to [the next `RUN/old-N`].
    """
    partial, final = partial_directory(stage, run), run / stage.name
    needless = {path for pattern in (FINGERPRINT, READS, *scratch) for path in partial.glob(pattern)}
    if not (partial / RECORD).exists():
        sync_tree(partial)
        seen = _seen(partial)
        assert seen is not None
        contents = describe(partial, output_files(partial, without=needless))
        write_json(
            partial / RECORD,
            {
                "stage": stage.name,
                # As it was at the beginning: the corpus may have changed since.
                "fingerprint": seen.fingerprint,
                **({} if seen.reads is None else {"reads": seen.reads}),
                "output": output_digest(contents),
                "contents": contents,
                "files": _file_digests(stage, run),
                "seconds": round(seconds, 1),
                "onepass": __version__,
                "finished": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            },
        )
    for path in [path for pattern in stage.state for path in partial.glob(pattern)]:
        (partial / STATE).mkdir(exist_ok=True)
        move(path, partial / STATE / path.name)
        needless.discard(path)
    for path in needless:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    if final.exists():
        keep_old(final, old or next_old(run))
    move(partial, final)
