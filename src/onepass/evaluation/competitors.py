"""The rows of a run: its teacher and its students, each in every way to decode it that is worth a row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from onepass.evaluation.systems import Competitor, TrainedModel, in_ctranslate2, in_onnx_runtime, in_torch
from onepass.families import AUTOREGRESSIVE, FAMILIES, Family
from onepass.runtime.translator import Precision
from onepass.settings import StudentSettings

TEACHER = "teacher"
"""Its stage, and what it is called in the tables."""


@dataclass(frozen=True)
class Student:
    """A student of a run, before or after its fine-tuning.

    Attributes:
        stage: that trained it.
        variant: its name in the recipe; empty for the main one.
        finetuned: whether the stage is a fine-tuning.
        bundle: the stage's.
        settings: of the student.
    """

    stage: str
    variant: str
    finetuned: bool
    bundle: Path
    settings: StudentSettings

    @property
    def family(self) -> Family:
        """The record of its family."""
        return FAMILIES[self.settings.family]

    @property
    def kind(self) -> str:
        """What students of its family and training are called in the tables."""
        if not self.family.one_pass:
            return f"{self.family.title} student"
        glancing = " + GLAT" if self.settings.glancing else ""
        return self.family.title + glancing + (" compressed" if self.settings.compresses is not None else "")

    def model(self, exported: Path) -> TrainedModel:
        """Its weights; `exported` has a directory for each stage."""
        return TrainedModel(
            self.stage,
            self.bundle,
            exported / self.stage,
            "student",
            self.family,
            distilled=self.settings.distilled,
            finetuned=self.finetuned,
            variant=self.variant,
        )


def main_student(students: Sequence[Student]) -> Student:
    """The student of a run that is no variant, fine-tuned if it is."""
    return [student for student in students if not student.variant][-1]


def competitors(
    teacher: Path | None,
    students: Sequence[Student],
    exported: Path,
    *,
    beam_size: int,
    num_candidates: Sequence[int],
) -> list[Competitor]:
    """The rows of a run: the teacher three ways, the students in torch, some in ONNX.

    If the main student is the paper's, the average of its fertilities and noisy parallel decoding are rows of
    it too. It and those of later families are in ONNX as well. Beside those of later families there is the
    teacher's choice among their candidates.

    Args:
        teacher: its bundle, if there is one.
        students: before and after their fine-tuning, the main one first.
        exported: where every model is in its engine's form, by stage: those that write word by word in
            CTranslate2's, already, the others in the runtime's.
        beam_size: of the teacher's beam search.
        num_candidates: that the teacher chooses among, a row each of the paper's main student and of every
            student of a later family.
    """
    rows = []
    if teacher is not None:
        model = TrainedModel(
            TEACHER, teacher, exported / TEACHER, "teacher", AUTOREGRESSIVE, distilled=False, finetuned=False
        )
        greedy, in_other_engine = _word_by_word(TEACHER, model)
        beam = in_torch(f"{TEACHER} beam {beam_size}", model, beam_size=beam_size)
        rows = [greedy, beam, in_other_engine]
    main = main_student(students)
    first: dict[str, str] = {}  # the first variant of a kind goes without its name, fine-tuned or not
    for student in students:
        unnamed = student.variant in ("", first.setdefault(student.kind, student.variant))
        name = student.kind + (" + FT" if student.finetuned else "")
        variant = f", {student.variant}" if student.variant else ""
        model = student.model(exported)
        if student.family.in_paper:
            numbers = num_candidates if teacher is not None else ()
            rows += _of_the_paper(name, variant, model, teacher, numbers, is_main=student == main)
            continue
        name += "" if unnamed else variant
        if student.family.one_pass:
            rows += _of_a_later_family(name, model, teacher, num_candidates)
        else:
            rows += _word_by_word(name, model)
    return rows


def _word_by_word(name: str, model: TrainedModel) -> list[Competitor]:
    """Greedy search in torch and in CTranslate2."""
    return [
        in_torch(f"{name} greedy", model),
        in_ctranslate2(f"{name} greedy, CTranslate2", model),
    ]


def _in_every_precision(name: str, model: TrainedModel) -> list[Competitor]:
    return [
        in_onnx_runtime(f"{name}, ONNX {precision}", model, precision) for precision in get_args(Precision)
    ]


def _of_the_paper(
    name: str,
    variant: str,
    model: TrainedModel,
    teacher: Path | None,
    num_candidates: Sequence[int],
    *,
    is_main: bool,
) -> list[Competitor]:
    argmax = in_torch(f"{name} argmax{variant}", model)
    if not is_main:
        return [argmax]
    drawn = [in_torch(f"{name} NPD {n}", model, teacher=teacher, candidates=n) for n in num_candidates]
    average = in_torch(f"{name} average", model, search="average")
    return [argmax, *_in_every_precision(argmax.name, model), average, *drawn]


def _of_a_later_family(
    name: str, model: TrainedModel, teacher: Path | None, num_candidates: Sequence[int]
) -> list[Competitor]:
    searches = model.family.searches
    rows = [in_torch(f"{name} {search}", model, search=search) for search in searches]
    rows += [] if searches else [in_torch(name, model)]
    rows += _in_every_precision(name, model)
    if teacher is None:
        return rows
    most = model.family.most_candidates
    return rows + [
        in_torch(f"{name}, {n} candidates", model, teacher=teacher, candidates=n)
        for n in num_candidates
        if most is None or n <= most
    ]
