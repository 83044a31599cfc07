"""Settings of what is measured, and of the model card."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from onepass.settings.base import PositiveInt, Settings


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
    test_set: str = ""
    """What the test set is."""

    LATER = frozenset({"test_set"})
