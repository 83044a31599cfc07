"""The league table of a run: what `results.json` holds, and the tables rendered from it.

`Results` is the schema of `results.json`. The renderers and the figures take the parsed JSON and validate it
first, so a key that is misspelt or missing is an error and not an empty column. A ratio of speeds never
stands without its rival: each rival has a column, and the column's header names it.
"""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from rich.table import Table
from rich.text import Text

from onepass.errors import DataError
from onepass.evaluation.latency import NOISY_SPREAD, Latency, latency_by_length, runs_as
from onepass.evaluation.quality import Quality
from onepass.runtime.cores import available_cores

PACKAGES = ("onepass", "torch", "ctranslate2", "onnxruntime", "sacrebleu", "sentencepiece")
SIGNIFICANT = 0.05
INSTRUCTIONS = {"amx_int8": "AMX", "avx512_vnni": "AVX-512 VNNI", "avx512f": "AVX-512", "avx2": "AVX2"}
"""What Linux calls them, the fastest first."""

Positive = Annotated[float, Field(gt=0)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


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
    """The key of its training in `Results.training`; "teacher" is drawn as one, all else as students."""
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
        for rival in self.rivals:
            if self.system(rival).p50_ms is None:
                raise ValueError(f"the rival {rival!r} has no p50_ms")
        return self

    def system(self, name: str) -> System:
        """The system of this name."""
        return next(system for system in self.systems if system.name == name)


def parse_results(results: Mapping[str, Any]) -> Results:
    """Validates parsed JSON. Raises DataError naming each bad key."""
    try:
        return Results.model_validate(results)
    except ValidationError as error:
        problems = (
            f"{'.'.join(map(str, problem['loc'])) or 'results'}: {problem['msg']}"
            for problem in error.errors()
        )
        raise DataError(
            "The results do not have the form of a results.json: " + "; ".join(problems)
        ) from None


def result_row(
    name: str,
    *,
    model: str,
    quality: Quality | None = None,
    latency: Latency | None = None,
    lengths: Sequence[int] = (),
) -> dict[str, Any]:
    """An entry of `systems` in `results.json`, rounded to what the measurement supports.

    Args:
        name: unique in the table.
        model: which training it comes from, "teacher" or another.
        quality: None where it was not measured.
        latency: None where it was not measured.
        lengths: subwords of each sentence that was timed, or of what the system wrote for it; if empty, the
            latency by length is left out.
    """
    row: dict[str, Any] = {"name": name, "model": model}
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


def render_rich(results: Mapping[str, Any]) -> Table:
    """The league table for the terminal: the narrow columns only, what runs as what in the notes below.

    Raises:
        DataError: the results are malformed.
    """
    valid = parse_results(results)
    notes = Text("\n".join([*engine_notes(valid.systems), *_notes(valid)]))
    table = Table(title=Text(valid.name), caption=notes, caption_justify="left")
    columns = _league(valid, compact=True)
    for title in columns:
        table.add_column(Text(title), justify="left" if title == "system" else "right")
    for row in zip(*columns.values(), strict=True):
        table.add_row(*map(Text, row))
    return table


def render_markdown(results: Mapping[str, Any]) -> str:
    """The league table, the throughput table and their conditions.

    Raises:
        DataError: the results are malformed.
    """
    valid = parse_results(results)
    parts = [markdown_table(_league(valid, compact=False))]
    if any(set(system.throughput) - {1} for system in valid.systems):
        parts.append("Sentences a second, by batch size (unsorted):")
        parts.append(markdown_table(_throughput(valid)))
    if valid.latency is not None and valid.latency.length_of == "source":
        parts.append(
            "Median milliseconds by source length (mean in subwords; in brackets how many sentences):"
        )
        parts.append(markdown_table(_by_length(valid)))
    parts.append("\n".join(f"- {note}" for note in _notes(valid, code="`")))
    return "\n\n".join(parts) + "\n"


def render_summary(results: Mapping[str, Any]) -> str:
    """The narrow columns of the league table in Markdown, and what the marks in it mean.

    Raises:
        DataError: the results are malformed.
    """
    valid = parse_results(results)
    notes = "\n".join(f"- {note}" for note in _marks(valid))
    return markdown_table(_league(valid, compact=True)) + "\n" + (f"\n{notes}\n" if notes else "")


def _league(results: Results, *, compact: bool) -> dict[str, list[str]]:
    """The columns of the league table by title; the compact ones are what fits a terminal."""
    systems = results.systems
    columns = {"system": [s.name for s in systems]}
    if not compact:
        columns["runs as"] = [s.runs_as or "–" for s in systems]
    columns["BLEU"] = [number(s.bleu) + ("†" if _is_insignificant(s) else "") for s in systems]
    if not compact:
        columns["BLEU 95%"] = [_range(s.bleu_interval) for s in systems]
    columns["chrF"] = [number(s.chrf) for s in systems]
    if not compact:
        columns["length"] = ["–" if s.length_ratio is None else f"{s.length_ratio:.2f}" for s in systems]
        columns["repeats"] = [
            "–" if s.repetition_rate is None else f"{s.repetition_rate:.1%}" for s in systems
        ]
    columns["ms p50"] = [number(s.p50_ms) + ("‡" if _is_noisy(s) else "") for s in systems]
    if not compact:
        columns["ms p90"] = [number(s.p90_ms) for s in systems]
    columns["ms p99"] = [number(s.p99_ms) for s in systems]
    for rival in map(results.system, results.rivals):
        title = f"speed vs {rival.name if compact else rival.full_name}"
        columns[title] = [speed_ratio(s, rival) for s in systems]
    return columns


def _throughput(results: Results) -> dict[str, list[str]]:
    """The columns of the throughput table by title."""
    systems = [system for system in results.systems if system.throughput]
    runs = [s.runs_as + (f"; in batches {s.batches_as}" if s.batches_as else "") for s in systems]
    columns = {"system": [s.name for s in systems], "runs as": [run or "–" for run in runs]}
    for size in sorted({size for system in systems for size in system.throughput}):
        columns[f"batch {size}"] = [number(s.throughput.get(size)) for s in systems]
    return columns


def _by_length(results: Results) -> dict[str, list[str]]:
    """The columns of the table by length, whose buckets are the same sentences for all systems."""
    systems = [system for system in results.systems if system.latency_by_length]
    columns = {"system": [system.name for system in systems]}
    for buckets in zip(*(system.latency_by_length for system in systems), strict=True):
        title = f"{buckets[0].length:.1f} ({buckets[0].sentences})"
        columns[title] = [number(bucket.p50_ms) for bucket in buckets]
    return columns


def number(value: float | None) -> str:
    """One decimal, none from a thousand on; "–" for what was not measured."""
    if value is None:
        return "–"
    return f"{value:.1f}" if value < 1000 else f"{value:,.0f}"


def _range(interval: tuple[float, float] | None) -> str:
    return "–" if interval is None else f"[{interval[0]:.1f}, {interval[1]:.1f}]"


def _is_insignificant(system: System) -> bool:
    return system.p_value is not None and system.p_value >= SIGNIFICANT


def _is_noisy(system: System) -> bool:
    return system.spread is not None and system.spread > NOISY_SPREAD


def speed_ratio(system: System, rival: System) -> str:
    """How many times the rival's speed, by median latency, as in "3.1x"; "–" where one was not measured."""
    if system.p50_ms is None or rival.p50_ms is None:
        return "–"
    ratio = rival.p50_ms / system.p50_ms
    return f"{ratio:.1f}x" if ratio >= 1 else f"{ratio:.2f}x"


def _notes(results: Results, *, code: str = "") -> list[str]:
    """What a reader must know to judge or repeat the numbers. `code` quotes signatures and commands."""
    notes = []
    if results.bleu_signature:
        notes.append(
            f"Quality on {results.test_sentences:,} test sentences, {results.src} to {results.tgt}: BLEU "
            f"{code}{results.bleu_signature}{code} with its 95% bootstrap interval, "
            f"chrF {code}{results.chrf_signature}{code}. Length: that of the translations over that of the "
            f"references, in tokens; repeats: words that repeat the one before them."
        )
    if results.latency is not None:
        notes.append(
            f"Milliseconds a sentence, text to text, one sentence at a time: percentiles of "
            f"{results.latency.sentences:,} sentences, {results.latency.rounds} round(s) after a warm-up, "
            f"each system in a process of its own, taking turns. Speed is the rival's median over the "
            f"system's."
        )
    notes += _marks(results)
    teacher = results.training.get("teacher")
    notes += [_training_note(model, training, teacher) for model, training in results.training.items()]
    installed = ", ".join(f"{name} {version}" for name, version in results.versions.items())
    notes.append(f"Machine: {results.machine}. Versions: {installed}.")
    notes.append(f"Seed {results.seed}; command: {code}{results.command}{code}.")
    return notes


def _marks(results: Results) -> list[str]:
    """What the marks in the table mean."""
    notes = []
    if results.baseline is not None and any(map(_is_insignificant, results.systems)):
        notes.append(
            f"† BLEU not significantly different from {results.baseline}'s "
            f"(paired bootstrap, p >= {SIGNIFICANT})."
        )
    if any(map(_is_noisy, results.systems)):
        notes.append(f"‡ noisy: the medians of its rounds differ by more than a factor of {NOISY_SPREAD}.")
    return notes


def _training_note(model: str, training: Training, teacher: Training | None) -> str:
    hours, minutes = divmod(round(training.seconds / 60), 60)
    wall_time = f"{hours} h {minutes:02} min" if hours else f"{training.seconds / 60:.1f} min"
    where = f" on {training.machine}" if training.machine else ""
    parts = [f"Training of {model}: {training.updates:,} updates in {wall_time}{where}"]
    if training.tokens is not None and training.seconds:
        rate = training.tokens / training.seconds
        parts.append(f"{training.tokens / 1e6:.1f} million target tokens, {rate:,.0f} a second")
    if teacher and teacher is not training and teacher.machine == training.machine and teacher.seconds:
        parts.append(f"{training.seconds / teacher.seconds:.2g}x the teacher's time")
    return "; ".join(parts) + "."


def engine_notes(systems: Sequence[System]) -> list[str]:
    """A line for each engine, with the systems that run on it."""
    engines = dict.fromkeys(system.runs_as for system in systems if system.runs_as)
    return [
        f"{engine}: {'; '.join(system.name for system in systems if system.runs_as == engine)}."
        for engine in engines
    ]


def markdown_table(columns: Mapping[str, Sequence[str]]) -> str:
    """Columns by title as a Markdown table; all but the descriptions are aligned to the right."""
    rule = ["---" if title in ("system", "runs as") else "--:" for title in columns]
    rows = [list(columns), rule, *zip(*columns.values(), strict=True)]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows)


