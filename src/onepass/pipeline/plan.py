"""The stages of a recipe: prepare -> teacher -> distill -> align -> student -> finetune -> evaluate.

What no student of the recipe needs is not there: without distillation no teacher, without fertilities no
alignment of the raw corpus. A teacher that is read comes before `prepare`, which takes its subwords.

What a stage does is in the file of its verb, which is imported when the stage runs: a machine without the
aligner or CTranslate2 can still run the trainings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from onepass.bundle import weights_file
from onepass.corpora.exercises import KINDS
from onepass.corpora.huggingface import commits, is_on_hub, without_revision
from onepass.corpora.mono import mono_files
from onepass.corpora.sources import corpus_files
from onepass.errors import DataError
from onepass.pipeline.inventory import (
    REVERSE_TEACHER,
    BackTranslation,
    Corpus,
    Distillation,
    OnePassModel,
    aligned_corpora,
    back_translations,
    evaluated_stages,
    first_weights,
    larger_model,
    one_pass_models,
)
from onepass.pipeline.stage import Context, Stage
from onepass.recipe import Recipe
from onepass.settings import (
    OWN_SIZES,
    CorpusSource,
    DataSettings,
    DistillSettings,
    TextSource,
    without_pace,
)

STATE = ("checkpoint.pt", "kept-*.safetensors")
"""Files that a finished training goes on from, if it shall be longer."""
SCRATCH = (
    "checkpoint-older.pt",
    "batches-*.plan",
    *STATE,
    "*.damaged",
    "shards",
    "ctranslate2",
    "exported",
    "*.partial",
)
"""Files of an interrupted attempt that a finished stage does not keep, or keeps apart."""
CONTINUED = ("max_updates", "patience", "validate_every")
"""Settings of a training with larger ones of which it goes on; any number of updates between validations."""
OF_LATER_STAGES = {"placeholders", "exercises"}
"""Settings of distillation that do not change what the teacher makes of the corpus."""
EXERCISES = "exercises"
"""The stage of what the corpus has too rarely."""
SAMPLED_AMONG = 10
"""Most probable tokens that each of a back-translation is drawn from (Edunov et al. 2018, "top 10")."""


def plan(recipe: Recipe) -> list[Stage]:
    """The stages of a recipe in order: one aligned corpus a kind of target, one student a variant."""
    dump = recipe.model_dump(mode="json")
    data = {name: value for name, value in dump["data"].items() if name != "origin"}
    # What the files are called on this machine does not matter, what is in them does.
    corpora = (*DataSettings.CORPORA, "mono")
    for corpus in data.keys() & corpora:
        sources = zip(data[corpus], getattr(recipe.data, corpus), strict=True)
        data[corpus] = [{**table, "path": _name(source)} for table, source in sources]
    if "distilled" in data:
        data["distilled"] = [Path(path).name for path in data["distilled"]]
    seed = {"seed": recipe.seed}
    preparing = {"data": data, "tokenizer": dump["tokenizer"], **seed}
    if not (recipe.data.dev and recipe.data.test):
        preparing["distill"] = {  # of what is held out
            name: value for name, value in dump["distill"].items() if name not in OF_LATER_STAGES
        }
    reading = [_reading(recipe)] if recipe.teacher.is_read else []
    return [
        *reading,
        Stage(
            "prepare",
            tuple(stage.name for stage in reading),
            preparing,
            _prepare,
            shared=True,
            files=lambda: _files(recipe),
            revisions=lambda: commits(
                source for corpus in corpora for source in getattr(recipe.data, corpus)
            ),
        ),
        *([] if reading else _teachers(recipe)),
        *_corpora(recipe),
        *(_student(recipe, model) for model in one_pass_models(recipe).values()),
        Stage("evaluate", evaluated_stages(recipe), {**dump["evaluate"], **seed}, _evaluate, shared=True),
    ]


def _name(source: CorpusSource | TextSource) -> str:
    """Of a file without its directory, of a dataset without its revision: what is in it is recorded apart."""
    path = without_revision(source.path) if is_on_hub(source) else source.path
    return Path(path).name


def _files(recipe: Recipe) -> list[Path]:
    """The corpus files, and the generator's own for the embedded corpus."""
    data = recipe.data
    corpora = [source for name in DataSettings.CORPORA for source in getattr(data, name)]
    try:
        files = corpus_files(corpora, src=data.src, tgt=data.tgt) + mono_files(data)
    except DataError as error:
        if not data.origin:
            raise
        origins = ", ".join(origin.removeprefix("own:") for origin in data.origin)
        raise DataError(
            error.what,
            where=error.where,
            value=error.value,
            fix=f"get the corpora of this recipe from {origins}, and name the files with "
            "--set data.train=..., data.dev and data.test",
        ) from None
    if any(source.path == "phrasebook" for source in (*corpora, *data.mono)):
        from onepass.phrasebook import source_files

        files += source_files()
    return files


