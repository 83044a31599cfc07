"""The models: ids in, states and scores of words out. A family, a file; what students share is beside it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from onepass.models import ctc, dag, fertility, stepwise
from onepass.models.one_pass import OnePassTransformer
from onepass.models.stepwise import WordByWord
from onepass.settings import StudentSettings, TransformerSettings

Model = WordByWord | OnePassTransformer


class MakeModel(Protocol):
    """A model of a family, with fresh weights."""

    def __call__(
        self,
        sizes: TransformerSettings,
        student: StudentSettings,
        src_size: int,
        tgt_size: int,
        *,
        joint: bool,
    ) -> Model:
        """From its sizes, a student's settings and the vocabularies; `joint`: they are one."""


MODELS: Mapping[str, MakeModel] = {
    "autoregressive": stepwise.build,
    "fertility": fertility.FertilityTransformer,
    "ctc": ctc.CTCTransformer,
    "dag": dag.DAGTransformer,
}
"""By family."""
