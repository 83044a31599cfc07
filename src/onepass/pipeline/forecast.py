"""What a run will take, before anything starts: parameters, tokens, hours, disk and memory by stage.

Every stage is rehearsed on a sample of the corpus (`pipeline.rehearsal`). What it took there is drawn out to
the whole: a start, which is there once, and so much for each line, update, validation or sentence. Hours are
an upper bound: a training stops early when the dev loss no longer falls.
"""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from onepass.evaluation.latency import PASS_SECONDS
from onepass.evaluation.league import WARMUP
from onepass.evaluation.machine import machine_kind
from onepass.pipeline.inventory import one_pass_models
from onepass.pipeline.plan import EXERCISES
from onepass.pipeline.rehearsal import DEV_TRANSLATED, Rehearsal, Sample, read_sample
from onepass.pipeline.rehearse import FEWEST_UPDATES, LARGE, SMALL
from onepass.pipeline.stage import Stage
from onepass.recipe import Recipe
from onepass.settings import AlignSettings, EvaluateSettings, TrainingSettings

TOKENS_PER_WORD = 1.4
"""Subwords of a word, where there is no tokenizer yet: of the 8,000-piece one on Tatoeba."""
LEARNT_PAIRS_PER_SECOND = 2575
"""That FastAlign learns from in both directions, 5 times, on one core, where both sides have 9 subwords:
docs/results/benchmarks/align_speed.json."""
ALIGNED_PAIRS_PER_SECOND = 7800
"""That it then aligns in both directions, of the same length."""
GROWTH_OF_LEARNING, GROWTH_OF_ALIGNING = 1.8, 1.35
"""Powers of the length that the time of a pair grows with: of 27 subwords it is
docs/results/benchmarks/align_speed_long.json."""
CTRANSLATE2_SPEEDUP = 4
"""Over greedy search in torch on a CPU, docs/results/benchmarks/distill_speed.json."""
BYTES_OF_LINE, MOST_LEARNT = 135, 1_000_000
"""Of memory for each pair that subwords are learnt from, and how many these are at most:
docs/results/scale/two_prepare.json and two_prepare_2m.json."""
FLOAT = 4


class CorpusSize(NamedTuple):
    """The size of the training corpus; `length` is the mean number of target subwords, estimated."""

    pairs: int
    length: int

    @classmethod
    def of(cls, sample: Sample) -> CorpusSize:
        """That of the corpus a sample was drawn from."""
        words = sample.words / max(sample.pairs, 1)
        return cls(sample.pairs, max(round(TOKENS_PER_WORD * words), 1))


class Estimate(NamedTuple):
    """A stage's line of the plan; what does not apply, or is not known, is None.

    Memory is that of all processes of the stage together, or of the GPU where there is one.
    """

    stage: str
    parameters: int | None
    tokens: int | None
    hours: float
    disk_bytes: int
    memory_bytes: int | None = None


class Plan(NamedTuple):
    """All lines, and what holds for the whole run."""

    estimates: list[Estimate]
    corpus: CorpusSize
    machine: str


def measure_corpus(recipe: Recipe) -> CorpusSize:
    """Reads the training corpus once; a text without a translation counts as long as one.

    Raises:
        DataError: it cannot be read.
    """
    return CorpusSize.of(read_sample(recipe))


def plan_run(recipe: Recipe, *, probe_seconds: float = 30.0, clock: str = "wall") -> Plan:
    """Rehearses every stage, and estimates what it takes.

    Args:
        recipe: resolved.
        probe_seconds: for what can be cut of all rehearsals together; starts of processes come on top.
        clock: `wall`, or `cpu` for CPU seconds.

    Raises:
        DataError: the training corpus cannot be read.
        ModelError: a rehearsal failed.
    """
    sample = read_sample(recipe, clock)
    with tempfile.TemporaryDirectory(prefix="onepass-plan-") as name:
        forecast = _Forecast(Rehearsal(recipe, sample, Path(name), clock))
        share = probe_seconds / len(forecast.rehearsal.stages())
        for stage in forecast.rehearsal.stages():
            forecast.add(stage, share)
    return Plan(forecast.finished(), forecast.size, machine_kind())


class _Translating(NamedTuple):
    """What the teacher's translations take; `memory` is of a few hundred lines."""

    start: float
    each: float
    memory: int | None


