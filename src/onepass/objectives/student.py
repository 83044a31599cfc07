"""What each family of students learns."""

from __future__ import annotations

from onepass.objectives.cross_entropy import Objective
from onepass.objectives.ctc import CTCObjective
from onepass.objectives.fertility import FertilityObjective
from onepass.objectives.glancing import Glancing
from onepass.recipe import StudentSettings


def student_objective(student: StudentSettings) -> Objective:
    """The objective of a student, before any fine-tuning."""
    if student.family == "ctc":
        return CTCObjective(student.slots, Glancing(*student.glancing) if student.glancing else None)
    return FertilityObjective()
