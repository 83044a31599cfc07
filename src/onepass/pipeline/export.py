"""Exporting a run's model for use: a bundle for the runtime that has proved itself, with its model card."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, get_args

import numpy as np

from onepass.alignment.lexicon import corpus_facts
from onepass.bundle import MANIFEST, WEIGHTS, Bundle, Card, Export, Measurement, TeacherQuality
from onepass.corpora.huggingface import without_revision
from onepass.display import Display
from onepass.errors import ModelError, UsageError
from onepass.export.model_card import render_card
from onepass.export.runtime_bundle import draft_bundle, export_facts, write_export_manifest
from onepass.families import family_named
from onepass.files import replacing_directory, write_text
from onepass.hub_name import HF, is_directory_of_dataset
from onepass.pipeline.inventory import (
    finished_stages,
    linked_corpus,
    main_model,
    one_pass_models,
    recorded_recipe,
)
from onepass.recipe import Recipe
from onepass.runtime.candidates import check_candidates
from onepass.runtime.text_translator import TextTranslator, Translation
from onepass.runtime.translator import CORRECTIONS, Precision, Translator, graph_files
from onepass.settings import DataSettings
from onepass.text.lines import read_lines
from onepass.text.tokenizers import AnyTokenizer

CHECKED_SENTENCES, CORRECTED_SENTENCES = 500, 100
MOST_LOST = 0.3
"""BLEU that a graph may lose: by rounding on the test set, if more is not chance, and on the dev set without
words that no training text had."""
TIE = 1e-3
"""Sums of log probabilities that differ by less are as likely but for rounding."""
MOST_TIES = 0.02
"""Share of the sentences in which rounding may decide."""
NUM_CANDIDATES = 10
"""Of the checks of an export with candidates."""
NUM_CORRECTIONS = 3
"""Of the same checks."""
MEASURED = ((1, 0), (4, 0), (NUM_CANDIDATES, 0), (1, NUM_CORRECTIONS))
"""Numbers of candidates and of corrections on its card."""
TIMED_SENTENCES = 200


def export_run(
    run: Path,
    to: Path,
    *,
    stage: str | None,
    candidates: bool,
    usual_candidates: int = 1,
    wanted: Sequence[Precision],
    display: Display,
    command: str,
) -> None:
    """Writes a bundle of a run's student, after it has shown that it translates as torch does.

    Args:
        run: a run directory whose student is trained.
        to: the directory to create.
        stage: the student [finetune, if the run has it, else student].
        candidates: the graphs also have candidates, with the run's teacher to choose.
        usual_candidates: how many it chooses among unless told.
        wanted: the precisions of the bundle.
        display: for progress.
        command: what the user typed.

    Raises:
        UsageError: `to` is something else than an older export, or the run has no such student or no
            candidates.
        DataError: a stage is not finished.
        ModelError: the check fails: the float32 ids differ from torch's, or int8 loses too much BLEU.
    """
    recipe = recorded_recipe(run)
    models = one_pass_models(recipe)
    stage = stage or main_model(recipe).stage
    if stage not in models:
        raise UsageError("The run has no such student", where=run, value=stage, allowed=", ".join(models))
    corpora = [corpus.stage for corpus in models[stage].corpora]
    of_teacher = ["teacher"] if candidates or recipe.teacher.is_read else []
    found = finished_stages(run, ["prepare", *corpora, stage, *of_teacher])
    student = Bundle.open(found[stage])
    _say_licence(student, display)
    teacher = Bundle.open(found["teacher"]) if candidates else None
    check_candidates(family_named(student.kind, where=student.directory), usual_candidates)
    ways = ((1, 0), (NUM_CANDIDATES, 0), (1, NUM_CORRECTIONS)) if candidates else ((1, 0),)
    with _new_directory(to) as partial:
        with display.stage("export") as progress:
            progress(0, 0, "writing graphs")
            learnt, began = [found[corpus] for corpus in corpora], models[stage].settings.init is not None
            facts = export_facts(learnt, student.tokenizer(), found.get("teacher"), trained_before=began)
            bundle = draft_bundle(student, partial, facts, teacher=teacher, usual_candidates=usual_candidates)
            texts = {
                name: read_lines(found["prepare"] / name)
                for name in ("dev.src", "dev.tgt", "test.src", "test.tgt")
            }
            progress(0, 0, "comparing with torch")
            dev = texts["dev.src"][:CHECKED_SENTENCES], texts["dev.tgt"][:CHECKED_SENTENCES]
            test = texts["test.src"], texts["test.tgt"]
            writable = _writable(student.tokenizer(), facts.vocabulary)
            for way in ways:
                judge = None if way == (1, 0) else found["teacher"]
                engines = _both_engines(found[stage], judge, bundle, *way)
                src, ref = (lines[: CORRECTED_SENTENCES if way[1] else None] for lines in dev)
                comparable = _check_words(engines, src, ref, writable, where=found[stage])
                _check_ids(engines, comparable, with_end=judge is not None, where=found[stage])
            of_test = _OfTest(bundle, *test)
            if "int8" in wanted:
                progress(0, 0, "comparing int8 with float32")
                for way in ways:
                    _check_int8(of_test, way)
            progress(0, 0, "measuring")
            measured = [
                _measured(of_test, precision, way)
                for precision in wanted
                for way in (MEASURED if candidates else ways)
            ]
        for precision in set(get_args(Precision)) - set(wanted):
            for name in {*graph_files(bundle, precision), CORRECTIONS.format(precision=precision)}:
                (partial / name).unlink(missing_ok=True)
        record = _export_record(recipe, run, stage, command, measured)
        write_text(partial / "README.md", render_card(student, record, partial))
        write_export_manifest(partial, bundle, export=record)


def export_run_to_ctranslate2(
    run: Path, to: Path, *, stage: str, quantization: str | None, display: Display
) -> None:
    """Writes a run's teacher, or a student that writes word by word, for CTranslate2, with its tokenizer.

    It has a vocabulary map where the run has aligned a corpus.

    Args:
        run: a run directory.
        to: the directory to create.
        stage: of the model.
        quantization: None for float32; otherwise a name CTranslate2 knows, such as "int8".
        display: for what is said of the licence.

    Raises:
        UsageError: `to` is something else than an older export, or CTranslate2 does not know the
            quantization.
        DataError: the stage is not finished.
        ModelError: the model does not write word by word.
    """
    from onepass.export.ctranslate2 import export_ctranslate2

    bundle = Bundle.open(finished_stages(run, [stage])[stage])
    _say_licence(bundle, display)
    tokenizer, lexicon = bundle.tokenizer(), None
    directories = {path.name: path for path in run.iterdir()}
    corpus = linked_corpus(stage, recorded_recipe(run), directories)
    with _new_directory(to) as partial:
        if corpus is not None:
            lexicon = corpus_facts([directories[corpus]], tokenizer).lexicon
        partial.rmdir()  # CTranslate2 makes it
        export_ctranslate2(bundle, partial, quantization=quantization, lexicon=lexicon)
        tokenizer.save(partial)
        write_export_manifest(partial, bundle)


def _say_licence(bundle: Bundle, display: Display) -> None:
    """Says so where a teacher that somebody else trained forbids commercial use."""
    teacher = bundle.read_teacher
    if teacher is not None and teacher.is_non_commercial:
        display.say(
            f"warning: not for commercial use: the teacher {teacher.name} has the licence {teacher.licence}, "
            "which holds for what it taught"
        )


@contextmanager
def _new_directory(to: Path) -> Iterator[Path]:
    """A directory to fill, which takes its name when all is well; an older export there makes way.

    Raises:
        UsageError: something else has the name.
    """
    to = to.absolute()
    if to.exists() and (not (to / MANIFEST).exists() or (to / WEIGHTS).exists()):
        raise UsageError("This exists and is not an older export", where=to, fix="name another, or remove it")
    with replacing_directory(to) as partial:
        yield partial


class _Compared(NamedTuple):
    """A line, and what torch makes of it among others."""

    line: str
    by_torch: Translation


class _Engines(NamedTuple):
    """One student in torch and as a graph."""

    torch: TextTranslator
    graph: TextTranslator


def _both_engines(
    student: Path, teacher: Path | None, bundle: Bundle, num_candidates: int, num_corrections: int
) -> _Engines:
    from onepass.decoding.translator import Translator as TorchTranslator

    settings: Any = {"num_candidates": num_candidates, "num_corrections": num_corrections}
    return _Engines(
        TorchTranslator.load(student, teacher=teacher, **settings),
        Translator.load(bundle, precision="float32", **settings),
    )


def _writable(tokenizer: AnyTokenizer, vocabulary: np.ndarray | None) -> set[str] | None:
    """The subwords that the graph can write; None: all."""
    return None if vocabulary is None else set(tokenizer.tgt_pieces(vocabulary.tolist()))


def _check_words(
    engines: _Engines, src: Sequence[str], ref: Sequence[str], writable: set[str] | None, *, where: Path
) -> list[_Compared]:
    """The lines that torch translates with words that the graph can write.

    A student that has learnt little writes words in torch that no training text had. The graph does not; that
    must not make it worse.
    """
    from onepass.evaluation.quality import measure

    found = [_Compared(*both) for both in zip(src, engines.torch.translate(src), strict=True)]
    if writable is None:
        return found
    comparable = [one for one in found if writable.issuperset(one.by_torch.tgt_pieces)]
    if len(comparable) < len(src):
        texts = {"torch": [one.by_torch.text for one in found], "graph": _texts(engines.graph, src)}
        bleu = {name: measure(texts[name], ref, bootstrap_samples=0).bleu for name in texts}
        if bleu["graph"] < bleu["torch"] - MOST_LOST:
            raise ModelError(
                "Without the words that no training text had, the exported graph loses too much",
                where=where,
                value=f"{bleu['graph']:.2f} BLEU on the dev set, {bleu['torch']:.2f} in torch",
                allowed=f"{MOST_LOST} less",
                fix="train on a corpus that has the words of the dev set",
            )
    return comparable


def _check_ids(engines: _Engines, compared: Sequence[_Compared], *, with_end: bool, where: Path) -> None:
    def differ(line: str) -> bool:
        a, b = (engine.translate([line])[0] for engine in engines)
        return a.tgt_pieces != b.tgt_pieces

    lines = [one.line for one in compared]
    by_graph = engines.graph.translate(lines)
    # Of two candidates that are as likely but for rounding, torch itself takes another one in another batch.
    alone = [
        one.line
        for one, b in zip(compared, by_graph, strict=True)
        if one.by_torch.tgt_pieces != b.tgt_pieces and differ(one.line)
    ]
    different = [
        line
        for line in alone
        if not is_tie(*(engine.translate([line])[0] for engine in engines), with_end=with_end)
    ]
    if different or len(alone) > MOST_TIES * len(lines):
        different = different or alone
        raise ModelError(
            f"The exported graph writes other ids than torch for {len(different)} of {len(lines)} sentences",
            where=where,
            value=different[0],
            fix="train it longer: after few updates words are so nearly as likely that rounding decides; "
            "only a model that translates well and fails here is worth a report",
        )


def is_tie(a: Translation, b: Translation, *, with_end: bool) -> bool:
    """Whether two engines were as sure of two translations, so that rounding has decided.

    Args:
        a, b: of one source.
        with_end: their scores are means over the tokens and </s>.
    """
    sums = [found.score * (len(found.tgt_pieces) + with_end) for found in (a, b)]
    return abs(sums[0] - sums[1]) < TIE


class _OfTest:
    """What a bundle makes of the test set, by precision, candidates and corrections; translated once."""

    def __init__(self, bundle: Bundle, src: Sequence[str], ref: Sequence[str]) -> None:
        self.bundle, self.src, self.ref = bundle, src, ref
        self._texts: dict[tuple[Precision, tuple[int, int]], list[str]] = {}

    def translator(self, precision: Precision, way: tuple[int, int]) -> Translator:
        candidates, corrections = way
        return Translator.load(
            self.bundle, precision=precision, num_candidates=candidates, num_corrections=corrections
        )

    def texts(self, precision: Precision, way: tuple[int, int]) -> list[str]:
        key = precision, way
        if key not in self._texts:
            self._texts[key] = _texts(self.translator(*key), self.src)
        return self._texts[key]


def _check_int8(of_test: _OfTest, way: tuple[int, int]) -> None:
    """On the test set: the weights were chosen by the dev set, where any other ones lose."""
    from onepass.evaluation.quality import measure
    from onepass.evaluation.table import SIGNIFICANT

    int8, float32 = (of_test.texts(precision, way) for precision in get_args(Precision))
    language = of_test.bundle.tgt
    found, whole = (
        measure(texts, of_test.ref, language=language, bootstrap_samples=0).bleu for texts in (int8, float32)
    )
    if found >= whole - MOST_LOST:
        return
    p_value = measure(int8, of_test.ref, language=language, baseline=float32).p_value
    assert p_value is not None
    if p_value < SIGNIFICANT:
        raise ModelError(
            "Rounding to int8 loses too much",
            where=of_test.bundle.directory,
            value=f"{found:.2f} BLEU on the test set, {whole:.2f} in float32 (p {p_value:.2f})",
            allowed=f"{MOST_LOST} less",
            fix="export float32 alone with `--precision float32`, or train longer",
        )


def _texts(translator: TextTranslator, lines: Sequence[str]) -> list[str]:
    return [translation.text for translation in translator.translate(lines)]


def _measured(of_test: _OfTest, precision: Precision, way: tuple[int, int]) -> Measurement:
    """BLEU and chrF of an exported bundle on the test set, and the time of single sentences."""
    from onepass.evaluation.quality import measure

    bundle, src = of_test.bundle, of_test.src
    quality = measure(of_test.texts(precision, way), of_test.ref, language=bundle.tgt)
    translator = of_test.translator(precision, way)
    seconds = []
    for line in src[:TIMED_SENTENCES]:
        begin = time.perf_counter()
        translator.translate([line])
        seconds.append(time.perf_counter() - begin)
    assert quality.interval is not None
    low, high = quality.interval
    return Measurement(
        precision=precision,
        num_candidates=way[0],
        num_corrections=way[1],
        bleu=round(quality.bleu, 2),
        bleu_interval=(round(low, 2), round(high, 2)),
        bleu_signature=quality.bleu_signature,
        chrf=round(quality.chrf, 2),
        chrf_signature=quality.chrf_signature,
        test_sentences=len(src),
        ms_p50=round(statistics.median(seconds) * 1000, 2),
        ms_p99=round(float(np.percentile(seconds, 99)) * 1000, 2),
        megabytes=round(
            sum((bundle.directory / name).stat().st_size for name in graph_files(bundle, precision)) / 1e6, 1
        ),
    )


def _export_record(
    recipe: Recipe, run: Path, stage: str, command: str, measured: Sequence[Measurement]
) -> Export:
    from onepass.evaluation.machine import machine_kind, versions
    from onepass.evaluation.results import parse_results

    teacher = []
    results = run / "evaluate" / "results.json"
    if results.exists():
        systems = parse_results(json.loads(results.read_text(encoding="utf-8"))).systems
        teacher = [
            TeacherQuality(s.name, s.bleu, s.chrf)
            for s in systems
            if s.traits.role == "teacher" and s.traits.engine == "torch"
            if s.bleu is not None and s.chrf is not None
        ]
    card = recipe.card
    return Export(
        command=command,
        recipe=recipe.name,
        stage=stage,
        card=Card(
            card.data, card.licence, card.attribution, card.limits, card.test_set, _hub_datasets(recipe.data)
        ),
        machine=machine_kind(),
        versions=versions(),
        measured=tuple(measured),
        teacher=tuple(teacher),
    )


def _hub_datasets(data: DataSettings) -> tuple[str, ...]:
    """The corpora to learn from that the Hugging Face hub has, by their names there."""
    paths = [source.path for source in (*data.train, *data.phrases)] + [text.path for text in data.mono]
    named = [path.removeprefix(HF) for path in (*paths, *data.origin) if path.startswith(HF)]
    on_hub = (without_revision(name) for name in named if not is_directory_of_dataset(name))
    return tuple(dict.fromkeys(on_hub))
