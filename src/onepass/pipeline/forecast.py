"""What a run will take, before anything starts: parameters, tokens, hours, disk and memory by stage.

Each training is probed for some seconds on this machine with its own sizes and random sentences as long
as the corpus's. Hours are an upper bound: a training stops early when the dev loss no longer falls.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from itertools import chain
from typing import Any, NamedTuple

import torch

from onepass.corpora.mono import read_mono
from onepass.corpora.sources import read_pairs
from onepass.evaluation.machine import machine_kind
from onepass.families import AUTOREGRESSIVE
from onepass.models import MODELS, Model
from onepass.models.marian import settings_of
from onepass.models.stepwise import Stepwise, WordByWord
from onepass.objectives import finetune_objective, student_objective
from onepass.objectives.objective import Batch, Objective
from onepass.objectives.teacher import TeacherObjective
from onepass.objectives.vocabulary import VocabularySample
from onepass.pipeline.inventory import (
    REVERSE_TEACHER,
    aligned_corpora,
    back_translations,
    one_pass_models,
)
from onepass.pipeline.peak_memory import forget_peak, peak_bytes
from onepass.recipe import Recipe
from onepass.settings import AlignSettings, StudentSettings, TrainingSettings, TransformerSettings
from onepass.teachers.find import find_teacher
from onepass.teachers.read import read_teacher_files
from onepass.training.loop import has_bf16

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
PROBE_SENTENCES = 32
FLOAT = 4


class CorpusSize(NamedTuple):
    """The size of the training corpus; `length` is the mean number of target subwords, estimated."""

    pairs: int
    length: int


class Estimate(NamedTuple):
    """A stage's line of the plan; what does not apply, or is not known, is None.

    Memory is that of a training: of its process, or of its GPU where there is one.
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
    data = recipe.data
    pairs = words = 0
    corpus = read_pairs(data.train, split="train", src=data.src, tgt=data.tgt)
    for pair in chain(corpus, read_mono(data)):
        pairs += 1
        words += len((pair.tgt or pair.src).split())
    return CorpusSize(pairs, max(round(TOKENS_PER_WORD * words / max(pairs, 1)), 1))


def plan_run(recipe: Recipe, *, probe_seconds: float = 30.0) -> Plan:
    """Estimates every stage but `evaluate`.

    Args:
        recipe: resolved.
        probe_seconds: for all probes together.

    Raises:
        DataError: the training corpus cannot be read.
    """
    corpus = measure_corpus(recipe)
    models = one_pass_models(recipe)
    share = probe_seconds / (len(models) + 2)
    estimates = []
    forget_peak()
    teacher = _Probe(recipe, None, corpus)
    if recipe.needs_teacher and not recipe.teacher.is_read:
        estimates.append(_training("teacher", teacher, recipe.teacher.training, share))
    if back_translations(recipe):
        # As large and as long as the teacher, which is there where there is something to translate.
        estimates.append(estimates[0]._replace(stage=REVERSE_TEACHER))
    estimates += _corpora(recipe, corpus, teacher, share)
    del teacher
    for name, model in models.items():
        forget_peak()
        probe = _Probe(recipe, model.settings, corpus, finetuned=model.base is not None)
        estimates.append(_training(name, probe, model.training, share))
        del probe
    return Plan(estimates, corpus, machine_kind())


def _corpora(recipe: Recipe, size: CorpusSize, teacher: _Probe, seconds: float) -> Iterator[Estimate]:
    """What students learn from: new sources, the teacher's translations, alignments."""
    corpora = aligned_corpora(recipe)
    rate = teacher.translations_per_second(seconds) if corpora else 1.0
    text = size.pairs * size.length * 10
    for new in back_translations(recipe):
        hours = new.samples * size.pairs / rate / 3600
        yield Estimate(new.stage, None, None, hours, new.samples * text)
    for corpus in corpora:
        distillation, times = corpus.distillation, 1
        if distillation is not None:
            if distillation.back_translation is not None:
                times += distillation.back_translation.samples
            hours = times * size.pairs / rate / 3600
            if recipe.distill.engine == "ctranslate2" and teacher.device == "cpu":
                hours /= CTRANSLATE2_SPEEDUP
            yield Estimate(distillation.stage, None, None, hours, times * text)
        pairs = times * size.pairs
        ids = pairs * size.length * 3 * FLOAT
        seconds = aligning_seconds(recipe.align, pairs, size.length)
        yield Estimate(corpus.stage, None, None, seconds / 3600, ids)


def aligning_seconds(settings: AlignSettings, pairs: int, length: int) -> float:
    """What a stage takes on one core that aligns pairs of `length` subwords a side."""
    aligned = min(settings.max_pairs or pairs, pairs)
    learnt = min(settings.sample_pairs, aligned) * settings.iterations / 5
    longer = length / 9
    learning: float = learnt / LEARNT_PAIRS_PER_SECOND * longer**GROWTH_OF_LEARNING
    aligning: float = aligned / ALIGNED_PAIRS_PER_SECOND * longer**GROWTH_OF_ALIGNING
    return learning + aligning


