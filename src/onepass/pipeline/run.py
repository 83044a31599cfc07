"""Running a recipe: stage after stage, skipping what is done, going on where it was stopped."""

from __future__ import annotations

import errno
import json
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from onepass.display import Display
from onepass.errors import UsageError
from onepass.files import naming_full_disk, sync, write_text
from onepass.pipeline.crew import Claim, Crew, helping
from onepass.pipeline.freed_memory import return_freed_memory
from onepass.pipeline.meeting import said_once, together
from onepass.pipeline.plan import SCRATCH, plan
from onepass.pipeline.processes import Team
from onepass.pipeline.records import append_record, drop_records
from onepass.pipeline.stage import (
    Context,
    Redo,
    Stage,
    begin,
    check_inputs,
    finish,
    finish_interrupted,
    is_done,
    next_old,
    partial_directory,
    read_record,
    why_not_resumed,
    why_redo,
)
from onepass.recipe import Recipe
from onepass.runtime.cores import available_cores

LEAD = "lead.claim"
"""In the partial directory of a stage with shards, while somebody leads it."""


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

    Of several processes the first one does this. The others take part in the trainings and in shards.

    Raises:
        UsageError: an unknown stage, no stage to do, another process is at work in this run directory, or
            processes that were started together do not belong together.
    """
    with said_once():
        chosen, first = _chosen(plan(recipe), until, start)
        try:
            run.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(
                f"This cannot be a run directory: {error.strerror}", where=run, fix="choose another with --to"
            ) from None
    same = json.dumps([first, *([stage.name, stage.settings] for stage in chosen)], sort_keys=True)
    with together(run, same) as team:
        if not team.here.is_main:
            _take_part(chosen, _Run(recipe, run, Display(quiet=True), command, team))
        with _only_one(run, display):
            old = next_old(run)
            write_text(run / "recipe.json", recipe.to_json())
            for stage in chosen:
                finish_interrupted(stage, run, scratch=SCRATCH)
            for line in announce(chosen, run, first=first, old=old):
                display.say(line)
            _lead(chosen, first, old, _Run(recipe, run, display, command, team))


class _Chosen(NamedTuple):
    """The stages to run, and the number of the first that is done again whether it must be or not."""

    stages: Sequence[Stage]
    first: int


def _chosen(stages: Sequence[Stage], until: str | None, start: str | None) -> _Chosen:
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
    return _Chosen(stages[: last + 1], first)


@dataclass(frozen=True)
class _Run:
    """What all stages of a run share."""

    recipe: Recipe
    directory: Path
    display: Display
    command: str
    team: Team


def _lead(stages: Sequence[Stage], first: int, old: Path, job: _Run) -> None:
    """Decides about each stage, tells the other processes, and does it."""
    run, display = job.directory, job.display
    for i, stage in enumerate(stages):
        job.team.stage = stage.name
        if i < first and is_done(stage, run):
            display.skipped(stage.name)
            continue
        started = time.monotonic()
        check_inputs(stage, run)
        directory = begin(stage, run, old=old)
        with leading(directory) if stage.shared else nullcontext():
            if stage.distributed or stage.shared:
                job.team.tell({"stage": i})
            _do(stage, directory, job)
        with naming_full_disk(directory):
            finish(stage, run, seconds=time.monotonic() - started, scratch=SCRATCH, old=old)
        display.done(stage.name, time.monotonic() - started)


def _take_part(stages: Sequence[Stage], job: _Run) -> NoReturn:
    """Does its part of each stage that the first process names. Raises SystemExit where that has ended."""
    while True:
        stage = stages[job.team.hear()["stage"]]
        job.team.stage = stage.name
        directory = partial_directory(stage, job.directory)
        with helping(directory) if stage.shared else nullcontext():
            _do(stage, directory, job)


def leading(directory: Path) -> AbstractContextManager[None]:
    """Shows those who would help with a stage that it is led, while this is entered."""
    claim = Claim(directory / LEAD)
    claim.seize()
    return claim.kept()


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


def _do(stage: Stage, directory: Path, job: _Run) -> None:
    """Does a stage, or this process's part of it; only the first process writes records."""
    main, metrics = job.team.here.is_main, job.directory / "metrics.jsonl"

    def log(record: dict[str, Any]) -> None:
        if main:
            append_record(metrics, {"stage": stage.name, **record})

    def sync_log() -> None:
        if main and metrics.exists():
            sync(metrics)

    def rewind(update: int) -> None:
        if main:
            drop_records(metrics, lambda r: r.get("stage") == stage.name and r.get("update", 0) > update)

    with job.display.stage(stage.name) as progress, naming_full_disk(directory):
        context = Context(
            recipe=job.recipe,
            directory=directory,
            inputs={name: job.directory / name for name in stage.needs},
            log=log,
            rewind=rewind,
            progress=progress,
            say=job.display.say,
            command=job.command,
            sync=sync_log,
            crew=_crew(job.team, directory),
        )
        stage.run(context)
    return_freed_memory()


def _crew(team: Team, directory: Path) -> Crew:
    """This process's part in the shards of a stage, which is finished when nobody leads it any more."""
    return Crew(
        leads=team.here.is_main,
        cores=max(1, available_cores() // team.here.local_count),
        is_over=lambda: team.waits_for_end(0.0) or not (directory / LEAD).exists(),
    )


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
