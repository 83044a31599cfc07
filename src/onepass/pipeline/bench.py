"""Measuring again, on any text: the systems of a finished run, or exported bundles."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from onepass.bundle import MANIFEST, WEIGHTS, Bundle
from onepass.display import Display
from onepass.errors import UsageError
from onepass.evaluation.league import League, measure_league
from onepass.evaluation.rivals import in_bergamot, in_firefox, rival_system
from onepass.evaluation.systems import Competitor, TrainedModel, in_ctranslate2, in_onnx_runtime, in_torch
from onepass.families import FAMILIES
from onepass.pipeline.evaluate import evaluate_systems, write_results
from onepass.pipeline.inventory import evaluated_stages, finished_stages, recorded_recipe
from onepass.pipeline.stage import Context
from onepass.recipe import problems, set_value, with_overrides
from onepass.runtime.shipped import find_model
from onepass.runtime.translator import CANDIDATES, has_corrections, precisions
from onepass.settings import EvaluateSettings
from onepass.teachers.find import PAIR, find_teacher
from onepass.text.lines import numbered_lines, read_lines, read_parallel

NUMBERS = (1, 4, 10)
"""Of candidates, a row each where a bundle has them."""
CORRECTED = (3, 50)
"""Numbers of corrections, a row each; with 50 nearly all translations are the teacher's own."""
SEED = 1
"""Of the bootstrap, where no recipe says one."""


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
    rivals = [rival for model in models if (rival := _rival(model)) is not None]
    bundles = [find_model(model) for model in models if _rival_engine(model) is None]
    if not bundles:
        raise UsageError("There is no bundle to compare rivals with", value=models, fix="name one, too")
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
    return bench_bundles(
        bundles, src, ref, to or Path("bench"), settings, display, command=command, others=rivals
    )


RIVALS = {"fxtranslate": in_firefox, "bergamot": in_bergamot}
"""Engines of other projects, by what stands before the colon of `fxtranslate:TEACHER`."""


def _rival_engine(model: str) -> str | None:
    engine = model.partition(":")[0]
    return engine if ":" in model and engine in RIVALS and not Path(model).exists() else None


def _rival(model: str) -> Competitor | None:
    """A row for `fxtranslate:TEACHER` or `bergamot:TEACHER`; None for a bundle."""
    engine = _rival_engine(model)
    if engine is None:
        return None
    name = model.partition(":")[2]
    is_pair = PAIR.fullmatch(name) is not None and not Path(name).exists()
    files = find_teacher(f"fxtranslate:{name}" if is_pair else name)
    weights = name if ":" in name else Path(name).name
    return RIVALS[engine](f"{weights} in {engine}", weights, files)


def rival_named(model: str) -> Callable[[Sequence[str]], list[str]] | None:
    """The engine of `fxtranslate:TEACHER` or `bergamot:TEACHER` on one thread; None for anything else."""
    row = _rival(model)
    if row is None:
        return None
    return rival_system(**{**row.arguments, **row.variants[0], "threads": 1})


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
        own = src is None and not recipe.data.test
        evaluate_systems(context, *texts, references="teacher" if own else "people")
    return to


def bench_bundles(
    bundles: Sequence[Path],
    src: Path,
    ref: Path | None,
    to: Path,
    settings: EvaluateSettings,
    display: Display,
    *,
    command: str,
    others: Sequence[Competitor] = (),
) -> Path:
    """Quality and speed of bundles, exported or for training; returns the directory with the results.

    Every graph of an exported student is a system, and every model that writes word by word two, greedy and
    beam search, in CTranslate2 at its fastest setting. A row is called after its bundle's directory.

    Args:
        bundles: their directories, all with one pair of languages.
        src: text to translate.
        ref: its translations, for the quality.
        to: where results and figures go.
        settings: how to measure.
        display: for the progress bar.
        command: what the user typed.
        others: rows that no bundle has.

    Raises:
        ModelError: there is no bundle, or it is damaged.
        UsageError: two rows have one name.
        DataError: a file cannot be read, or both are not of one length.
    """
    opened = [Bundle.open(path) for path in bundles]
    rows = [*others, *(row for bundle in opened for row in _rows(bundle, settings))]
    names = [row.name for row in rows]
    if len(set(names)) < len(names):
        raise UsageError("Two systems have one name", value=names, fix="rename a bundle's directory")
    texts, references = [line.text for line in numbered_lines(src)], None
    if ref is not None:
        texts, references = read_parallel(src, ref)
    to.mkdir(parents=True, exist_ok=True)
    rivals = [row for row in rows if row.traits.role == "rival"]
    with display.stage("bench") as progress:
        measured = measure_league(
            League(
                competitors=rows,
                src=texts,
                ref=references,
                tokenizer=opened[0].tokenizer(),
                settings=settings,
                seed=SEED,
                directory=to,
                progress=progress,
                baseline=next((row for row in rivals if row.traits.search == "beam"), None),
                rivals=rivals,
                length_of="source",
                language=opened[0].tgt,
            )
        )
    results = {
        "name": " and ".join(dict.fromkeys(bundle.directory.name for bundle in opened)),
        "command": command,
        "seed": SEED,
        "src": opened[0].src,
        "tgt": opened[0].tgt,
        **measured,
    }
    write_results(results, to)
    return to


def _rows(bundle: Bundle, settings: EvaluateSettings) -> list[Competitor]:
    model, name, beam = _model(bundle), bundle.directory.name, settings.beam_size
    if "model.bin" in bundle.files:
        return [
            in_ctranslate2(f"{name} greedy", model),
            in_ctranslate2(f"{name} beam {beam}", model, beam_size=beam),
        ]
    if WEIGHTS in bundle.files and model.family.one_pass:
        return [in_torch(f"{name}, torch", model)]
    if WEIGHTS in bundle.files:
        return [
            in_torch(f"{name} greedy, torch", model),
            in_torch(f"{name} beam {beam}, torch", model, beam_size=beam),
        ]
    return [
        in_onnx_runtime(
            f"{name} {precision}" + (f", {number} candidates" if number > 1 else ""),
            model,
            precision,
            candidates=number,
        )
        for number in (NUMBERS if bundle.settings.get(CANDIDATES) else (1,))
        for precision in precisions(bundle)
    ] + [
        in_onnx_runtime(f"{name} {precision}, {number} corrections", model, precision, corrections=number)
        for number in CORRECTED
        for precision in precisions(bundle)
        if has_corrections(bundle, precision)
    ]


def _model(bundle: Bundle) -> TrainedModel:
    family, student = FAMILIES[bundle.kind], bundle.settings.get("student", {})
    return TrainedModel(
        bundle.directory.name,
        bundle.directory,
        bundle.directory,
        "student" if family.one_pass else "rival",
        family,
        distilled=student.get("distilled", False),
        finetuned=student.get("finetune") is not None,
    )
