"""Corrections in the exported graph, against those in torch."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from torch import Tensor

from onepass.alignment.lexicon import Lexicon
from onepass.bundle import INT8_TABLES
from onepass.decoding.corrections import corrected
from onepass.export.onnx import export_corrections, export_onnx
from onepass.models.from_teacher import alias_rows
from onepass.models.one_pass import OnePassTransformer
from onepass.models.stepwise import WordByWord
from onepass.runtime.text_translator import Hypotheses
from tiny_drafts import PLACEHOLDERS, drafts_of, with_placeholders
from tiny_models import pad_rows
from tiny_post_norm import varied_marian

pytestmark = pytest.mark.usefixtures("no_gradient")

Pair = tuple[OnePassTransformer, WordByWord]


def pair_of(kind: str, make_teacher: Callable, make_slots: Callable) -> Pair:
    if kind == "pre-norm":
        return make_slots("ctc", slots=2, joint=True), make_teacher(joint=True)
    cell = "ssru" if kind == "of SSRUs" else "attention"
    return make_slots("ctc", slots=2, joint=True, sizes={"norm": "post"}), varied_marian(12, cell=cell)


@pytest.fixture(params=["pre-norm", "of SSRUs", "of attention"])
def pair(request: pytest.FixtureRequest, make_teacher: Callable, make_slots: Callable) -> Pair:
    """A student and its teacher."""
    return pair_of(request.param, make_teacher, make_slots)


def run(path: Path, src_ids: Tensor, drafts: Hypotheses, most: int, **more: np.ndarray) -> Hypotheses:
    session = onnxruntime.InferenceSession(path)
    given = {
        "src_ids": src_ids.numpy(),
        "drafts": pad_rows(drafts.ids, 1).numpy(),
        "draft_sources": pad_rows(drafts.sources, 1).numpy(),
        "corrections": np.array([most]),
    }
    ids, sources, scores = session.run(["ids", "sources", "scores"], given | more)
    found = [[token for token in row if token] for row in ids.tolist()]
    of = [row[: len(own)] for row, own in zip(sources.tolist(), found, strict=True)]
    return Hypotheses(found, scores.tolist(), with_end=True, sources=of)


@pytest.mark.parametrize("most", [0, 1, 3, 40])
def test_a_graph_corrects_as_torch_does(
    pair: Pair, most: int, sentences: list[list[int]], pad: Callable[..., Tensor], tmp_path: Path
) -> None:
    student, teacher = pair
    export_corrections(student, teacher, tmp_path / "corrections.onnx")
    src_ids, drafts = pad(sentences), drafts_of(sentences)
    found = run(tmp_path / "corrections.onnx", src_ids, drafts, most)
    expected = corrected(teacher, src_ids, drafts, most)
    assert found.ids == expected.ids
    assert found.sources == expected.sources
    assert found.scores == pytest.approx(expected.scores, abs=1e-4)
    for number in range(6):
        one = Hypotheses(
            drafts.ids[number : number + 1],
            [0.0],
            with_end=False,
            sources=drafts.sources[number : number + 1],
        )
        alone = run(tmp_path / "corrections.onnx", pad(sentences[number : number + 1]), one, most)
        assert alone.ids == found.ids[number : number + 1]


def test_an_int8_graph_shares_the_files_of_the_students(
    pair: Pair, sentences: list[list[int]], pad: Callable[..., Tensor], tmp_path: Path
) -> None:
    student, teacher = pair
    every = Lexicon(np.tile(np.arange(12), (12, 1)), np.array([5]))
    src_ids, drafts = pad(sentences), drafts_of(sentences)
    weights = tmp_path / "weights.int8.safetensors"
    export_onnx(
        student,
        tmp_path / "student.onnx",
        teacher=teacher,
        examples=sentences,
        lexicon=every,
        weights=weights,
    )
    before = [path.read_bytes() for path in (weights, weights.with_name(INT8_TABLES))]
    wanted = corrected(teacher, src_ids, drafts, 40)
    examples = [pair for pair in zip(sentences, wanted.ids, strict=True) if pair[1]]
    graph = tmp_path / "corrections.onnx"
    export_corrections(student, teacher, graph, examples=examples, lexicon=every, weights=weights)
    assert [path.read_bytes() for path in (weights, weights.with_name(INT8_TABLES))] == before
    outside = {
        entry.value
        for tensor in onnx.load(graph, load_external_data=False).graph.initializer
        for entry in tensor.external_data
        if entry.key == "location"
    }
    assert weights.name in outside
    found = run(graph, src_ids, drafts, 40)
    same = sum(one == other for one, other in zip(found.ids, wanted.ids, strict=True))
    assert same > 0.6 * len(sentences)
    both = zip(found.ids, wanted.ids, found.scores, wanted.scores, strict=True)
    differences = [abs(score - other) for one, another, score, other in both if one == another]
    assert np.mean(differences) < 0.5  # a random teacher is much surer than a trained one


def test_a_graph_keeps_placeholders_as_torch_does(make_slots: Callable, tmp_path: Path) -> None:
    teacher = varied_marian(15, cell="ssru")
    student = make_slots("ctc", slots=2, vocabulary=15, joint=True, sizes={"norm": "post"})
    for model in (teacher, student):
        alias_rows(model, PLACEHOLDERS.ids, PLACEHOLDERS.aliases)
    rows, given = with_placeholders()
    spans = pad_rows([PLACEHOLDERS.within(row) for row in rows]).numpy()
    every = Lexicon(np.tile(np.arange(15), (15, 1)), np.arange(4, 12))
    for lexicon in (None, every):
        graph = tmp_path / "corrections.onnx"
        export_corrections(student, teacher, graph, placeholders=PLACEHOLDERS, lexicon=lexicon)
        for most in (1, 3, 40):
            found = run(graph, pad_rows(rows), given, most, spans=spans)
            assert found.ids == corrected(teacher, pad_rows(rows), given, most, PLACEHOLDERS).ids