class _Forecast:
    """The lines of a plan, stage by stage."""

    def __init__(self, rehearsal: Rehearsal) -> None:
        self.rehearsal, self.recipe = rehearsal, rehearsal.recipe
        self.size = CorpusSize.of(rehearsal.sample)
        self._models = one_pass_models(self.recipe)
        self._found: dict[str, Estimate] = {}
        self._of_line: _Translating | None = None

    def add(self, stage: Stage, seconds: float) -> None:
        """Rehearses a stage and estimates it."""
        took = self.rehearsal.measure(stage, seconds)
        if stage.distributed:
            found = self._training(stage.name, took)
        elif stage.name == "evaluate":
            found = self._evaluating(took)
        elif stage.name == "teacher":  # it is read
            [once] = took["seconds"]
            found = Estimate(stage.name, None, None, once / 3600, took["disk"][LARGE], took["memory"])
        else:
            found = self._texts(stage, took)
        self._found[stage.name] = found

    def finished(self) -> list[Estimate]:
        """All lines in order."""
        data, line = self.recipe.data, self._of_line
        held_out = [split for split in ("dev", "test") if not getattr(data, split)]
        if line and held_out and data.mono and not data.distilled:
            # In prepare the teacher translates what is held out, as it does all other lines later.
            found = self._found["prepare"]
            seconds = line.start + line.each * len(held_out) * data.held_out
            memory = max(found.memory_bytes or 0, line.memory or 0) or None
            hours = found.hours + seconds / 3600
            self._found["prepare"] = found._replace(hours=hours, memory_bytes=memory)
        return list(self._found.values())

    def _training(self, name: str, took: Mapping[str, Any]) -> Estimate:
        """A start with two updates and a validation, and each further update and validation."""
        model = self._models.get(name)
        settings: TrainingSettings = self.recipe.teacher.training if model is None else model.training
        sample, updates, parameters = self.rehearsal.sample, settings.max_updates, took["parameters"]
        more = max(updates - FEWEST_UPDATES, 0) * settings.accumulate
        validations = max(math.ceil(updates / settings.validate_every) - 1, 0)
        validation = took["validation"] * max(sample.dev_size / max(len(sample.dev), 1), 1.0)
        seconds = took["cold"] + more * took["update"] + validations * validation
        # While it runs: two checkpoints (weights and Adam's two moments) and one that is being written;
        # weights kept for the mean, those that only the older checkpoint needs, and the bundle.
        disk = (3 * 3 + settings.average + 2) * FLOAT * parameters
        tokens = updates * settings.accumulate * settings.batch_tokens
        return Estimate(name, parameters, tokens, seconds / 3600, disk, took["memory"])

    def _texts(self, stage: Stage, took: Mapping[str, Any]) -> Estimate:
        """A start, and so much for each line."""
        lines, all_lines = self.rehearsal.lines, self.size.pairs
        if self.rehearsal.translates(stage):
            lines = self.rehearsal.few
        elif stage.name == EXERCISES:
            lines, all_lines = self.rehearsal.exercises, self.recipe.distill.exercises
        start, each = line_through(took["seconds"], lines)
        if self.rehearsal.translates(stage):
            self._of_line = _Translating(start, each, took["memory_of_small"])
        grown = float(all_lines)
        if stage.apart:  # dev is translated, too
            dev = self.rehearsal.sample.dev_size
            grown += dev if self.rehearsal.translates(stage) else 0
            start += dev * self._dev_line(took)
        if stage.name.startswith("align"):
            # What FastAlign learns from is but a sample, where the corpus is large.
            settings, length, some = self.recipe.align, self.size.length, lines[LARGE]
            grown = (
                some
                * aligning_seconds(settings, all_lines, length)
                / aligning_seconds(settings, some, length)
            )
        seconds = start + each * grown + (self.rehearsal.sample.seconds if stage.name == "prepare" else 0)
        if self.rehearsal.in_torch and stage.apart and not self.rehearsal.on_gpu:
            seconds /= 1 if stage.name.startswith("back") else CTRANSLATE2_SPEEDUP
        memory = took["memory"]
        if stage.name == "prepare" and memory is not None and not self.recipe.teacher.is_read:
            memory += BYTES_OF_LINE * max(min(all_lines, MOST_LEARNT) - lines[LARGE], 0)
        disk = round(drawn_out(took["disk"], lines, all_lines))
        return Estimate(stage.name, None, None, seconds / 3600, disk, memory)

    def _dev_line(self, took: Mapping[str, Any]) -> float:
        """Seconds of a sentence of dev where no other is translated; else 0, or where it is not known."""
        more = min(len(self.rehearsal.sample.dev), DEV_TRANSLATED) - 1
        if not self.recipe.data.distilled or "extremes" not in took or len(took["seconds"]) < 3 or not more:
            return 0.0
        seconds: float = took["extremes"] - took["seconds"][-1]
        return max(seconds, 0.0) / more

    def _evaluating(self, took: Mapping[str, Any]) -> Estimate:
        """A start, and what all systems take for the sentences, by the speeds of the rehearsal."""
        settings, sample = self.recipe.evaluate, self.rehearsal.sample
        [seconds] = took["seconds"]
        path = self.rehearsal.folder / LARGE / "evaluate" / "results.json"
        systems = json.loads(path.read_text(encoding="utf-8"))["systems"]
        tested = len(sample.test)
        timed = min(tested, settings.latency_sentences)
        if timed:
            short = systems_seconds(systems, settings, tested=tested, timed=timed, rounds=1)
            whole = min(sample.test_size, settings.latency_sentences)
            long = systems_seconds(
                systems, settings, tested=sample.test_size, timed=whole, rounds=settings.rounds
            )
            seconds = max(seconds + (long - short) * took["share"], 0)
        else:
            seconds += took["translating"] * (sample.test_size / max(tested, 1) - 1)
        return Estimate("evaluate", None, None, seconds / 3600, took["disk"][LARGE], took["memory"])


