"""Helping with the shards of a stage: further processes beside a run, or an array of jobs before it.

Helpers work while a run leads the stage. A job of an array needs nobody: it makes its share of the shards,
and the run that comes later finds them.
"""

from __future__ import annotations

import json
import re
import time
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from onepass.display import Display
from onepass.errors import UsageError
from onepass.pipeline.crew import POLL_SECONDS, Claim, Crew, helping
from onepass.pipeline.inventory import finished_stages, recorded_recipe
from onepass.pipeline.plan import plan
from onepass.pipeline.run import LEAD
from onepass.pipeline.stage import (
    READS,
    Context,
    Stage,
    begin,
    has_begun,
    partial_directory,
    read_record,
)
from onepass.recipe import Recipe
from onepass.runtime.cores import available_cores


def work(run: Path, name: str, *, share: str | None, cores: int | None, display: Display) -> None:
    """Makes shards of a stage until there are none left.

    Args:
        run: the run directory.
        name: of the stage.
        share: `i/n`: the shards i, i + n, i + 2n ... alone, without a run that leads.
        cores: that this process may use [all].
        display: of progress.

    Raises:
        UsageError: the stage has no shards, or none that can be made alone, or the run has other settings.
        DataError: a stage that it needs is not finished.
    """
    recipe = recorded_recipe(run)
    stages = {stage.name: stage for stage in plan(recipe) if stage.shared}
    if name not in stages:
        raise UsageError(
            "There is no such stage with shards", where="--stage", value=name, allowed=", ".join(stages)
        )
    stage, own = stages[name], available_cores() if cores is None else cores
    if share is not None:
        crew = Crew(leads=False, share=_parse_share(share), cores=own)
        if not stage.apart:
            raise UsageError(
                "The shards of this stage need each other",
                where="--shard",
                allowed=", ".join(other.name for other in stages.values() if other.apart),
                fix="leave --shard out: helpers and the run then share the work",
            )
        _begin(stage, run)
    else:
        lead = Claim(partial_directory(stage, run) / LEAD)
        crew = Crew(leads=False, cores=own, is_over=lambda: not lead.is_held())
        if not _wait_for_lead(stage, run, lead, display):
            display.say(f"{name}: is finished")
            return
    _help(stage, recipe, run, crew, display)
    display.say(f"{name}: {'the share is made' if share else 'nothing is left to help with'}")


def _parse_share(share: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d+)/(\d+)", share)
    number, of = (int(found[1]), int(found[2])) if found else (0, 0)
    if number >= of:
        raise UsageError("This is no share", where="--shard", value=share, allowed="0/N to N-1/N")
    return number, of


def _begin(stage: Stage, run: Path) -> None:
    """Makes the partial directory; of several processes that would, one does."""
    finished_stages(run, stage.needs)
    if read_record(run / stage.name) is not None:
        raise UsageError("This stage is finished", where=run / stage.name)
    (run / ".partial").mkdir(exist_ok=True)
    claim = Claim(run / ".partial" / f"{stage.name}.begin")
    while not has_begun(stage, run):
        if not claim.take():
            time.sleep(POLL_SECONDS)
            continue
        with claim.kept():
            if not has_begun(stage, run):
                begin(stage, run)


def _wait_for_lead(stage: Stage, run: Path, lead: Claim, display: Display) -> bool:
    """Waits until a run leads the stage; False where it is finished."""
    said = False
    while not lead.is_held():
        if read_record(run / stage.name) is not None:
            return False
        if not said:
            display.say(f"{stage.name}: waits for the run to come to it")
        said = True
        time.sleep(POLL_SECONDS)
    with suppress(FileNotFoundError):
        read = json.loads((partial_directory(stage, run) / READS).read_text(encoding="utf-8"))
        if read["settings"] != json.loads(json.dumps(stage.settings)):
            raise UsageError(
                "The run has other settings or another version", where=run, fix="start both with the same one"
            )
    return True


def _help(stage: Stage, recipe: Recipe, run: Path, crew: Crew, display: Display) -> None:
    with display.stage(stage.name) as progress, helping(partial_directory(stage, run)):
        stage.run(
            Context(
                recipe=recipe,
                directory=partial_directory(stage, run),
                inputs={name: run / name for name in stage.needs},
                log=_not_a_helpers,
                rewind=_not_a_helpers,
                progress=progress,
                say=display.say,
                command="",
                crew=crew,
            )
        )


def _not_a_helpers(*_: object) -> NoReturn:
    raise AssertionError("only the run that leads keeps records")
