"""The models and corpora of a run, by record, and where a finished run has them.

A record says what its stage is called, and so the directory of the stage. Names are never taken apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from onepass.alignment.lexicon import LINKS
from onepass.bundle import weights_file
from onepass.errors import DataError, ModelError, UsageError
from onepass.families import FAMILIES
from onepass.pipeline.stage import read_record
from onepass.recipe import Recipe, parse_recipe
from onepass.runtime.shipped import find_model
from onepass.settings import StudentSettings, TrainingSettings

REVERSE_TEACHER = "reverse-teacher"
"""The stage of the teacher that translates targets into sources."""


@dataclass(frozen=True, order=True)
class BackTranslation:
    """New sources: this many samples of the reverse teacher for each training target."""

    samples: int

    @property
    def stage(self) -> str:
        """`back-translateN`."""
        return f"back-translate{self.samples}"


@dataclass(frozen=True)
class Distillation:
    """The teacher's translations of the training sources.

    Attributes:
        beam: of the search; None: the recipe's.
        back_translation: new sources that are translated, too.
    """

    beam: int | None
    back_translation: BackTranslation | None

    @property
    def stage(self) -> str:
        """`distill[-beamN][-backN]`."""
        return f"distill{self.ending}"

    @property
    def ending(self) -> str:
        """What tells the stages of one distillation from those of another: `[-beamN][-backN]`."""
        back = self.back_translation
        return (f"-beam{self.beam}" if self.beam else "") + (f"-back{back.samples}" if back else "")


@dataclass(frozen=True)
class Corpus:
    """Pairs of ids that students learn from.

    Attributes:
        distillation: whose translations are the targets; None: the references are.
        aligned: with links and fertilities.
    """

    distillation: Distillation | None
    aligned: bool

    @property
    def stage(self) -> str:
        """`prepare`, `align-raw`, `align[-beamN][-backN]`."""
        if self.distillation is not None:
            return f"align{self.distillation.ending}"
        return "align-raw" if self.aligned else "prepare"

    @property
    def texts(self) -> str:
        """The stage with the texts of these ids."""
        return "prepare" if self.distillation is None else self.distillation.stage


REFERENCES = Corpus(None, aligned=False)
"""As they are prepared."""


def first_weights(init: str) -> Path:
    """The bundle or file that `student.init` names: a path, a shipped model, or one of the hub.

    Raises:
        DataError: there are no weights to start from.
    """
    try:
        found = Path(init) if Path(init).is_file() else find_model(init)
    except ModelError:
        found = None
    if found is None or not weights_file(found).is_file():
        raise DataError(
            "There are no weights to start from",
            where=f"student.init, {init}",
            allowed="a bundle for training, such as runs/NAME/student, a .safetensors file, a shipped "
            "model's name, or hf:OWNER/NAME",
        )
    return found


@dataclass(frozen=True)
class OnePassModel:
    """A student of a run, before its fine-tuning or after it.

    Attributes:
        variant: its name in the recipe; None: the recipe's own student.
        settings: of the student, without a fine-tuning that is still to come.
        base: the model it is fine-tuned from, if it is.
    """

    variant: str | None
    settings: StudentSettings
    base: OnePassModel | None = None

    @property
    def stage(self) -> str:
        """`student`, `finetune`, `student-NAME`, `finetune-NAME`."""
        kind = "student" if self.base is None else "finetune"
        return kind if self.variant is None else f"{kind}-{self.variant}"

    @property
    def training(self) -> TrainingSettings:
        """Of its own training: the student's, or its fine-tuning's."""
        tuned = self.settings.finetune if self.base is not None else None
        return self.settings.training if tuned is None else tuned.training

    @property
    def corpora(self) -> tuple[Corpus, ...]:
        """All that it has learnt from, the last one in its own training."""
        own = corpus_of(self.settings)
        to_references = self.base is not None and self.settings.finetuned_by_references
        return (own, REFERENCES) if to_references and own != REFERENCES else (own,)


def corpus_of(student: StudentSettings) -> Corpus:
    """What a student learns from, before its fine-tuning."""
    if not student.distilled:
        return Corpus(None, aligned=FAMILIES[student.family].aligned)
    back = BackTranslation(student.back_translations) if student.back_translations else None
    return Corpus(Distillation(student.distill_beam, back), aligned=True)


def one_pass_models(recipe: Recipe) -> dict[str, OnePassModel]:
    """Every student of a run by its stage, before its fine-tuning and after it.

    Equal students share a stage, and those that differ in their fine-tuning alone the stage before it.
    """
    models: dict[StudentSettings, OnePassModel] = {}
    for variant, student in recipe.students().items():
        plain = student.model_copy(update={"finetune": None})
        base = models.setdefault(plain, OnePassModel(variant, plain))
        if student.finetune is not None:
            models.setdefault(student, OnePassModel(variant, student, base))
    return {model.stage: model for model in models.values()}


def main_model(recipe: Recipe) -> OnePassModel:
    """The recipe's own student, after its fine-tuning where it has one."""
    return [model for model in one_pass_models(recipe).values() if model.variant is None][-1]


def larger_model(recipe: Recipe, student: StudentSettings) -> OnePassModel | None:
    """The model that a student makes smaller, fine-tuned where that one is."""
    larger = recipe.larger(student)
    return next((model for model in one_pass_models(recipe).values() if model.settings == larger), None)


def aligned_corpora(recipe: Recipe) -> list[Corpus]:
    """What students learn from but the references as they are prepared, by stage."""
    corpora = {corpus_of(student) for student in recipe.students().values()} - {REFERENCES}
    return sorted(corpora, key=lambda corpus: corpus.stage)


def back_translations(recipe: Recipe) -> list[BackTranslation]:
    """The new sources that students learn from."""
    counts = {student.back_translations for student in recipe.students().values()} - {0}
    return [BackTranslation(count) for count in sorted(counts)]


def evaluated_stages(recipe: Recipe) -> tuple[str, ...]:
    """What an evaluation reads: the test set, the corpora that say which words students know, the models."""
    corpora = [corpus.stage for corpus in aligned_corpora(recipe)]
    teacher = ["teacher"] if recipe.needs_teacher else []
    return ("prepare", *corpora, *teacher, *one_pass_models(recipe))


def linked_corpus(stage: str, recipe: Recipe, directories: Mapping[str, Path]) -> str | None:
    """The stage whose links the lexicon of a model that writes word by word is made of, if there is one.

    The teacher's own corpus is not aligned: its lexicon is of its translations, from which students learn.

    Args:
        stage: the model's.
        recipe: of the run.
        directories: of finished stages, by name.
    """
    models = one_pass_models(recipe)
    learners = [models[stage]] if stage in models else models.values()
    corpora = (corpus_of(model.settings).stage for model in learners)
    return next(
        (name for name in corpora if name in directories and (directories[name] / LINKS).exists()), None
    )


def recorded_recipe(run: Path) -> Recipe:
    """The recipe of a run. Raises UsageError where there is none."""
    recorded = run / "recipe.json"
    if not recorded.exists():
        raise UsageError("This is not a run directory", where=run, allowed="what `onepass run` made")
    return parse_recipe(recorded.read_text(encoding="utf-8"), where=str(recorded))


def finished_stages(run: Path, names: Iterable[str]) -> dict[str, Path]:
    """The directories of stages by name. Raises DataError for one that is not finished."""
    stages = {name: run / name for name in names}
    for name, directory in stages.items():
        if read_record(directory) is None:
            raise DataError(
                f"The stage {name} is not finished", where=directory, fix="finish `onepass run` first"
            )
    return stages
