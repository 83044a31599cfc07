"""Reading a teacher that somebody else trained, in place of training one."""

from __future__ import annotations

from pathlib import Path

from onepass.decoding.shortlist import SHORTLIST
from onepass.decoding.weights import save_bundle
from onepass.errors import DataError, ModelError, UsageError
from onepass.families import AUTOREGRESSIVE
from onepass.models.marian import settings_of
from onepass.pipeline.stage import Context
from onepass.recipe import Recipe
from onepass.teachers.find import TeacherFiles, find_teacher
from onepass.teachers.marian import MarianTeacher
from onepass.teachers.read import read_teacher_files

RESERVED = 64
"""Ids after the teacher's own, for what later takes a place of its own in a text."""
MOST_WORDS = 1 << 16
"""Ids on disk have 16 bits."""


def teacher_files(recipe: Recipe) -> list[Path]:
    """The files of the recipe's teacher. Raises DataError where they are not on this machine."""
    assert recipe.teacher.from_ is not None
    try:
        return find_teacher(recipe.teacher.from_, unpickle=recipe.teacher.unpickle).all
    except ModelError as error:
        raise DataError(error.what, where=error.where, allowed=error.allowed, fix=error.fix) from None


def read_teacher(context: Context) -> None:
    """Writes the bundle of the recipe's teacher.

    Raises:
        ModelError: it cannot be read, or has more words than ids have room for.
        UsageError: it translates other languages, or nobody says what its licence is.
    """
    recipe = context.recipe
    assert recipe.teacher.from_ is not None
    files = find_teacher(recipe.teacher.from_, unpickle=recipe.teacher.unpickle)
    _check_languages(files, recipe.data.src, recipe.data.tgt)
    licence = recipe.teacher.licence or files.licence
    if licence is None:
        raise UsageError(
            "Nobody says what the teacher's licence is, which its students need to know",
            where="teacher.licence",
            fix='set it to what the models came with, such as licence = "cc-by-4.0"',
        )
    context.progress(0, 1, "reading the teacher")
    teacher = read_teacher_files(files)
    model, tokenizer = teacher.model.extended(RESERVED), teacher.tokenizer.extended(RESERVED)
    if recipe.teacher.mark is not None:
        tokenizer = tokenizer.marked(recipe.teacher.mark)
    if max(tokenizer.src_size, tokenizer.tgt_size) > MOST_WORDS:
        raise ModelError(
            "The teacher has more words than this version has ids for",
            where=files.model,
            value=max(tokenizer.src_size, tokenizer.tgt_size),
            allowed=f"{MOST_WORDS:,}, {RESERVED} reserved ones included",
        )
    if teacher.shortlist is not None:
        teacher.shortlist.save(context.directory / SHORTLIST)
    save_bundle(
        context.directory,
        model,
        tokenizer,
        kind=AUTOREGRESSIVE.name,
        src=recipe.data.src,
        tgt=recipe.data.tgt,
        settings={"sizes": settings_of(teacher.sizes).model_dump(mode="json")},
        provenance={"recipe": recipe.name, "teacher": _record(teacher, licence)},
        more_files=[] if teacher.shortlist is None else [SHORTLIST],
    )
    context.say(f"  {teacher.name}: {sum(p.numel() for p in model.parameters()):,} parameters, {licence}")


def _record(teacher: MarianTeacher, licence: str) -> dict[str, object]:
    """Where the teacher came from. A path of this machine is nobody's business: its last part is enough."""
    return {
        "name": teacher.name if ":" in teacher.name else Path(teacher.name).name,
        "licence": licence,
        "sha256": dict(teacher.sha256),
    }


def _check_languages(files: TeacherFiles, src: str, tgt: str) -> None:
    if files.languages not in (None, (src, tgt)):
        raise UsageError(
            "The teacher translates other languages than the recipe",
            where="teacher.from",
            value=files.name,
            allowed=f"a teacher from {src} to {tgt}",
        )
