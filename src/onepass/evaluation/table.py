"""The league table of a run, rendered for the terminal and in Markdown.

A ratio of speeds never stands without its rival: each rival has a column, and the column's header names it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from onepass.evaluation.results import Results, System, Training, parse_results

SIGNIFICANT = 0.05
NOISY_SPREAD = 1.2
"""Rounds of one system that differ by more than this factor are called noisy."""
VOCABULARY_MAP = "vocabulary map"
"""What a rival in CTranslate2 says that it runs with, where that was the fastest."""
RIVALS_ACROSS = 4
"""As many ratios stand side by side, so that no table has more than eight columns."""


def render_rich(results: Mapping[str, Any]) -> Table:
    """The league table for the terminal: the narrow columns only, what runs as what in the notes below.

    Raises:
        DataError: the results are malformed.
    """
    valid = parse_results(results)
    notes = Text("\n".join([*engine_notes(valid.systems), *_notes(valid)]))
    table = Table(title=Text(valid.name), caption=notes, caption_justify="left")
    columns = _summary(valid)
    for title in columns:
        table.add_column(Text(title), justify="left" if title == "system" else "right")
    for row in zip(*columns.values(), strict=True):
        table.add_row(*map(Text, row))
    return table


def render_markdown(results: Mapping[str, Any]) -> str:
    """Tables of quality, of times and of throughput, none wider than eight columns, and their conditions.

    Raises:
        DataError: the results are malformed.
    """
    valid = parse_results(results)
    parts = [markdown_table(_quality(valid))]
    parts += map(markdown_table, _times(valid))
    if any(set(system.throughput) - {1} for system in valid.systems):
        parts.append("Sentences per second, by batch size (unsorted):")
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
    return markdown_table(_summary(valid)) + "\n" + (f"\n{notes}\n" if notes else "")


def _summary(results: Results) -> dict[str, list[str]]:
    """What fits a terminal: quality beside times and ratios, by title."""
    systems = results.systems
    return {
        "system": [s.name for s in systems],
        "BLEU": [_bleu(s) for s in systems],
        "chrF": [number(s.chrf) for s in systems],
        "ms p50": [_median(s) for s in systems],
        "ms p99": [number(s.p99_ms) for s in systems],
        **_ratios(systems, results.rival_systems),
    }


def _quality(results: Results) -> dict[str, list[str]]:
    """The columns of the table of quality by title, and what each system runs as."""
    systems = results.systems
    runs = {"system": [s.name for s in systems], "runs as": [s.runs_as or "–" for s in systems]}
    if all(s.bleu is None for s in systems):
        return runs
    return {
        **runs,
        "BLEU": [_bleu(s) for s in systems],
        "BLEU 95%": [_range(s.bleu_interval) for s in systems],
        "chrF": [number(s.chrf) for s in systems],
        "length": ["–" if s.length_ratio is None else f"{s.length_ratio:.2f}" for s in systems],
        "repeats": ["–" if s.repetition_rate is None else f"{s.repetition_rate:.1%}" for s in systems],
    }


def _times(results: Results) -> Iterator[dict[str, list[str]]]:
    """The columns of the tables of times: percentiles beside the first ratios, further ratios below."""
    timed = [s for s in results.systems if s.p50_ms is not None]
    if not timed:
        return
    names = {"system": [s.name for s in timed]}
    percentiles = {
        "ms p50": [_median(s) for s in timed],
        "ms p90": [number(s.p90_ms) for s in timed],
        "ms p99": [number(s.p99_ms) for s in timed],
    }
    rivals = results.rival_systems
    yield {**names, **percentiles, **_ratios(timed, rivals[:RIVALS_ACROSS])}
    for start in range(RIVALS_ACROSS, len(rivals), RIVALS_ACROSS):
        yield {**names, **_ratios(timed, rivals[start : start + RIVALS_ACROSS])}


def _ratios(systems: Sequence[System], rivals: Sequence[System]) -> dict[str, list[str]]:
    return {f"speed vs {rival.name}": [speed_ratio(s, rival) for s in systems] for rival in rivals}


def _bleu(system: System) -> str:
    return number(system.bleu) + ("†" if _is_insignificant(system) else "")


def _median(system: System) -> str:
    return number(system.p50_ms) + ("‡" if is_noisy(system) else "")


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


def is_noisy(system: System) -> bool:
    """Whether the medians of its rounds differ too much to be trusted."""
    return system.spread is not None and system.spread > NOISY_SPREAD


def is_fair(system: System, rival: System) -> bool:
    """Whether a rival had what the system has: for a graph's shortlist CTranslate2 has a vocabulary map.

    The map counts where it was tried, even where the rival was faster without it.
    """
    if system.traits.engine != "ONNX Runtime" or rival.traits.engine != "CTranslate2":
        return True
    return any(VOCABULARY_MAP in setting for setting in (rival.description, *rival.tried_ms))


def speed_ratio(system: System, rival: System) -> str:
    """How many times the rival's speed, by median latency, as in "3.1x"; "–" where there is no fair one."""
    if system.p50_ms is None or rival.p50_ms is None or not is_fair(system, rival):
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
            f"references, in tokens; repeats: words that repeat the one before them. "
            f"Translated {results.translated}."
        )
    if results.references == "teacher":
        notes.append(
            "The references are the teacher's own translations: the quality says how much a student writes "
            "like the teacher, not how good either is."
        )
    if results.latency is not None:
        notes.append(
            f"Milliseconds per sentence, text to text, one sentence at a time: percentiles of "
            f"{results.latency.sentences:,} sentences, {results.latency.rounds} round(s) after a warm-up, "
            f"each system in a process of its own, taking turns. Speed is the rival's median over the "
            f"system's."
        )
    notes += _marks(results)
    taught = (system.model for system in results.systems if system.traits.role == "teacher")
    teacher = results.training.get(next(taught, ""))
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
    if any(map(is_noisy, results.systems)):
        notes.append(f"‡ noisy: the medians of its rounds differ by more than a factor of {NOISY_SPREAD}.")
    return notes


def _training_note(model: str, training: Training, teacher: Training | None) -> str:
    hours, minutes = divmod(round(training.seconds / 60), 60)
    wall_time = f"{hours} h {minutes:02} min" if hours else f"{training.seconds / 60:.1f} min"
    where = f" on {training.machine}" if training.machine else ""
    parts = [f"Training of {model}: {training.updates:,} updates in {wall_time}{where}"]
    if training.tokens is not None and training.seconds:
        rate = training.tokens / training.seconds
        parts.append(f"{training.tokens / 1e6:.1f} million target tokens, {rate:,.0f} per second")
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
