"""Bundles for the runtime: a student's graphs, float32 and int8, and its tokenizer."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast, get_args

from onepass.alignment.lexicon import CorpusFacts
from onepass.bundle import MANIFEST, Bundle, write_manifest
from onepass.decoding.weights import load_model, load_teacher
from onepass.errors import ModelError, UsageError
from onepass.export.onnx import GRAPHS, export_onnx
from onepass.export.transformer_graph import StudentGraph
from onepass.families import FAMILIES
from onepass.models.autoregressive import AutoregressiveTransformer
from onepass.models.one_pass import OnePassTransformer
from onepass.runtime.translator import CANDIDATES, DECODING, GRAPH, Precision


def write_graphs(
    student: Bundle,
    directory: Path,
    facts: CorpusFacts,
    *,
    teacher: Bundle | None = None,
) -> None:
    """Writes the graphs and the tokenizer, and the manifest around them.

    Args:
        student: a one-pass student.
        directory: exists and is empty.
        facts: of the corpus that the student has learnt; examples and lexicon are for int8 alone.
        teacher: the graphs also have candidates, among which this one chooses.

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
    judge = None if teacher is None else _judge(student, graph, teacher)
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
        )
    write_export_manifest(directory, student, student.provenance, candidates=judge is not None)


def _judge(student: Bundle, graph: StudentGraph, teacher: Bundle) -> AutoregressiveTransformer:
    judge = load_teacher(teacher, purpose="choose among candidates")
    if graph.candidates is None:
        raise UsageError(
            f"The exported graph of a {FAMILIES[student.kind].title} student has no candidates",
            where=student.directory,
            fix="export it without; in torch it has: `onepass translate --model RUN/STAGE --teacher ...`",
        )
    if teacher.tokenizer().fingerprint != student.tokenizer().fingerprint:
        raise ModelError("Teacher and student have different tokenizers", where=teacher.directory)
    return judge


def write_export_manifest(
    directory: Path,
    model: Bundle,
    provenance: Mapping[str, Any],
    *,
    candidates: bool = False,
    usual_candidates: int = 1,
) -> None:
    """Writes the manifest of an exported model, of all files that are there.

    Args:
        directory: the bundle.
        model: what was exported.
        provenance: of the bundle.
        candidates: its graphs have candidates.
        usual_candidates: how many of them the runtime takes unless told.
    """
    decoding = {CANDIDATES: True, DECODING: {"num_candidates": usual_candidates}} if candidates else {}
    write_manifest(
        directory,
        kind=model.kind,
        src=model.src,
        tgt=model.tgt,
        settings={**model.settings, **decoding},
        provenance=provenance,
        files=[path.name for path in directory.iterdir() if path.name != MANIFEST],
    )