def update_markdown_block(path: Path, marker: str, text: str) -> None:
    """Replaces what stands between `<!-- MARKER:begin -->` and `<!-- MARKER:end -->`, atomically.

    Raises:
        DataError: the page cannot be read, or does not have the two marks once each, in this order.
    """
    page = _read_page(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_text(_with_block(page, marker, text, path), encoding="utf-8", newline="\n")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def is_markdown_block_current(path: Path, marker: str, text: str) -> bool:
    """Whether `update_markdown_block` would leave the page as it is. Raises DataError as that does."""
    page = _read_page(path)
    return _with_block(page, marker, text, path) == page


def _read_page(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"Cannot read the page: {error}", where=path) from None


def _with_block(page: str, marker: str, text: str, path: Path) -> str:
    begin, end = f"<!-- {marker}:begin -->", f"<!-- {marker}:end -->"
    found = re.findall(f"{re.escape(begin)}|{re.escape(end)}", page)
    if found != [begin, end]:
        raise DataError(
            f"The page does not have the marks of block {marker!r} once each",
            where=path,
            value=found,
            fix=f"put {begin} and {end} on lines of their own",
        )
    before, rest = page.split(begin)
    return f"{before}{begin}\n{text.strip()}\n{end}{rest.split(end)[1]}"


def machine_kind() -> str:
    """The kind of machine in words, without its name: platform, processor, cores in reach, memory, GPU."""
    parts = [f"{platform.system()} {platform.machine()}", _processor(), f"{available_cores()} core(s)"]
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        parts.append(f"{os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / 2**30:.0f} GiB")
    parts.append(_gpu())
    return ", ".join(filter(None, parts))


def _processor(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """Its name and the fastest of its instructions for products in 8 bits: ratios depend on them."""
    try:
        text = cpuinfo.read_text(encoding="utf-8")
    except OSError:
        return platform.processor()
    lines = (line.split(":", 1) for line in text.splitlines() if ":" in line)
    found = {key.strip(): value.strip() for key, value in lines}
    flags = found.get("flags", "").split()
    fastest = next((name for flag, name in INSTRUCTIONS.items() if flag in flags), None)
    return " with ".join(filter(None, [found.get("model name"), fastest]))


def _gpu() -> str:
    try:
        import torch
    except ImportError:
        return ""
    return torch.cuda.get_device_name() if torch.cuda.is_available() else ""


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that matter to a result; those not installed are left out."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
