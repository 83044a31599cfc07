"""Measuring the systems of a finished run again, on any text."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from onepass.errors import UsageError
from onepass.pipeline.display import Display
from onepass.pipeline.evaluation import evaluate_systems
from onepass.pipeline.finished import finished_stages, recorded_recipe
from onepass.pipeline.lines import read_lines
from onepass.pipeline.stage import Context
from onepass.pipeline.stages import evaluated_stages
from onepass.recipe import with_overrides
from onepass.text.lines import read_parallel


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
    for assignment in overrides:
        if not assignment.strip().startswith("evaluate."):
            raise UsageError(
                "The models are trained; only how they are measured can be changed",
                where="--set",
                value=assignment,
                allowed="evaluate.KEY=VALUE",
            )
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
