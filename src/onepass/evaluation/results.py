"""What a `results.json` holds: the schema, how it is read, and how a row of it is made.

`Results` is the schema. What renders or draws takes the parsed JSON and validates it first, so a key that is
misspelt or missing is an error and not an empty column. A row says what its system is in `Traits`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from onepass.errors import DataError
from onepass.evaluation.latency import Latency, latency_by_length, runs_as
from onepass.evaluation.quality import Quality
from onepass.families import FAMILIES, Family
from onepass.runtime.translator import Precision

Role = Literal["teacher", "student", "rival"]
"""The teacher and the students of a run; among bundles a rival is what writes word by word."""
Engine = Literal["torch", "CTranslate2", "ONNX Runtime", "Firefox", "Bergamot"]
SHOWN = 5
"""Problems of malformed results that an error names."""
Positive = Annotated[float, Field(gt=0)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _known_family(name: str) -> str:
    if name not in FAMILIES:
        raise ValueError(f"no family is called {name!r}; there are {', '.join(FAMILIES)}")
    return name


class Traits(_Part):
    """What a system is; tables, figures and summaries choose rows by these."""

    role: Role
    family: Annotated[str, AfterValidator(_known_family)]
    """Its name in `onepass.families`."""
    variant: str = ""
    """Its name in the recipe; empty for the teacher, the main student and bundles."""
    distilled: bool
    """It has learnt from a teacher's translations, not from the references alone."""
    finetuned: bool
    engine: Engine
    precision: Precision | None = None
    """Of the weights; None where the fastest compute type was chosen."""
    search: str
    """How it finds its words: greedy, beam, argmax, average, or one of its family's searches."""
    beam_size: int = 1
    """Hypotheses that a beam search keeps."""
    candidates: int = 1
    """That a teacher chooses among."""
    corrections: int = 0
    """That it may make in each sentence."""

    @property
    def about_family(self) -> Family:
        """The record of its family."""
        return FAMILIES[self.family]


class LengthBucket(_Part):
    """Sentences of similar length: mean length in subwords, how many, their median milliseconds."""

    length: float
    sentences: int
    p50_ms: float


class System(_Part):
    """One row. What was not measured is left out. Made by `result_row`."""

    name: str
    """Unique in the table."""
    model: str
    """Which weights: the stage that trained them, the key of `Results.training`, or a bundle's name."""
    traits: Traits
    bleu: float | None = None
    bleu_interval: tuple[float, float] | None = None
    """95%, by bootstrap."""
    p_value: float | None = None
    """Of the BLEU difference to `Results.baseline`."""
    chrf: float | None = None
    length_ratio: float | None = None
    repetition_rate: float | None = None
    p50_ms: Positive | None = None
    """Milliseconds a sentence, one sentence at a time; likewise the three below."""
    p90_ms: Positive | None = None
    p99_ms: Positive | None = None
    mean_ms: Positive | None = None
    spread: float | None = None
    """The slowest round's median over the fastest's."""
    threads: int | None = None
    description: str = ""
    """Engine, compute type and device."""
    throughput: dict[int, float] = {}
    """Sentences a second by batch size."""
    batches_as: str = ""
    """Engine and threads of batches larger than 1, if others than `description` and `threads`."""
    tried_ms: dict[str, float] = {}
    """As in `Latency`; likewise the one below."""
    tried_in_batches: dict[str, float] = {}
    latency_by_length: tuple[LengthBucket, ...] = ()

    @property
    def runs_as(self) -> str:
        """Engine and threads, as in "CTranslate2 int8 cpu, 1 thread"."""
        return runs_as(self.description, self.threads)

    @property
    def full_name(self) -> str:
        """The name with what it runs as: what a rival is called wherever a ratio is written."""
        return f"{self.name} ({self.runs_as})" if self.runs_as else self.name


class LatencyConditions(_Part):
    """How latency was measured."""

    sentences: int
    rounds: int
    warmup: int
    length_of: Literal["source", "output"] = "source"
    """Which length `latency_by_length` goes by."""


class Training(BaseModel):
    """How a model was trained; further keys (parameters, dev loss ...) are kept as they are."""

    model_config = ConfigDict(extra="allow", frozen=True)
    updates: int
    seconds: float
    """Wall time."""
    tokens: int | None = None
    """Of the targets, padding left out."""
    machine: str = ""
    """Where it was trained, if not where it was measured."""