def line_through(seconds: Sequence[float], lines: Mapping[str, int]) -> tuple[float, float]:
    """Seconds of the start, and of each line.

    Args:
        seconds: of a rehearsal: with few lines and imports, which a run has once and not for each stage;
            with few lines again; with many, if time allows.
        lines: how many there were in either.
    """
    if len(seconds) == 2 or lines[LARGE] <= lines[SMALL]:
        return 0.0, seconds[1] / max(lines[SMALL], 1)
    _, again, many = seconds
    each = max(many - again, 0.0) / (lines[LARGE] - lines[SMALL])
    return max(again - each * lines[SMALL], 0.0), each


def systems_seconds(
    systems: Iterable[Mapping[str, Any]], settings: EvaluateSettings, *, tested: int, timed: int, rounds: int
) -> float:
    """What systems take to translate and to be timed.

    Args:
        systems: rows of `results.json` with their speeds.
        settings: batch sizes.
        tested: sentences of the test set.
        timed: sentences that are timed.
        rounds: of timing.
    """
    seconds = 0.0
    for system in systems:
        rates = {int(size): rate for size, rate in system["throughput"].items()}
        alone = system["mean_ms"] / 1000
        seconds += tested * (1 / max(rates.values()) if system["traits"]["engine"] == "torch" else alone)
        turn = (WARMUP + timed) * alone
        for size in {*settings.batch_sizes} - {1}:
            one_pass = timed / rates[size]
            turn += max(WARMUP, size) / rates[size] + one_pass * max(
                1, min(16, round(PASS_SECONDS / one_pass))
            )
        seconds += rounds * turn
    return seconds


def drawn_out(sizes: Mapping[str, int], lines: Mapping[str, int], all_lines: int) -> float:
    """Bytes for all lines, by those of the small and of the large rehearsal; 0 where that was not done."""
    if not sizes[LARGE] or lines[LARGE] <= lines[SMALL]:
        return sizes[SMALL] * all_lines / max(lines[SMALL], 1)
    each = (sizes[LARGE] - sizes[SMALL]) / (lines[LARGE] - lines[SMALL])
    return max(sizes[LARGE] + each * (all_lines - lines[LARGE]), 1)


def aligning_seconds(settings: AlignSettings, pairs: int, length: int) -> float:
    """What a stage takes on one core that aligns pairs of `length` subwords a side."""
    aligned = min(settings.max_pairs or pairs, pairs)
    learnt = min(settings.sample_pairs, aligned) * settings.iterations / 5
    longer = length / 9
    learning: float = learnt / LEARNT_PAIRS_PER_SECOND * longer**GROWTH_OF_LEARNING
    aligning: float = aligned / ALIGNED_PAIRS_PER_SECOND * longer**GROWTH_OF_ALIGNING
    return learning + aligning


def render_plan(plan: Plan) -> list[str]:
    """The plan as lines of text."""
    lines = [
        f"{'stage':<24}{'parameters':>14}{'tokens':>16}{'hours':>10}{'disk':>12}{'memory':>12}",
    ]
    for stage, parameters, tokens, hours, disk, memory in plan.estimates:
        cells = [f"{n:,}" if n is not None else "" for n in (parameters, tokens)]
        held = "" if memory is None else _size(memory)
        lines.append(
            f"{stage:<24}{cells[0]:>14}{cells[1]:>16}{_hours(hours):>10}{_size(disk):>12}{held:>12}".rstrip()
        )
    total = sum(estimate.hours for estimate in plan.estimates)
    disk = sum(estimate.disk_bytes for estimate in plan.estimates)
    lines += [
        f"{'together, at most':<24}{'':>30}{_hours(total):>10}{_size(disk):>12}",
        f"corpus: {plan.corpus.pairs:,} pairs of about {plan.corpus.length} target tokens",
        f"machine: {plan.machine}",
    ]
    return lines


def _hours(hours: float) -> str:
    if hours >= 1:
        return f"{hours:.1f} h"
    return f"{hours * 60:.1f} min" if hours * 60 >= 1 else f"{hours * 3600:.1f} s"


def _size(size: float) -> str:
    power = min(int(math.log(max(size, 1), 1024)), 3)
    return f"{size / 1024**power:.{power // 3}f} {('B', 'KiB', 'MiB', 'GiB')[power]}"
