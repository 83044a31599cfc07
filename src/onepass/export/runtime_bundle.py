"""Bundles for the runtime: a student's graphs, float32 and int8, and its tokenizer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast, get_args

import numpy as np

from onepass.alignment.lexicon import CorpusFacts, corpus_facts
from onepass.bundle import INT8_TABLES, INT8_WEIGHTS, MANIFEST, Bundle, Export, write_manifest
from onepass.decoding.shortlist import SHORTLIST as SHORTLIST_FILE
from onepass.decoding.shortlist import Shortlist
from onepass.decoding.weights import load_model, load_teacher
from onepass.errors import ModelError, UsageError
from onepass.export.onnx import GRAPHS, export_corrections, export_onnx
from onepass.export.transformer_graph import StudentGraph
from onepass.families import FAMILIES
from onepass.models.marian import MarianTransformer
from onepass.models.one_pass import OnePassTransformer
from onepass.models.stepwise import WordByWord
from onepass.runtime.engine import OnnxEngine
from onepass.runtime.translator import (
    CANDIDATES,
    CORRECTIONS,
    DECODING,
    GRAPH,
    OF_SENTENCE,
    SHORTLIST,
    Precision,
)
from onepass.text.placeholder_ids import PlaceholderIds
from onepass.text.tokenizers import AnyTokenizer


def export_facts(
    corpora: Sequence[Path], tokenizer: AnyTokenizer, teacher: Path | None, *, trained_before: bool = False
) -> CorpusFacts:
    """What an export knows of the corpora that a student has learnt from, and of its teacher.

    Args:
        corpora: their directories, as `corpus_facts` has them.
        tokenizer: of the run.
        teacher: its bundle, if the run has one; what its shortlist allows a student may write, too.
        trained_before: its first weights had learnt, so the corpora say little of the words that it knows:
            it may write all words of the shortlist, or of the vocabulary where there is none.
    """
    facts = corpus_facts(corpora, tokenizer)
    if teacher is None or not (teacher / SHORTLIST_FILE).exists():
        return facts._replace(vocabulary=None) if trained_before else facts
    shortlist = Shortlist.load(teacher / SHORTLIST_FILE)
    if facts.lexicon is not None:
        facts = facts._replace(lexicon=shortlist.added_to(facts.lexicon))
    if trained_before:
        assert facts.vocabulary is not None
        facts = facts._replace(vocabulary=np.union1d(shortlist.known(), facts.vocabulary))
    return facts


def write_graphs(
    student: Bundle,
    directory: Path,
    facts: CorpusFacts,
    *,
    teacher: Bundle | None = None,
) -> None:
    """Writes a bundle that nobody has measured: see `draft_bundle`."""
    write_export_manifest(directory, draft_bundle(student, directory, facts, teacher=teacher))


def draft_bundle(
    student: Bundle,
    directory: Path,
    facts: CorpusFacts,
    *,
    teacher: Bundle | None = None,
    usual_candidates: int = 1,
) -> Bundle:
    """Writes the graphs and the tokenizer of a bundle, without the manifest that would make it one.

    Args:
        student: a one-pass student.
        directory: exists and is empty.
        facts: of the corpus that the student has learnt; examples and lexicon are for int8 alone.
        teacher: the graphs also have candidates, among which this one chooses.
        usual_candidates: how many of them the runtime takes unless told.

    Returns:
        The bundle as it will be, which the runtime can load.

    Raises:
        ModelError: a bundle is of another kind, or the tokenizers differ.
        UsageError: a teacher for a student that has no candidates.
    """
    model = cast(OnePassTransformer, load_model(student))
    graph = GRAPHS.get(model.family.name)
    if graph is None:
        raise ModelError(
            "Only a one-pass student runs in ONNX Runtime",
            where=student.directory,
            fix="export a model that writes word by word with `--ctranslate2`",
        )
    placeholders = PlaceholderIds.of_settings(student.settings)
    judge = None if teacher is None else _judge(student, model, graph, teacher)
    student.tokenizer().save(directory)
    for precision in get_args(Precision):
        int8 = precision == "int8"
        # Candidates depend on words that no target has, too.
        of_all = not int8 and (graph.is_sure or judge is not None)
        export_onnx(
            model,
            directory / GRAPH.format(precision=precision),
            examples=facts.examples if int8 else None,
            teacher=judge,
            vocabulary=None if of_all else facts.vocabulary,
            lexicon=facts.lexicon if int8 else None,
            weights=directory / INT8_WEIGHTS if int8 else None,
            placeholders=placeholders,
        )
        if judge is not None:
            _export_corrections(model, judge, directory, precision, facts, placeholders, of_all=of_all)
    candidates = {CANDIDATES: True, DECODING: {"num_candidates": usual_candidates}}
    return replace(
        student,
        directory=directory,
        settings={**student.settings, SHORTLIST: OF_SENTENCE, **(candidates if judge is not None else {})},
        fingerprint="",
        files=tuple(sorted(path.name for path in directory.iterdir())),
    )


def _export_corrections(
    model: OnePassTransformer,
    teacher: WordByWord,
    directory: Path,
    precision: Precision,
    facts: CorpusFacts,
    placeholders: PlaceholderIds | None,
    *,
    of_all: bool,
) -> None:
    """The graph in which the teacher corrects, beside the student's, whose drafts show it what comes."""
    int8, examples = precision == "int8", None
    if int8:
        beside = [directory / name for name in (INT8_WEIGHTS, INT8_TABLES)]
        engine = OnnxEngine(directory / GRAPH.format(precision=precision), *beside, placeholders=placeholders)
        drafts = [engine([row]).ids[0] for row in facts.examples]
        examples = [pair for pair in zip(facts.examples, drafts, strict=True) if pair[1]]
    export_corrections(
        model,
        teacher,
        directory / CORRECTIONS.format(precision=precision),
        examples=examples,
        vocabulary=None if of_all else facts.vocabulary,
        lexicon=facts.lexicon if int8 else None,
        weights=directory / INT8_WEIGHTS if int8 else None,
        placeholders=placeholders,
    )


def _judge(student: Bundle, model: OnePassTransformer, graph: StudentGraph, teacher: Bundle) -> WordByWord:
    judge = load_teacher(
        teacher,
        purpose="choose among candidates",
        placeholders=PlaceholderIds.of_settings(student.settings),
    )
    if isinstance(judge, MarianTransformer) != model.post_norm:
        raise UsageError(
            "One of teacher and student has its norms after its layers, the other one before them",
            where=teacher.directory,
            fix="export it without candidates; in torch it has: `onepass translate --teacher ...`",
        )
    if graph.candidates is None:
        raise UsageError(
            f"The exported graph of a {FAMILIES[student.kind].title} student has no candidates",
            where=student.directory,
            fix="export it without; in torch it has: `onepass translate --model RUN/STAGE --teacher ...`",
        )
    if teacher.tokenizer().fingerprint != student.tokenizer().fingerprint:
        raise ModelError("Teacher and student have different tokenizers", where=teacher.directory)
    return judge


def write_export_manifest(directory: Path, model: Bundle, *, export: Export | None = None) -> None:
    """Writes the manifest of an exported model, of all files that are there.

    Args:
        directory: the bundle.
        model: what was exported, or the draft of the bundle.
        export: how it was made, and what was measured of it.
    """
    write_manifest(
        directory,
        kind=model.kind,
        src=model.src,
        tgt=model.tgt,
        settings=model.settings,
        provenance=model.provenance,
        files=[path.name for path in directory.iterdir() if path.name != MANIFEST],
        export=export,
    )