class Results(_Part):
    """Everything in a `results.json`."""

    name: str
    """Of the recipe."""
    command: str
    """What to type to get these results; no absolute paths."""
    seed: int
    machine: str
    """From `machine_kind`."""
    versions: dict[str, str]
    """From `versions`."""
    src: str
    tgt: str
    test_sentences: int
    references: Literal["people", "teacher"] = "people"
    """Who wrote what the translations are compared with: people, or the run's own teacher."""
    translated: Literal["in batches", "each sentence alone"] = "in batches"
    """How what quality is told of was translated; torch writes the same in batches as alone."""
    bleu_signature: str
    """Empty, like chrF's, where there are no references."""
    chrf_signature: str
    baseline: str | None = None
    """The system that the p-values compare with."""
    rivals: tuple[str, ...] = ()
    """The systems that the others' speed is compared with, one column each."""
    latency: LatencyConditions | None = None
    training: dict[str, Training] = {}
    systems: tuple[System, ...]

    @model_validator(mode="after")
    def _names_are_known(self) -> Results:
        names = [system.name for system in self.systems]
        if len(set(names)) != len(names):
            raise ValueError(f"two systems have one name: {names}")
        unknown = {*self.rivals, *filter(None, [self.baseline])} - set(names)
        if unknown:
            raise ValueError(f"rivals or baseline that are not among the systems: {sorted(unknown)}")
        for rival in self.rival_systems:
            if rival.p50_ms is None:
                raise ValueError(f"the rival {rival.name!r} has no p50_ms")
        return self

    @property
    def rival_systems(self) -> tuple[System, ...]:
        """The rivals themselves, in the order of their columns."""
        by_name = {system.name: system for system in self.systems}
        return tuple(by_name[name] for name in self.rivals)


def parse_results(results: Mapping[str, Any]) -> Results:
    """Validates parsed JSON. Raises DataError naming the bad keys."""
    try:
        return Results.model_validate(results)
    except ValidationError as error:
        problems = [
            f"{'.'.join(map(str, problem['loc'])) or 'results'}: {problem['msg']}"
            for problem in error.errors()
        ]
        more = [f"and {len(problems) - SHOWN} more"] if len(problems) > SHOWN else []
        raise DataError(
            "The results do not have the form of a results.json: " + "; ".join([*problems[:SHOWN], *more]),
            fix="if an older version measured them: `onepass run RECIPE --to RUN --from evaluate`",
        ) from None


def result_row(
    name: str,
    *,
    model: str,
    traits: Traits,
    quality: Quality | None = None,
    latency: Latency | None = None,
    lengths: Sequence[int] = (),
) -> dict[str, Any]:
    """An entry of `systems` in `results.json`, rounded to what the measurement supports.

    Args:
        name: unique in the table.
        model: which weights, see `System`.
        traits: what it is.
        quality: None where it was not measured.
        latency: None where it was not measured.
        lengths: subwords of each sentence that was timed, or of what the system wrote for it; if empty, the
            latency by length is left out.
    """
    row: dict[str, Any] = {"name": name, "model": model, "traits": traits.model_dump(exclude_none=True)}
    if quality is not None:
        row |= {
            "bleu": round(quality.bleu, 2),
            "bleu_interval": quality.interval and [round(bound, 2) for bound in quality.interval],
            "p_value": quality.p_value and round(quality.p_value, 4),
            "chrf": round(quality.chrf, 2),
            "length_ratio": round(quality.length_ratio, 4),
            "repetition_rate": round(quality.repetition_rate, 5),
        }
    if latency is not None:
        row |= {
            "p50_ms": round(latency.p50_ms, 3),
            "p90_ms": round(latency.p90_ms, 3),
            "p99_ms": round(latency.p99_ms, 3),
            "mean_ms": round(latency.mean_ms, 3),
            "spread": round(latency.spread, 3),
            "threads": latency.threads,
            "description": latency.description,
            "throughput": {str(size): round(rate, 2) for size, rate in latency.throughput.items()},
            "batches_as": latency.batches_as or None,
        }
        if lengths:
            row["latency_by_length"] = latency_by_length(lengths, latency.seconds)
        for key in ("tried_ms", "tried_in_batches"):
            if tried := getattr(latency, key):
                row[key] = {setting: round(value, 2) for setting, value in tried.items()}
    return {key: value for key, value in row.items() if value is not None}
