"""What models are trained on. A family, a file; what families share is beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from onepass.models.autoregressive import AutoregressiveTransformer
from onepass.models.one_pass import OnePassTransformer
from onepass.objectives import ctc, dag, fertility, finetune, teacher
from onepass.objectives.objective import Objective
from onepass.settings import FinetuneSettings, StudentSettings

OBJECTIVES: Mapping[str, Callable[[StudentSettings, OnePassTransformer | None], Objective]] = {
    "autoregressive": teacher.objective,
    "fertility": fertility.objective,
    "ctc": ctc.objective,
    "dag": dag.objective,
}
"""By family, of a student: its settings, and the larger model that it `compresses`."""
FINETUNINGS: Mapping[str, Callable[[FinetuneSettings, AutoregressiveTransformer | None], Objective]] = {
    "fertility": finetune.finetuning,
    "ctc": ctc.finetuning,
    "dag": dag.finetuning,
}
"""By family, of a student's fine-tuning: its settings, and the teacher where the family asks one."""