def _reading(recipe: Recipe) -> Stage:
    """The teacher that is read. It comes before `prepare`, which takes its subwords."""

    def files() -> list[Path]:
        from onepass.pipeline.read_teacher import teacher_files

        return teacher_files(recipe)

    said = {"licence": recipe.teacher.licence, "src": recipe.data.src, "tgt": recipe.data.tgt}
    if recipe.teacher.mark is not None:
        said["mark"] = recipe.teacher.mark
    return Stage("teacher", (), said, _read_teacher, files=files)


def _teachers(recipe: Recipe) -> Iterator[Stage]:
    src, tgt = recipe.data.src, recipe.data.tgt
    teaching = {**without_pace(recipe.teacher.model_dump(mode="json")), "seed": recipe.seed}
    if recipe.needs_teacher:
        settings = {**teaching, "src": src, "tgt": tgt}
        yield _training("teacher", ("prepare",), settings, _teach, section="training")
    if back_translations(recipe):
        settings = {**teaching, "src": tgt, "tgt": src}
        yield _training(REVERSE_TEACHER, ("prepare",), settings, _teach_reverse, section="training")


def _training(
    name: str,
    needs: tuple[str, ...],
    settings: dict[str, Any],
    run: Callable[[Context], None],
    *,
    section: str,
    files: Callable[[], Sequence[Path]] = tuple,
) -> Stage:
    """A stage that trains, with the settings of its training in a section."""
    return Stage(
        name,
        needs,
        settings,
        run,
        files=files,
        distributed=True,
        neutral=frozenset({f"{section}.tensorboard"}),
        continued=frozenset(f"{section}.{key}" for key in CONTINUED),
        state=STATE,
    )


def _corpora(recipe: Recipe) -> Iterator[Stage]:
    """What students learn from: new sources, the teacher's translations, aligned ids."""
    for new in back_translations(recipe):
        sampling = {"count": new.samples, "among": SAMPLED_AMONG, "seed": recipe.seed}
        run = partial(_back_translate, new)
        yield Stage(new.stage, ("prepare", REVERSE_TEACHER), sampling, run, shared=True, apart=True)
    alignment = {**recipe.align.model_dump(mode="json"), "max_tokens": recipe.data.filters.max_tokens}
    if recipe.distill.exercises:
        exercising = {**recipe.distill.model_dump(mode="json", exclude={"filters"}), "seed": recipe.seed}
        exercising |= {"src": recipe.data.src, "tgt": recipe.data.tgt, "kinds": list(KINDS)}
        exercising |= {"placeholders": recipe.distill.placeholders > 0}
        yield Stage(EXERCISES, ("prepare", "teacher"), exercising, _exercise)
    # The translations stay as they are: placeholders come with the ids.
    masking = {"placeholders": recipe.distill.placeholders, "seed": recipe.seed}
    for corpus in aligned_corpora(recipe):
        if corpus.distillation is not None:
            yield _distilling(recipe, corpus.distillation)
        exercised = [EXERCISES] if corpus.distillation is not None and recipe.distill.exercises else []
        teacher = ["teacher"] if recipe.align.by == "teacher" else []
        needs = dict.fromkeys(("prepare", corpus.texts, *exercised, *teacher))
        masks = corpus.distillation is not None and recipe.distill.placeholders > 0
        settings = {**alignment, **(masking if masks else {})}
        yield Stage(corpus.stage, tuple(needs), settings, partial(_align, corpus), shared=True)


