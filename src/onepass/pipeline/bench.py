"""Measuring again, on any text: the systems of a finished run, or exported bundles."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from onepass.bundle import MANIFEST
from onepass.display import Display
from onepass.errors import UsageError
from onepass.pipeline.evaluation import evaluate_systems
from onepass.pipeline.inventory import evaluated_stages, finished_stages, recorded_recipe
from onepass.pipeline.league import bench_bundles
from onepass.pipeline.stage import Context
from onepass.recipe import problems, set_value, with_overrides
from onepass.runtime.shipped import find_model
from onepass.settings import EvaluateSettings
from onepass.text.lines import read_lines, read_parallel


def bench_bundles_or_run(
    models: Sequence[str],
    src: Path | None,
    ref: Path | None,
    to: Path | None,
    overrides: Sequence[str],
    display: Display,
    *,
    command: str,
) -> Path:
    """What `onepass bench` does: `bench_run` for a run directory, `bench_bundles` for anything else.

    Raises:
        UsageError: a run beside other models, bundles without a text, or a change that would be ignored.
    """
    if (Path(models[0]) / "recipe.json").exists() and len(models) == 1:
        run = Path(models[0])
        return bench_run(run, src, ref, to or run / "bench", overrides, display, command=command)
    bundles = [find_model(model) for model in models]
    for path in bundles:
        if not (path / MANIFEST).exists():
            raise UsageError(
                "This is not a run directory",
                where=path,
                allowed="one run directory, or exported bundles and shipped models",
            )
    if src is None:
        raise UsageError(
            "Bundles have no test set of their own", where="--src", fix="give a text to translate"
        )
    settings = _evaluate_settings(overrides)
    return bench_bundles(bundles, src, ref, to or Path("bench"), settings, display, command=command)


def _evaluate_settings(overrides: Sequence[str]) -> EvaluateSettings:
    _check(overrides)
    table: dict[str, Any] = {}
    for assignment in overrides:
        set_value(table, assignment)
    try:
        return EvaluateSettings.model_validate_json(json.dumps(table.get("evaluate", {})))
    except ValidationError as error:
        raise UsageError(
            f"The settings cannot be used: {problems(error, 'evaluate')}", where="--set"
        ) from None


def _check(overrides: Sequence[str]) -> None:
    for assignment in overrides:
        if not assignment.strip().startswith("evaluate."):
            raise UsageError(
                "The models are trained; only how they are measured can be changed",
                where="--set",
                value=assignment,
                allowed="evaluate.KEY=VALUE",
            )


def bench_run(
    run: Path,
    src: Path | None,
    ref: Path | None,
    to: Path,
    overrides: Sequence[str],
    display: Display,
    *,
    command: str,
) -> Path:
    """Quality and speed of every system of a run; returns the directory with the results.

    Args:
        run: a run directory with the teacher, if it has one, and all students trained.
        src, ref: text files; both or neither (then the run's test set).
        to: where results and figures go.
        overrides: changes of the recipe, `evaluate.rounds=5`.
        display: for the progress bar.
        command: what the user typed.

    Raises:
        UsageError: one of src and ref without the other, a change that would be ignored, or the run
            has no recipe.
        DataError: a stage of the run is missing, a file cannot be read, or both are not of one length.
    """
    if (src is None) != (ref is None):
        raise UsageError(
            "Sources and references go together", where="--src, --ref", fix="give both or neither"
        )
    _check(overrides)
    recipe = with_overrides(recorded_recipe(run), overrides, where="--set")
    inputs = finished_stages(run, evaluated_stages(recipe))
    if src is not None and ref is not None:
        texts = read_parallel(src, ref)
    else:
        test = inputs["prepare"] / "test"
        texts = read_lines(test.with_suffix(".src")), read_lines(test.with_suffix(".tgt"))
    to.mkdir(parents=True, exist_ok=True)
    with display.stage("bench") as progress:
        context = Context(
            recipe, to, inputs, lambda record: None, lambda update: None, progress, display.say, command
        )
        evaluate_systems(context, *texts)
    return to
