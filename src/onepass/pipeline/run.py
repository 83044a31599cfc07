"""Running a recipe: stage after stage, skipping what is done, going on where it was stopped."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from onepass.display import Display
from onepass.errors import UsageError
from onepass.files import write_text
from onepass.pipeline.plan import SCRATCH, plan
from onepass.pipeline.records import append_record, drop_records
from onepass.pipeline.stage import (
    Context,
    Stage,
    begin,
    finish,
    finish_interrupted,
    has_begun,
    is_done,
    partial_directory,
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
    with _only_one(run) if main else nullcontext():
        if main:
            write_text(run / "recipe.json", recipe.to_json())
        for i, stage in enumerate(stages[: last + 1]):
            again = i >= first
            if main:
                finish_interrupted(stage, run, scratch=SCRATCH)
            if not again and is_done(stage, run):
                display.skipped(stage.name)
                continue
            if main or stage.distributed:
                _run_stage(stage, recipe, run, display, command, main=main, again=again)
            else:
                _wait_for(stage, run)


def _run_stage(
    stage: Stage, recipe: Recipe, run: Path, display: Display, command: str, *, main: bool, again: bool
) -> None:
    started = time.monotonic()
    if main:
        directory = begin(stage, run)
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
        )
        stage.run(context)
    if main:
        finish(stage, run, seconds=time.monotonic() - started, scratch=SCRATCH)
        display.done(stage.name, time.monotonic() - started)
    else:
        _wait_for(stage, run)


def _wait_for(stage: Stage, run: Path) -> None:
    """Until the first process has finished the stage."""
    while not is_done(stage, run):
        time.sleep(POLL_SECONDS)


@contextmanager
def _only_one(run: Path) -> Iterator[None]:
    """Holds the run directory; the lock ends with the process, however it ends."""
    try:
        import fcntl
    except ImportError:  # no such locks on this platform
        yield
        return
    with open(run / ".lock", "w", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise UsageError(
                "Another process is at work in this run directory",
                where=run,
                fix="wait for it, or choose another directory with --to",
            ) from None
        yield