def _distilling(recipe: Recipe, distillation: Distillation) -> Stage:
    new = distillation.back_translation
    settings = recipe.distill.model_copy(update={"beam_size": distillation.beam or recipe.distill.beam_size})
    # In float32 CTranslate2 translates as torch does (docs/results/benchmarks/engine_agreement.json).
    alike = settings.compute_type == "float32" and not recipe.teacher.of_marian
    return Stage(
        distillation.stage,
        ("prepare", "teacher", *([new.stage] if new else [])),
        settings.model_dump(mode="json", exclude=OF_LATER_STAGES),
        partial(_distill, distillation, settings),
        shared=True,
        apart=True,
        neutral=frozenset({"batch_tokens", *(["engine"] if alike else [])}),
    )


def _student(recipe: Recipe, model: OnePassModel) -> Stage:
    """The training of a student, or its fine-tuning."""
    student, base = model.settings, model.base
    # Where its corpus comes from shows in the stages it needs.
    unused = {"distill_beam", "back_translations", *student.of_other_families()}
    own = without_pace(student.model_dump(mode="json", exclude=unused if base else {*unused, "finetune"}))
    # Those of a teacher that is read show in its bundle.
    teacher_sizes = {} if recipe.teacher.is_read else recipe.teacher.model.model_dump(mode="json")
    own_sizes = {name: own.pop(name, None) or teacher_sizes.get(name) for name in OWN_SIZES}
    init = own.pop("init", None)
    fixed = {"src": recipe.data.src, "tgt": recipe.data.tgt, "seed": recipe.seed}
    settings = {**own, "sizes": {**teacher_sizes, **own_sizes}, **fixed}
    if init is not None and base is None:
        settings["init"] = True  # what is in the file matters, not what it is called
    needs = ["prepare", model.corpora[-1].stage]
    needs += ["teacher"] if recipe.teacher.is_read else []
    if base is not None:
        needs += [*(["teacher"] if student.finetuned_by_teacher else []), base.stage]
    elif (larger := larger_model(recipe, student)) is not None:
        needs.append(larger.stage)
    elif student.learns_from_teacher_model:
        needs.append("teacher")
    run = partial(_learn if base is None else _finetune, model)
    weights = init if base is None else None
    return _training(
        model.stage,
        tuple(dict.fromkeys(needs)),
        settings,
        run,
        section="training" if base is None else "finetune.training",
        files=lambda: _weights(weights),
    )


def _weights(init: str | None) -> list[Path]:
    """The file of weights that a training starts from, if it does. Raises DataError where it is not there."""
    return [] if init is None else [weights_file(first_weights(init))]


# --- the verbs ---------------------------------------------------------------


def _read_teacher(context: Context) -> None:
    from onepass.pipeline.read_teacher import read_teacher

    read_teacher(context)


def _prepare(context: Context) -> None:
    from onepass.pipeline.prepare import prepare

    prepare(context)


def _teach(context: Context) -> None:
    from onepass.pipeline.train import teach

    teach(context)


def _teach_reverse(context: Context) -> None:
    from onepass.pipeline.train import teach

    teach(context, reverse=True)


def _back_translate(new: BackTranslation, context: Context) -> None:
    from onepass.pipeline.back_translate import back_translate

    back_translate(context, new, among=SAMPLED_AMONG)


def _distill(distillation: Distillation, settings: DistillSettings, context: Context) -> None:
    from onepass.pipeline.distill import distill

    distill(context, distillation, settings)


def _exercise(context: Context) -> None:
    from onepass.pipeline.exercises import exercise

    exercise(context)


def _align(corpus: Corpus, context: Context) -> None:
    from onepass.pipeline.align import align

    align(context, corpus)


def _learn(model: OnePassModel, context: Context) -> None:
    from onepass.pipeline.train import learn

    learn(context, model)


def _finetune(model: OnePassModel, context: Context) -> None:
    from onepass.pipeline.train import finetune

    finetune(context, model)


def _evaluate(context: Context) -> None:
    from onepass.pipeline.evaluate import evaluate_run

    evaluate_run(context)