def _training(name: str, probe: _Probe, settings: TrainingSettings, seconds: float) -> Estimate:
    tokens = settings.max_updates * settings.accumulate * settings.batch_tokens
    hours = tokens / probe.tokens_per_second(settings, seconds) / 3600
    # While it runs: two checkpoints (weights and Adam's two moments) and one that is being written; weights
    # kept for the mean, those that only the older checkpoint needs, and the bundle.
    disk = (3 * 3 + settings.average + 2) * FLOAT * probe.parameters
    return Estimate(name, probe.parameters, tokens, hours, disk, peak_bytes())


class _Probe:
    """A model with a recipe's sizes and random weights, and its speed."""

    def __init__(
        self, recipe: Recipe, student: StudentSettings | None, corpus: CorpusSize, *, finetuned: bool = False
    ) -> None:
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.recipe, self.student, self.corpus, self.finetuned = recipe, student, corpus, finetuned
        self.words, joint = recipe.tokenizer.vocab_size, recipe.tokenizer.joint
        teacher_sizes = recipe.teacher.model
        if recipe.teacher.from_ is not None:
            files = find_teacher(recipe.teacher.from_, unpickle=recipe.teacher.unpickle)
            read = read_teacher_files(files).sizes
            teacher_sizes, self.words, joint = settings_of(read), read.tgt_size, read.joint

        def build(family: str, student: StudentSettings, sizes: TransformerSettings) -> Model:
            model = MODELS[family](sizes, student, self.words, self.words, joint=joint)
            return model.to(self.device)

        def build_student(student: StudentSettings) -> Model:
            return build(student.family, student, student.sizes(teacher_sizes))

        teacher = build(AUTOREGRESSIVE.name, StudentSettings(), teacher_sizes)
        assert isinstance(teacher, WordByWord)
        self.teacher = teacher
        self.model = teacher if student is None else build_student(student)
        larger = None if student is None or finetuned else recipe.larger(student)
        self.larger: Any = None if larger is None else build_student(larger).eval()
        self.parameters = sum(p.numel() for p in self.model.parameters())

    def tokens_per_second(self, settings: TrainingSettings, seconds: float) -> float:
        """Tokens learnt a second, from updates that do all that an update does."""
        length = self.corpus.length
        sentences = max(settings.batch_tokens // length, 1)
        ids = torch.randint(4, self.words, (sentences, length), device=self.device)
        batch = Batch(ids, ids, torch.ones_like(ids))
        objective: Objective = TeacherObjective(settings.label_smoothing)
        if self.student is not None:
            sample = None
            if settings.vocabulary_sample is not None:
                sample = VocabularySample.of_counts(torch.ones(self.words), *settings.vocabulary_sample)
            objective = student_objective(self.student, self.model, self.larger, sample, self.teacher)
            if self.finetuned and self.student.finetune is not None:
                teacher = self.teacher if self.student.finetuned_by_teacher else None
                objective = finetune_objective(self.student, teacher, sample)
        optimizer = torch.optim.Adam(self.model.parameters(), lr=1e-6, fused=True)
        device = torch.device(self.device)
        bf16 = settings.precision == "bf16" or (settings.precision == "auto" and has_bf16(device))
        self.model.train()

        def update() -> None:
            with torch.autocast(self.device, torch.bfloat16, enabled=bf16):
                terms = objective.terms(self.model, batch)
            sum(term.weight * term.sum / term.count for term in terms.values()).backward()  # type: ignore[union-attr]
            optimizer.step()
            optimizer.zero_grad()
            if self.device == "cuda":
                torch.cuda.synchronize()

        update()  # the first one compiles and allocates
        start, updates = time.perf_counter(), 0
        while updates == 0 or time.perf_counter() - start < seconds:
            update()
            updates += 1
        return updates * ids.numel() / (time.perf_counter() - start)

    def translations_per_second(self, seconds: float) -> float:
        """Sentences of the corpus's length translated a second by greedy search in torch."""
        length = self.corpus.length
        ids = torch.randint(4, self.words, (PROBE_SENTENCES, length), device=self.device)
        teacher: Stepwise[Any] = self.teacher.eval()
        start, done = time.perf_counter(), 0
        with torch.no_grad():
            while done == 0 or time.perf_counter() - start < seconds:
                cache = teacher.start(teacher.encode(ids))
                last = ids[:, 0]
                for _ in range(length + 1):
                    last = teacher.step(last, cache).argmax(-1)
                done += PROBE_SENTENCES
        return done / (time.perf_counter() - start)


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
    return f"{hours:.1f} h" if hours >= 1 else f"{hours * 60:.1f} min"


def _size(size: float) -> str:
    power = min(int(math.log(max(size, 1), 1024)), 3)
    return f"{size / 1024**power:.0f} {('B', 'KiB', 'MiB', 'GiB')[power]}"
