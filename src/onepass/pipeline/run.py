"""Running a recipe: stage after stage, skipping what is done, going on where it was stopped."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from onepass.display import Display
from onepass.errors import UsageError
from onepass.files import naming_full_disk, sync, write_text
from onepass.pipeline.plan import SCRATCH, plan
from onepass.pipeline.records import append_record, drop_records
from onepass.pipeline.stage import (
    Context,
    Redo,
    Stage,
    begin,
    check_inputs,
    finish,
    finish_interrupted,
    has_begun,
    is_done,
    next_old,
    partial_directory,
    read_record,
    why_not_resumed,
    why_redo,
)
from onepass.recipe import Recipe

POLL_SECONDS = 0.2


def is_main_process() -> bool:
    """Whether this is the first of the processes that a launcher has started, or the only one.

    The others take part in the trainings alone. Until the first one has files for them, they wait.
    """
    return int(os.environ.get("RANK", "0")) == 0


def run_recipe(
    recipe: Recipe,
    run: Path,
    *,
    until: str | None = None,
    start: str | None = None,
    display: Display,
    command: str,
) -> None:
    """Runs the stages of a recipe in a run directory.

    Args:
        recipe: resolved.
        run: the run directory; created if missing.
        until: the last stage to run.
        start: do this stage and all after it again, whatever their fingerprints say.
        display: progress bars and lines for the user.
        command: what the user typed, for the results.

    Raises:
        UsageError: an unknown stage, no stage to do, or another process is at work in this run directory.
    """
    stages = plan(recipe)
    names = [stage.name for stage in stages]
    for option, name in (("--until", until), ("--from", start)):
        if name is not None and name not in names:
            raise UsageError("There is no such stage", where=option, value=name, allowed=", ".join(names))
    last = names.index(until) if until else len(names) - 1
    first = names.index(start) if start else len(names)
    if start and first > last:
        raise UsageError(
            "There is nothing to do: the first stage comes after the last",
            where="--from, --until",
            value=f"{start}, {until}",
        )
    try:
        run.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"This cannot be a run directory: {error.strerror}", where=run, fix="choose another with --to"
        ) from None
    main = is_main_process()
    display = display if main else Display(quiet=True)
    with _only_one(run, display) if main else nullcontext():
        old = next_old(run)
        if main:
            write_text(run / "recipe.json", recipe.to_json())
            for stage in stages[: last + 1]:
                finish_interrupted(stage, run, scratch=SCRATCH)
            for line in announce(stages[: last + 1], run, first=first, old=old):
                display.say(line)
        for i, stage in enumerate(stages[: last + 1]):
            again = i >= first
            if not again and is_done(stage, run):
                display.skipped(stage.name)
                continue
            if main or stage.distributed:
                _run_stage(stage, recipe, run, display, command, main=main, again=again, old=old)
            else:
                _wait_for(stage, run)


def announce(stages: Sequence[Stage], run: Path, *, first: int, old: Path) -> list[str]:
    """What of a run will be done again, and why: a line for each stage, and one for those that read it.

    Args:
        stages: those to run, in order.
        run: the run directory.
        first: the number of the first that is done again because the user asked for it.
        old: where the run keeps what makes way.
    """
    lines: list[str] = []
    changing: set[str] = set()
    following: list[str] = []
    for i, stage in enumerate(stages):
        attempt = why_not_resumed(stage, run)
        if attempt is not None:
            how = "trains on" if attempt.goes_on else "starts anew"
            lines.append(f"{stage.name}, which was stopped, {how}: {'; '.join(attempt.reasons)}")
        if read_record(run / stage.name) is None:
            changing.add(stage.name)
            continue
        redo = Redo(["--from asks for it"]) if i >= first else why_redo(stage, run)
        if redo is not None:
            how = "trains on" if redo.goes_on else "is done again"
            lines.append(f"{stage.name} {how}: {'; '.join(redo.reasons)}")
            changing.add(stage.name)
        elif {*changing, *following} & set(stage.needs):
            following.append(stage.name)
    if following:
        lines.append(f"{', '.join(following)}: done again if what they read comes out otherwise")
    if lines:
        lines.append(f"what makes way is kept in {old}")
    return lines


def _run_stage(
    stage: Stage,
    recipe: Recipe,
    run: Path,
    display: Display,
    command: str,
    *,
    main: bool,
    again: bool,
    old: Path,
) -> None:
    started = time.monotonic()
    if main:
        check_inputs(stage, run)
        directory = begin(stage, run, old=old)
    else:
        directory = partial_directory(stage, run)
        while not has_begun(stage, run):
            if not again and is_done(stage, run):  # the first process had only to finish it
                return
            time.sleep(POLL_SECONDS)

    metrics = run / "metrics.jsonl"

    def log(record: dict[str, Any]) -> None:
        if main:
            append_record(metrics, {"stage": stage.name, **record})

    def sync_log() -> None:
        if main and metrics.exists():
            sync(metrics)

    def rewind(update: int) -> None:
        if main:
            drop_records(metrics, lambda r: r.get("stage") == stage.name and r.get("update", 0) > update)

    with display.stage(stage.name) as progress:
        context = Context(
            recipe=recipe,
            directory=directory,
            inputs={name: run / name for name in stage.needs},
            log=log,
            rewind=rewind,
            progress=progress,
            say=display.say,
            command=command,
            sync=sync_log,
        )
        with naming_full_disk(directory):
            stage.run(context)
    if main:
        with naming_full_disk(directory):
            finish(stage, run, seconds=time.monotonic() - started, scratch=SCRATCH, old=old)
        display.done(stage.name, time.monotonic() - started)
    else:
        _wait_for(stage, run)


def _wait_for(stage: Stage, run: Path) -> None:
    """Until the first process has finished the stage."""
    while not is_done(stage, run):
        time.sleep(POLL_SECONDS)


@contextmanager
def _only_one(run: Path, display: Display) -> Iterator[None]:
    """Holds the run directory; the lock ends with the process, however it ends."""
    try:
        import fcntl
    except ImportError:  # no such locks on this platform
        yield
        return
    with open(run / ".lock", "w", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP):
                raise UsageError(
                    "Another process is at work in this run directory",
                    where=run,
                    fix="wait for it, or choose another directory with --to",
                ) from None
            display.say(f"{run}: this file system has no locks; start one run at a time in it")
        yield
