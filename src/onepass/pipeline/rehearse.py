"""A stage on a few lines, in a process of its own: what `pipeline.rehearsal` starts to see what it takes.

    python -m onepass.pipeline.rehearse DIR STAGE SECONDS CLOCK

DIR has two runs, `small` and `large`, in which all earlier stages are done; what was measured is written
beside them. CLOCK is `wall`, or `cpu` for CPU seconds, which do not depend on what else the machine does.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from onepass.display import Report
from onepass.files import write_json
from onepass.pipeline.inventory import OnePassModel, one_pass_models, recorded_recipe
from onepass.pipeline.plan import EXERCISES, plan
from onepass.pipeline.stage import Context, Stage
from onepass.recipe import Recipe
from onepass.settings import TrainingSettings

SMALL, LARGE = "small", "large"
FEW = "few"
"""In a run: what `prepare` has made, cut to the lines that a teacher translates."""
EXTREMES = "extremes"
"""The same, of the shortest and the longest lines: their batches hold the most, and few lines have none.
Where translations are there already, with more of dev, which the teacher translates even then."""
FEWEST_UPDATES, MOST_UPDATES = 2, 40
TOO_LONG = 1.5
"""Times the seconds that were granted, after which a small part must do."""
Clock = Callable[[], float]
Log = Callable[[dict[str, Any]], None]


def _cpu() -> float:
    """Of this process, and of those that it has waited for."""
    return sum(os.times()[:4])


CLOCKS: Mapping[str, Clock] = {"wall": time.perf_counter, "cpu": _cpu}


def record_path(folder: Path, stage: str) -> Path:
    """Where the measurements of a stage are written."""
    return folder / f"{stage}.json"


def rehearse(folder: Path, name: str, seconds: float, clock: Clock) -> None:
    """Does the stage of that name and writes what it took.

    Args:
        folder: has both runs.
        name: of the stage.
        seconds: that it may take; what is cut off is estimated from less.
        clock: that everything is measured with.
    """
    began, wall = clock(), time.perf_counter()
    recipe = recorded_recipe(folder / LARGE)
    [stage] = [stage for stage in plan(recipe) if stage.name == name]
    if stage.distributed:
        found = _training(folder, recipe, stage, seconds, clock)
    elif stage.shared or name == EXERCISES:
        found = (
            _evaluation(folder, stage, clock) if name == "evaluate" else _texts(folder, stage, seconds, clock)
        )
    else:  # a teacher that is read: its size has nothing to do with the corpus
        found = {"seconds": [_timed(folder / LARGE, stage, clock)]}
    share = (clock() - began) / (time.perf_counter() - wall)
    write_json(record_path(folder, name), {**found, "share": share, "memory": _peak()})


def _texts(folder: Path, stage: Stage, seconds: float, clock: Clock) -> dict[str, Any]:
    """Seconds of the small run, which begins with imports, of the same again, and of the large run."""
    found = [_timed(folder / SMALL, stage, clock) for _ in range(2)]
    memory = _peak()
    translates = stage.apart or not stage.shared
    if found[1] < TOO_LONG * seconds or not translates:
        found.append(_timed(folder / LARGE, stage, clock))
    if stage.apart and (folder / LARGE / EXTREMES).exists():
        extremes = _timed(folder / LARGE, stage, clock, prepared=EXTREMES)
        return {"seconds": found, "memory_of_small": memory, "extremes": extremes}
    return {"seconds": found, "memory_of_small": memory}


def _evaluation(folder: Path, stage: Stage, clock: Clock) -> dict[str, Any]:
    """Seconds of the large run, and those in which the systems translated the test set."""
    told: list[float] = []

    def progress(done: int, total: int, text: str) -> None:
        if text == "sentences":
            told.append(clock())

    seconds = _timed(folder / LARGE, stage, clock, progress)
    return {"seconds": [seconds], "translating": told[-1] - told[0] if told else 0.0}


def _peak() -> int | None:
    from onepass.pipeline.peak_memory import peak_bytes

    return peak_bytes()


def _timed(
    run: Path,
    stage: Stage,
    clock: Clock,
    progress: Report = lambda done, total, text: None,
    *,
    prepared: str = FEW,
) -> float:
    recipe = recorded_recipe(run)
    [own] = [other for other in plan(recipe) if other.name == stage.name]
    began = clock()
    own.run(replace(context_of(run, recipe, own, prepared=prepared), progress=progress))
    return clock() - began


def context_of(
    run: Path, recipe: Recipe, stage: Stage, log: Log = lambda record: None, *, prepared: str = FEW
) -> Context:
    """That of a stage which starts anew.

    Args:
        run: the run directory.
        recipe: of the run.
        stage: is done.
        log: gets the records of a training.
        prepared: where the texts lie that a teacher translates.
    """
    directory = run / (stage.name if prepared == FEW else f"{stage.name}-{prepared}")
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir()
    inputs = {name: run / name for name in stage.needs}
    if (run / prepared).exists() and stage.apart:
        inputs["prepare"] = run / prepared
    return Context(
        recipe=recipe,
        directory=directory,
        inputs=inputs,
        log=log,
        rewind=lambda update: None,
        progress=lambda done, total, text: None,
        say=lambda line: None,
        command="",
    )


# --- trainings ---------------------------------------------------------------


def _training(folder: Path, recipe: Recipe, stage: Stage, seconds: float, clock: Clock) -> dict[str, Any]:
    """Two trainings: one of two updates tells how many the second one may have.

    `cold` is the time of the first one, with imports, a validation and its checkpoint; `update` that of an
    update, `validation` that of a validation with all that is written then.
    """
    cold = _train(folder / LARGE, recipe, stage, FEWEST_UPDATES, clock)
    first = cold.update or 1e-3
    updates = int(min(max(seconds / first, FEWEST_UPDATES), MOST_UPDATES))
    again = cold if TOO_LONG * seconds < cold.all else _train(folder / LARGE, recipe, stage, updates, clock)
    record = json.loads((folder / LARGE / stage.name / "training.json").read_text(encoding="utf-8"))
    return {
        "cold": cold.all,
        "update": again.update,
        "validation": again.validation,
        "parameters": record["parameters"],
    }


class _Times:
    """When a training began, made its updates, and ended."""

    def __init__(self, clock: Clock) -> None:
        self.clock, self.began = clock, clock()
        self.updates: list[float] = []
        self.end = 0.0

    def log(self, record: dict[str, Any]) -> None:
        if "tokens_per_second" in record:
            self.updates.append(self.clock())

    @property
    def all(self) -> float:
        return self.end - self.began

    @property
    def update(self) -> float:
        """Of an update but the first one, which compiles and allocates."""
        if len(self.updates) < FEWEST_UPDATES:
            return 0.0
        return (self.updates[-1] - self.updates[0]) / (len(self.updates) - 1)

    @property
    def validation(self) -> float:
        """What follows the last update."""
        return self.end - (self.updates[-1] if self.updates else self.began)


def _train(run: Path, recipe: Recipe, stage: Stage, updates: int, clock: Clock) -> _Times:
    times = _Times(clock)
    context = context_of(run, recipe, stage, times.log)
    with _unguarded():
        _trainer(recipe, stage, updates)(context)
    times.end = clock()
    return times


@contextmanager
def _unguarded() -> Iterator[None]:
    """Fertilities of a student that has learnt nothing run wherever they like."""
    from onepass.objectives.finetune import CollapseGuard

    observe = CollapseGuard.observe
    guard: Any = CollapseGuard
    guard.observe = lambda self, fertility_mean: None
    try:
        yield
    finally:
        guard.observe = observe


def _trainer(recipe: Recipe, stage: Stage, updates: int) -> Callable[[Context], None]:
    """What the stage does, with so many updates."""
    from onepass.pipeline import train

    models: Mapping[str, OnePassModel] = one_pass_models(recipe)
    if stage.name not in models:
        teacher = recipe.teacher
        short = teacher.model_copy(update={"training": _shortened(teacher.training, updates)})
        own = recipe.model_copy(update={"teacher": short})
        reverse = stage.name != "teacher"
        return lambda context: train.teach(replace(context, recipe=own), reverse=reverse)
    model = models[stage.name]
    settings = model.settings
    if model.base is None:
        changed = {"training": _shortened(settings.training, updates)}
        chosen = replace(model, settings=settings.model_copy(update=changed))
        return lambda context: train.learn(context, chosen)
    assert settings.finetune is not None
    tuned = settings.finetune.model_copy(update={"training": _shortened(model.training, updates)})
    chosen = replace(model, settings=settings.model_copy(update={"finetune": tuned}))
    return lambda context: train.finetune(context, chosen)


def _shortened(settings: TrainingSettings, updates: int) -> TrainingSettings:
    """With one validation, at the end."""
    own = {"max_updates": updates, "validate_every": updates, "accumulate": 1, "tensorboard": False}
    return settings.model_copy(update=own)


def _end_with_the_source() -> None:
    """Makes a teacher that has learnt nothing, and never ends a sentence, write as much as it reads."""
    from onepass.decoding import autoregressive

    vars(autoregressive)["length_cap"] = lambda src_lengths: src_lengths


if __name__ == "__main__":
    _folder, _name, _seconds = Path(sys.argv[1]), sys.argv[2], float(sys.argv[3])
    if not recorded_recipe(_folder / LARGE).teacher.is_read:
        _end_with_the_source()
    rehearse(_folder, _name, _seconds, CLOCKS[sys.argv[4]])
