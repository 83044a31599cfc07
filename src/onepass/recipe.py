"""Recipes: what `onepass run` does, as frozen settings read from TOML.

Unknown keys, wrong types and values out of range are errors that name the key. Paths are relative
to the folder of the recipe file. A run keeps its resolved recipe as JSON (`Recipe.to_json`).
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, NamedTuple

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
    model_validator,
)

from onepass.errors import UsageError

PositiveInt = Annotated[int, Field(gt=0)]
NonNegativeInt = Annotated[int, Field(ge=0)]
Fraction = Annotated[float, Field(ge=0, lt=1)]
Share = Annotated[float, Field(ge=0, le=1)]


class Settings(BaseModel):
    """Base of every section: unknown keys are errors, nothing changes after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, use_attribute_docstrings=True)

    LATER: ClassVar[frozenset[str]] = frozenset()
    """Settings that a dump leaves out at their default: runs made before there were any stay up to date."""

    @model_serializer(mode="wrap")
    def _without_later_defaults(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        fields = type(self).model_fields
        later = {name for name in self.LATER if getattr(self, name) == fields[name].default}
        return {name: value for name, value in dump(self).items() if name not in later}


class CorpusSource(Settings):
    """Where pairs come from; in a recipe either this table or just its `path` as a string.

    `path` is one of: `dir/train.{lang}` (two line files, plain or `.gz`, `{lang}` replaced by the
    language codes), `pairs.tsv` or `pairs.tsv.gz`, `hf:NAME` (a Hugging Face dataset by hub name or
    local directory), `dir/newstest-{side}.{lang}.sgm` (or `.xml`; `{side}` is `src`, then `ref`),
    or `phrasebook` (the embedded corpus).
    """

    path: str = Field(min_length=1)
    split: str | None = None
    config: str | None = None
    columns: Annotated[tuple[str, str] | None, Field(strict=False)] = None


def _as_table(value: Any) -> Any:
    return {"path": value} if isinstance(value, str) else value


def _as_list_of_tables(value: Any) -> Any:
    return [_as_table(v) for v in value] if isinstance(value, list) else [_as_table(value)]


Corpora = Annotated[tuple[CorpusSource, ...], BeforeValidator(_as_list_of_tables), Field(strict=False)]
Corpus = Annotated[Corpora, Field(min_length=1)]


class FilterSettings(Settings):
    """Which training pairs are dropped. dev and test are never filtered."""

    max_words: PositiveInt = 100
    """Longest side, in words that spaces separate."""
    max_tokens: PositiveInt = 120
    """Longest side, in subwords."""
    max_length_ratio: Annotated[float, Field(ge=1)] = 4.0
    """Longer side to shorter side, in words; not applied to sides of at most 5 words."""
    drop_identical: bool = True
    """Drop pairs whose sides are the same."""
    drop_duplicates: bool = True
    """Drop pairs seen before."""


class AugmentSettings(Settings):
    """Training pairs made as people type; dev and test stay as they are."""

    unpunctuated: Share = 0.0
    """This share without the marks (`.`, `!`, `?`) that both sides end with."""
    uncapitalised: Share = 0.0
    """This share with a small letter at the beginning of the source; the target keeps its capital."""
    lowercased: Share = 0.0
    """This share, of other pairs, with the source wholly in small letters; the target stays as it is."""
    renamed: Share = 0.0
    """This share with other names of people and places, where both sides have the same ones."""

    LATER = frozenset({"lowercased", "renamed"})

    @model_validator(mode="after")
    def _shares_of_one_whole(self) -> AugmentSettings:
        if self.uncapitalised + self.lowercased > 1:
            raise ValueError("uncapitalised and lowercased are shares of one whole: together at most 1")
        return self


class DataSettings(Settings):
    """Languages, corpora and filters."""

    src: str = Field(min_length=1)
    tgt: str = Field(min_length=1)
    train: Corpus
    dev: Corpus
    test: Corpus
    phrases: Corpora = ()
    """What the corpus has too rarely: pairs that join it after the subwords; students learn them as given."""
    phrase_repeats: PositiveInt = 20
    """How often each of them."""
    filters: FilterSettings = FilterSettings()
    augment: AugmentSettings = AugmentSettings()

    LATER = frozenset({"augment", "phrases", "phrase_repeats"})

    CORPORA: ClassVar[tuple[str, ...]] = ("train", "dev", "test", "phrases")
    """Settings that are corpora."""


class TokenizerSettings(Settings):
    """Sentencepiece BPE. `joint`: one model for both sides, so embeddings can be shared."""

    vocab_size: Annotated[int, Field(ge=300, le=64_000)] = 8000
    """Of each model; a small corpus may yield fewer."""
    joint: bool = True
    """One model for both sides, so that embeddings are shared."""
    max_training_lines: PositiveInt = 1_000_000
    """Lines of a side that subwords are learnt from."""


class TransformerSettings(Settings):
    """Sizes of an encoder-decoder Transformer."""

    width: PositiveInt = 256
    ffn_width: PositiveInt = 1024
    encoder_layers: PositiveInt = 4
    decoder_layers: PositiveInt = 4
    heads: PositiveInt = 4
    dropout: Fraction = 0.1

    @model_validator(mode="after")
    def _heads_divide_width(self) -> TransformerSettings:
        if self.width % self.heads:
            raise ValueError(f"width {self.width} is not a multiple of heads {self.heads}")
        return self


class TrainingSettings(Settings):
    """One training: batches, schedule, validation and when to stop."""

    batch_tokens: PositiveInt = 4096
    """Tokens of the longer side, padding included, in one batch of one process."""
    accumulate: PositiveInt = 1
    """Batches added up before each update, over all processes together (processes must divide it)."""
    max_updates: PositiveInt = 20_000
    """Training stops here at the latest."""
    learning_rate: Annotated[float, Field(gt=0)] = 1e-3
    """The peak, reached after `warmup` updates; then falls with the inverse square root."""
    warmup: PositiveInt = 1000
    """Updates until the peak."""
    cooldown: NonNegativeInt = 0
    """Updates at the end, before `max_updates`, over which the rate falls linearly to 0 and nothing stops
    the training before its end."""
    clip_norm: Annotated[float, Field(gt=0)] = 1.0
    """Largest norm of the gradient."""
    label_smoothing: Fraction = 0.0
    """Of the teacher; students learn without."""
    validate_every: PositiveInt = 500
    """Updates between validations; each writes a checkpoint."""
    patience: PositiveInt = 10
    """Validations without a better one before training stops."""
    average: PositiveInt = 5
    """The weights of this many of the best validations are averaged at the end."""
    select_by: Literal["loss", "bleu"] = "loss"
    """What is best: the lowest dev loss, or the highest dev BLEU. A student's BLEU still rises when its loss,
    which punishes being sure of a wrong word, has begun to rise too."""
    precision: Literal["auto", "bf16", "fp32"] = "auto"
    """auto: bf16 where the device has it."""
    tensorboard: bool = False
    """Also write event files to RUN/tensorboard (needs the `tensorboard` extra)."""

    LATER = frozenset({"select_by", "cooldown"})


class TeacherSettings(Settings):
    """The autoregressive teacher; not trained where no student needs it. Its sizes are the students' too."""

    model: TransformerSettings = TransformerSettings()
    training: TrainingSettings = TrainingSettings(label_smoothing=0.1)


class DistillSettings(Settings):
    """How the teacher translates the training sources."""

    engine: Literal["ctranslate2", "torch"] = "ctranslate2"
    """torch is the reference, and slower."""
    compute_type: str = "float32"
    """Of CTranslate2."""
    beam_size: PositiveInt = 1
    """1 is greedy, as in the paper."""
    shard_lines: PositiveInt = 10_000
    """Lines between two points of resumption."""
    batch_tokens: PositiveInt = 4096


class AlignSettings(Settings):
    """FastAlign, trained on the (distilled) training pairs."""

    iterations: PositiveInt = 5
    """Of expectation maximisation, in each direction."""


class FinetuneSettings(Settings):
    """Of fertility, with the teacher's word distributions, L = weight (L_RL + L_BP) + (1 - weight) L_KD; of
    ctc and dag, for the bigrams of the references: they use `training` alone."""

    weight: Annotated[float, Field(gt=0, le=1)] = 0.25
    """λ of the paper."""
    distillation: bool = True
    """L_KD: what the student learnt before."""
    backprop: bool = True
    """L_BP: the teacher's distributions under the aligner's fertilities."""
    reinforce: bool = True
    """L_RL: REINFORCE on sampled fertilities."""
    reinforce_weight: Annotated[float, Field(gt=0)] = 1.0
    """Of L_RL beside L_BP; the paper's released code had 0.1."""
    training: TrainingSettings = TrainingSettings(max_updates=2000, learning_rate=2e-4, warmup=100)

    @model_validator(mode="after")
    def _something_is_learnt(self) -> FinetuneSettings:
        if not (self.distillation or self.backprop or self.reinforce):
            raise ValueError("distillation, backprop and reinforce are all off: there is nothing to learn")
        return self


def _unless_false(value: Any) -> Any:
    return None if value is False else value  # TOML has no null


_FAMILIES = {
    "copy_source": {"fertility"},
    "positional_attention": {"fertility"},
    "finetune": {"fertility", "ctc", "dag"},
    "attend_to": {"fertility", "ctc", "dag"},
    "slots": {"ctc", "dag"},
    "soft_copy": {"dag"},
    "glancing": {"ctc", "dag"},
    "compresses": {"ctc"},
}
"""Settings that mean something for some families of students only."""


OWN_SIZES = ("encoder_layers", "decoder_layers", "ffn_width")
"""Sizes that a student may have of its own."""


class StudentSettings(Settings):
    """The student, as wide as the teacher: the paper's switches (Table 2), and other families."""

    family: Literal["fertility", "ctc", "dag", "autoregressive"] = "fertility"
    """Fertilities (Gu et al. 2018), latent alignments (CTC), a directed acyclic graph (DAG); or a rival of
    these: autoregressive writes word by word, fastest with a single decoder layer."""
    encoder_layers: PositiveInt | None = None
    """Depth of the encoder [the teacher's]."""
    decoder_layers: PositiveInt | None = None
    """Depth of the decoder [the teacher's]."""
    ffn_width: PositiveInt | None = None
    """Hidden units of every layer [the teacher's]."""
    distilled: bool = True
    """Learn from the teacher's translations (False: from the references)."""
    distill_beam: PositiveInt | None = None
    """Beam size of those translations [distill.beam_size]; another one adds stages of its own."""
    back_translations: NonNegativeInt = 0
    """Also learn from new sources, this many samples of a teacher in the other direction for each training
    target, and the teacher's translations of them; adds stages of its own."""
    copy_source: Literal["fertility", "uniform", "none"] = "fertility"
    """What the decoder starts from: repeated by fertility, evenly spread, or positions alone."""
    positional_attention: bool = True
    """A second self-attention whose queries and keys are positions."""
    attend_to: Literal["top", "layerwise"] = "top"
    """The encoder's last layer, or decoder layer i to encoder layer i."""
    init_from_teacher: bool = True
    """Start from every weight that the teacher has, too."""
    compresses: Annotated[str | None, BeforeValidator(_unless_false)] = None
    """Of ctc: the variant before this one that it makes smaller. It starts from that one's first layers and
    weightiest hidden units, and learns its distribution in every slot, not the teacher's translations."""
    slots: PositiveInt = 2
    """Of ctc and dag: places in the decoder a source token (2 or 3; 4 to 8)."""
    soft_copy: bool = True
    """Of dag: its slots start from the source, stretched to their number, as those of ctc always do (False:
    from their positions alone, as in Huang et al. 2022, which takes far longer to learn)."""
    glancing: Annotated[tuple[Share, Share] | None, Field(strict=False), BeforeValidator(_unless_false)] = (
        None
    )
    """Of ctc and dag: tell the decoder this share of what it gets wrong, at the first and the last update."""
    dropout: Fraction = 0.1
    training: TrainingSettings = TrainingSettings()
    finetune: Annotated[FinetuneSettings | None, BeforeValidator(_unless_false)] = None
    """Of fertility, ctc and dag: a section for the fine-tuning behind the training; left out or false, there
    is none."""

    LATER = frozenset({"ffn_width", "compresses"})

    @model_validator(mode="after")
    def _settings_are_of_the_family(self) -> StudentSettings:
        for name in sorted(self.of_other_families()):
            if getattr(self, name) != type(self).model_fields[name].default:
                raise ValueError(f"{name} means nothing for the family {self.family}")
        if self.finetune is not None and not self.finetuned_by_teacher:
            for name, field in FinetuneSettings.model_fields.items():
                if name != "training" and getattr(self.finetune, name) != field.default:
                    raise ValueError(f"finetune.{name} means nothing for the family {self.family}")
        if self.compresses is not None and self.glancing is not None:
            raise ValueError("glancing means nothing for a student that compresses another one")
        if self.back_translations and not self.distilled:
            raise ValueError("back_translations are for a teacher to translate: they need distilled = true")
        return self

    @property
    def finetuned_by_teacher(self) -> bool:
        """Whether its fine-tuning asks the teacher for its word distributions."""
        return self.finetune is not None and self.family == "fertility"

    def sizes(self, teacher: TransformerSettings) -> TransformerSettings:
        """The student's sizes: the teacher's, but for its own and the dropout."""
        own = {name: size for name in OWN_SIZES if (size := getattr(self, name)) is not None}
        return teacher.model_copy(update={**own, "dropout": self.dropout})

    def of_other_families(self) -> set[str]:
        """The settings that have no meaning for this student."""
        return {name for name, families in _FAMILIES.items() if self.family not in families}


class OnePassModel(NamedTuple):
    """A one-pass model of a run; `base` is the stage it is fine-tuned from, if it is."""

    settings: StudentSettings
    base: str | None

    @property
    def training(self) -> TrainingSettings:
        """Of its own training: the student's, or its fine-tuning's."""
        tuned = self.settings.finetune if self.base is not None else None
        return self.settings.training if tuned is None else tuned.training


def _distinct(numbers: tuple[int, ...]) -> tuple[int, ...]:
    if len(set(numbers)) < len(numbers):
        raise ValueError(f"a number is there twice: {list(numbers)}")
    return numbers


class EvaluateSettings(Settings):
    """What is measured on the test set."""

    beam_size: PositiveInt = 4
    """Of the teacher."""
    num_candidates: Annotated[tuple[PositiveInt, ...], AfterValidator(_distinct)] = (10, 100)
    """That the teacher chooses among, a row of the table each; of CTC and DAG up to 64."""
    latency_sentences: Annotated[int, Field(ge=0)] = 200
    """0 leaves latency out."""
    rounds: PositiveInt = 3
    """How often the systems take turns."""
    batch_sizes: tuple[PositiveInt, ...] = (1, 8, 32, 64)
    """For the throughput."""
    bootstrap_samples: PositiveInt = 1000
    """For intervals and significance."""


class CardSettings(Settings):
    """What the model card says of the data; no stage reads it."""

    data: str = ""
    """The corpora the model learnt from."""
    licence: str = ""
    """Of the model, as a hub spells it, such as cc-by-2.0."""
    attribution: str = ""
    """Whom the licence asks to name."""
    limits: str = ""
    """What the model is not for."""


class Recipe(Settings):
    """Everything a run needs to know."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]+$")]
    seed: Annotated[int, Field(ge=0)] = 1
    data: DataSettings
    tokenizer: TokenizerSettings = TokenizerSettings()
    teacher: TeacherSettings = TeacherSettings()
    distill: DistillSettings = DistillSettings()
    align: AlignSettings = AlignSettings()
    student: StudentSettings = StudentSettings()
    variants: dict[Annotated[str, Field(pattern=r"^[a-z0-9-]+$")], dict[str, Any] | Literal[False]] = {}
    """Further students to compare with: name -> what differs from `student` (`finetune = false`: none).
    One of another family starts without its `finetune`; `--set variants.NAME=false` leaves one out."""
    evaluate: EvaluateSettings = EvaluateSettings()
    card: CardSettings = CardSettings()

    @model_validator(mode="after")
    def _variants_are_students(self) -> Recipe:
        self.students()
        return self

    def students(self) -> dict[str, StudentSettings]:
        """The student and its variants by stage name: `student`, `student-NAME`.

        Raises:
            ValueError: a variant has a key or value that a student cannot have; names it.
        """
        self._check_compression("student", self.student, {})
        students = {"student": self.student}
        for name, changes in self.variants.items():
            if changes is False:
                continue
            settings = self.student.model_dump(mode="json")
            if changes.get("family", self.student.family) != self.student.family:
                settings["finetune"] = None
            for key, value in changes.items():
                merge = isinstance(value, dict) and isinstance(settings.get(key), dict)
                settings[key] = {**settings[key], **value} if merge else value
            if settings["distill_beam"] == self.distill.beam_size:
                settings["distill_beam"] = None
            try:
                student = StudentSettings.model_validate(settings)
            except ValidationError as error:
                raise ValueError(problems(error, "variants", name)) from None
            self._check_compression(f"variants.{name}", student, students)
            students[f"student-{name}"] = student
        return students

    def _check_compression(
        self, where: str, student: StudentSettings, before: dict[str, StudentSettings]
    ) -> None:
        if student.compresses is None:
            return
        larger = before.get(f"student-{student.compresses}")
        if larger is None:
            raise ValueError(f"{where}.compresses: no variant {student.compresses!r} is before it")
        if larger.family != "ctc" or larger.slots != student.slots:
            problem = f"{student.compresses} is not a ctc student of {student.slots} slots"
            raise ValueError(f"{where}.compresses: {problem}")
        if larger.attend_to != student.attend_to:
            raise ValueError(f"{where}.attend_to: {student.compresses} has {larger.attend_to!r}")
        own, theirs = (s.sizes(self.teacher.model) for s in (student, larger))
        for size in OWN_SIZES:
            if getattr(own, size) > getattr(theirs, size):
                raise ValueError(f"{where}.{size}: {student.compresses} has but {getattr(theirs, size)}")

    def larger(self, student: StudentSettings) -> StudentSettings | None:
        """The student that this one makes smaller, if it does."""
        return None if student.compresses is None else self.students()[f"student-{student.compresses}"]

    def larger_stage(self, student: StudentSettings) -> str | None:
        """The stage of the model that a student makes smaller, fine-tuned where that one is."""
        larger = self.larger(student)
        stages = (name for name, model in self.one_pass_models().items() if model.settings == larger)
        return next(stages, None)

    def one_pass_models(self) -> dict[str, OnePassModel]:
        """Every one-pass model by stage name: `student`, `finetune`, `student-NAME`, `finetune-NAME`.

        Equal students share a stage, and those that differ in their fine-tuning alone the stage before it.
        """
        models: dict[str, OnePassModel] = {}
        shared: dict[StudentSettings, str] = {}
        for name, student in self.students().items():
            plain = student.model_copy(update={"finetune": None})
            base = shared.setdefault(plain, name)
            models.setdefault(base, OnePassModel(plain, None))
            if student.finetune is not None:
                tuned = shared.setdefault(student, name.replace("student", "finetune", 1))
                models.setdefault(tuned, OnePassModel(student, base))
        return models

    @property
    def needs_teacher(self) -> bool:
        """Whether any student learns from a teacher; where none does, a run has none."""
        return any(
            student.distilled or student.init_from_teacher or student.finetuned_by_teacher
            for student in self.students().values()
        )

    def to_json(self) -> str:
        """The resolved recipe; `parse_recipe` reads it back."""
        return self.model_dump_json(indent=1) + "\n"


def problems(error: ValidationError, *section: str) -> str:
    """Each bad key of a section and what is wrong with it."""
    return "; ".join(
        f"{'.'.join([*section, *map(str, e['loc'])]) or 'recipe'}: {e['msg']}" for e in error.errors()
    )


def set_value(table: dict[str, Any], assignment: str) -> None:
    """Applies one `--set a.b=value`; the value is TOML, or a bare string where it is not."""
    key, sep, text = assignment.partition("=")
    if not sep or not key.strip():
        raise UsageError("A setting must have the form key=value", where="--set", value=assignment)
    try:
        value = tomllib.loads(f"v = {text}")["v"]
    except tomllib.TOMLDecodeError:
        value = text
    *parents, last = key.strip().split(".")
    for name in parents:
        table = table.setdefault(name, {})
        if not isinstance(table, dict):
            raise UsageError(f"{name!r} is a value, not a section", where="--set", value=assignment)
    table[last] = value


def parse_recipe(text: str, *, where: str) -> Recipe:
    """Validates a recipe given as JSON. Raises UsageError naming each bad key."""
    try:
        return Recipe.model_validate_json(text)
    except ValidationError as error:
        raise UsageError(
            f"The recipe has {error.error_count()} problem(s): {problems(error)}",
            where=where,
            fix="correct the named keys; docs/recipes.md lists all of them",
        ) from None


def load_recipe(path: Path, overrides: Sequence[str] = ()) -> Recipe:
    """Reads a TOML recipe, applies `--set` overrides and makes its paths absolute.

    Raises:
        UsageError: the file is missing, is not TOML, or has bad keys or values.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"Cannot read the recipe: {error.strerror}", where=path) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"The recipe is not valid TOML: {error}", where=path) from None
    table.setdefault("name", path.stem)
    for assignment in overrides:
        set_value(table, assignment)
    recipe = parse_recipe(json.dumps(table, default=str), where=str(path))
    return _with_absolute_paths(recipe, path.resolve().parent)


def with_overrides(recipe: Recipe, overrides: Sequence[str], *, where: str) -> Recipe:
    """A recipe with `--set` changes applied. Raises UsageError naming each bad key."""
    table = json.loads(recipe.to_json())
    for assignment in overrides:
        set_value(table, assignment)
    return parse_recipe(json.dumps(table, default=str), where=where)


def _with_absolute_paths(recipe: Recipe, folder: Path) -> Recipe:
    def absolute(source: CorpusSource) -> CorpusSource:
        prefix, name = ("hf:", source.path[3:]) if source.path.startswith("hf:") else ("", source.path)
        is_hub_name = prefix and not name.startswith((".", "/"))
        if name == "phrasebook" or is_hub_name:
            return source
        return source.model_copy(update={"path": f"{prefix}{(folder / name).resolve()}"})

    splits = {s: tuple(map(absolute, getattr(recipe.data, s))) for s in DataSettings.CORPORA}
    return recipe.model_copy(update={"data": recipe.data.model_copy(update=splits)})
