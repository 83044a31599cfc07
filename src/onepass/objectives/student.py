"""What each family of students learns."""

from __future__ import annotations

from onepass.models.autoregressive import AutoregressiveTransformer
from onepass.models.ctc import CTCTransformer
from onepass.objectives.bigrams import BigramObjective
from onepass.objectives.compression import CompressionObjective
from onepass.objectives.cross_entropy import Objective, TeacherObjective
from onepass.objectives.ctc import CTCObjective
from onepass.objectives.dag import DAGObjective
from onepass.objectives.fertility import FertilityObjective
from onepass.objectives.finetune import FinetuneObjective
from onepass.objectives.glancing import Glancing
from onepass.settings import StudentSettings


def student_objective(student: StudentSettings, larger: CTCTransformer | None = None) -> Objective:
    """The objective of a student, before any fine-tuning; `larger` is the model it `compresses`."""
    if larger is not None:
        return CompressionObjective(larger)
    if student.family == "autoregressive":
        return TeacherObjective(student.training.label_smoothing)
    if student.family == "fertility":
        return FertilityObjective()
    glancing = Glancing(*student.glancing) if student.glancing else None
    objective = CTCObjective if student.family == "ctc" else DAGObjective
    return objective(student.slots, glancing)


def finetune_objective(student: StudentSettings, teacher: AutoregressiveTransformer | None) -> Objective:
    """The objective of a student's fine-tuning; a teacher only where `student.finetuned_by_teacher`."""
    if teacher is None:
        return BigramObjective()
    assert student.finetune is not None
    return FinetuneObjective(teacher, student.finetune)
