"""What models are trained on. A family, a file; what families share is beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from onepass.models import Model
from onepass.models.one_pass import OnePassTransformer
from onepass.models.stepwise import WordByWord
from onepass.objectives import auxiliary, ctc, dag, fertility, finetune, teacher
from onepass.objectives.bigrams import BigramObjective
from onepass.objectives.latent import LatentObjective
from onepass.objectives.objective import Objective
from onepass.objectives.vocabulary import VocabularySample
from onepass.settings import FinetuneSettings, StudentSettings

OBJECTIVES: Mapping[str, Callable[[StudentSettings, OnePassTransformer | None], Objective]] = {
    "autoregressive": teacher.objective,
    "fertility": fertility.objective,
    "ctc": ctc.objective,
    "dag": dag.objective,
}
"""By family, of a student: its settings, and the larger model that it `compresses`."""
FINETUNINGS: Mapping[str, Callable[[FinetuneSettings, WordByWord | None], Objective]] = {
    "fertility": finetune.finetuning,
    "ctc": ctc.finetuning,
    "dag": dag.finetuning,
}
"""By family, of a student's fine-tuning: its settings, and the teacher where the family asks one."""

AUXILIARIES: Mapping[
    str, Callable[[LatentObjective, StudentSettings, OnePassTransformer, WordByWord], Objective]
] = {"ctc": auxiliary.objective}
"""By family, of a student's training with losses beside its own."""


def student_objective(
    student: StudentSettings,
    model: Model,
    larger: OnePassTransformer | None,
    sample: VocabularySample | None,
    teacher: WordByWord | None = None,
) -> Objective:
    """What a student learns, before any fine-tuning.

    Args:
        student: its settings.
        model: that will learn it.
        larger: what it `compresses`, if it does.
        sample: the words that the loss is over, if not all.
        teacher: that auxiliary losses ask, if there are any.
    """
    objective = OBJECTIVES[student.family](student, larger)
    if not (isinstance(objective, LatentObjective) and isinstance(model, OnePassTransformer)):
        return objective
    objective = replace(objective, ends=model.ends, sample=sample)
    if student.auxiliary is None:
        return objective
    assert teacher is not None
    return AUXILIARIES[student.family](objective, student, model, teacher)


def finetune_objective(
    student: StudentSettings, teacher: WordByWord | None, sample: VocabularySample | None
) -> Objective:
    """What a student learns in its fine-tuning.

    Args:
        student: its settings, with those of the fine-tuning.
        teacher: asked for word distributions, by the families that ask one.
        sample: the words that the loss is over, if not all.
    """
    assert student.finetune is not None
    objective = FINETUNINGS[student.family](student.finetune, teacher)
    return replace(objective, sample=sample) if isinstance(objective, BigramObjective) else objective
