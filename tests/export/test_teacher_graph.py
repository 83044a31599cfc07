"""The teacher in a student's graph."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from torch import Tensor

from onepass.alignment.lexicon import Lexicon
from onepass.decoding.options import DecodingOptions
from onepass.decoding.translator import make_decoder
from onepass.export.onnx import export_onnx
from onepass.models.one_pass import NEVER
from onepass.runtime.candidates import candidate_numbers
from onepass.text.tokenizer import EOS
from tiny_export import run_graph
from tiny_post_norm import random_marian, tiny_sizes

TEACHERS: dict[str, dict[str, Any]] = {
    "of SSRUs": {"cell": "ssru"},
    "of SSRUs with swish": {"cell": "ssru", "activation": "swish"},
    "of attention": {"cell": "attention"},
    "with an output layer of its own": {"cell": "ssru", "tied": False},
    "of two vocabularies": {"cell": "attention", "joint": False},
    "of two vocabularies, with an output layer of its own": {"cell": "ssru", "joint": False, "tied": False},
}


def candidates_of(family: str, src_ids: Tensor) -> dict[str, np.ndarray]:
    """Ten."""
    if family == "fertility":
        return {"uniform": candidate_numbers(10, seed=1)[:, : src_ids.size(1)]}
    return {"window": np.array([0, 10])}


@pytest.mark.parametrize("kind", TEACHERS)
@pytest.mark.parametrize("family", ["ctc", "fertility"])
@pytest.mark.usefixtures("no_gradient")
def test_a_teacher_that_was_read_chooses_as_in_torch(
    family: str,
    kind: str,
    make_student: Callable,
    make_slots: Callable,
    sentences: Sequence[list[int]],
    pad: Callable[..., Tensor],
    tmp_path: Path,
) -> None:
    sizes = {"norm": "post", **TEACHERS[kind]}
    joint = sizes.pop("joint", True)
    teacher = random_marian(tiny_sizes(**sizes), 12, joint=joint)
    post = {"sizes": {"norm": "post"}, "joint": joint}
    student = make_slots("ctc", slots=2, start="states", **post) if family == "ctc" else make_student(**post)
    export_onnx(student, tmp_path / "student.onnx", teacher=teacher)
    src_ids = pad(sentences, 20)
    found = run_graph(tmp_path / "student.onnx", src_ids, **candidates_of(family, src_ids))
    expected = make_decoder(student, DecodingOptions(teacher=teacher, num_candidates=10))(src_ids)
    assert found.ids == expected.ids != make_decoder(student)(src_ids).ids
    assert found.scores == pytest.approx(expected.scores, abs=1e-4)
    assert np.std(found.scores) > 0.1
    for row in range(6):
        alone = pad(sentences[row : row + 1])
        found_alone = run_graph(tmp_path / "student.onnx", alone, **candidates_of(family, alone))
        assert found_alone.ids == found.ids[row : row + 1]
        assert found_alone.scores == pytest.approx(found.scores[row : row + 1], abs=1e-4)
    if family == "ctc":  # candidates that no sentence has
        nothing = run_graph(tmp_path / "student.onnx", src_ids, window=np.array([64, 70]))
        assert set(nothing.scores) == {-np.inf}


@pytest.mark.parametrize("family", ["ctc", "fertility"])
@pytest.mark.usefixtures("no_gradient")
def test_a_teacher_that_was_read_chooses_in_int8(
    family: str,
    make_student: Callable,
    make_slots: Callable,
    sentences: Sequence[list[int]],
    pad: Callable[..., Tensor],
    tmp_path: Path,
) -> None:
    teacher = random_marian(tiny_sizes(norm="post", cell="ssru"), 12)
    post = {"sizes": {"norm": "post"}, "joint": True}
    student = make_slots("ctc", slots=2, **post) if family == "ctc" else make_student(**post)
    every = Lexicon(np.tile(np.arange(12), (12, 1)), np.array([5]))
    src_ids = pad(sentences)
    expected = make_decoder(student, DecodingOptions(teacher=teacher, num_candidates=10))(src_ids).scores
    for name, lexicon in (("all", every), ("none", None)):
        path = tmp_path / f"{name}.onnx"
        export_onnx(student, path, examples=sentences, teacher=teacher, lexicon=lexicon)
        scores = run_graph(path, src_ids, **candidates_of(family, src_ids)).scores
        assert np.corrcoef(scores, expected)[0, 1] > 0.8
        assert np.median(np.abs(np.subtract(scores, expected))) < 0.4


@pytest.mark.parametrize("family", ["ctc", "fertility"])
@pytest.mark.usefixtures("no_gradient")
def test_a_teacher_scores_alike_with_and_without_a_shortlist(
    family: str,
    make_teacher: Callable,
    make_student: Callable,
    make_slots: Callable,
    sentences: Sequence[list[int]],
    pad: Callable[..., Tensor],
    tmp_path: Path,
) -> None:
    """Where the shortlist lacks nothing that the teacher gives a share of the probability."""
    student, teacher = make_slots("ctc", slots=2) if family == "ctc" else make_student(), make_teacher()
    never = [token for token in NEVER if token != EOS]
    teacher.decoder_norm.weight[0], teacher.decoder_norm.bias[0] = 0, 1
    teacher.tgt_embedding.weight[:, 0] = 0
    teacher.tgt_embedding.weight[never] = torch.nn.functional.one_hot(torch.tensor(0), 16) * -20.0
    every = Lexicon(np.tile(np.arange(12), (12, 1)), np.array([5]))
    others = candidates_of(family, pad(sentences))
    found = []
    for name, lexicon in (("all", every), ("none", None)):
        path = tmp_path / f"{name}.onnx"
        export_onnx(student, path, examples=sentences, teacher=teacher, lexicon=lexicon)
        found.append(run_graph(path, pad(sentences), **others))
    assert found[0].ids == found[1].ids
    assert found[0].scores == pytest.approx(found[1].scores, abs=1e-3)
    assert len({round(score, 3) for score in found[0].scores}) > 20


def _operators(graph: onnx.GraphProto, kind: str) -> int:
    """How many of a kind a graph has, those of its branches included."""
    inner = [a.g for node in graph.node for a in node.attribute if a.type == onnx.AttributeProto.GRAPH]
    return sum(node.op_type == kind for node in graph.node) + sum(_operators(part, kind) for part in inner)


@pytest.mark.parametrize("family", ["ctc", "fertility"])
@pytest.mark.usefixtures("no_gradient")
def test_an_encoder_that_teacher_and_student_share_runs_once(
    family: str,
    make_student: Callable,
    make_slots: Callable,
    sentences: Sequence[list[int]],
    pad: Callable[..., Tensor],
    tmp_path: Path,
) -> None:
    teacher = random_marian(tiny_sizes(norm="post", cell="ssru"), 12)
    post = {"sizes": {"norm": "post"}, "joint": True}
    student = make_slots("ctc", slots=2, start="states", **post) if family == "ctc" else make_student(**post)
    own = student.state_dict()
    taken = {n: t for n, t in teacher.state_dict().items() if n.startswith(("src_embedding.", "encoder."))}
    student.load_state_dict({**own, **taken})
    export_onnx(student, tmp_path / "shared.onnx", teacher=teacher)
    src_ids = pad(sentences)
    found = run_graph(tmp_path / "shared.onnx", src_ids, **candidates_of(family, src_ids))
    expected = make_decoder(student, DecodingOptions(teacher=teacher, num_candidates=10))(src_ids)
    assert found.ids == expected.ids
    assert found.scores == pytest.approx(expected.scores, abs=1e-4)
    student.encoder.layers[0].ffn.outer.bias[0] += 1e-3
    export_onnx(student, tmp_path / "apart.onnx", teacher=teacher)
    shared, apart = (
        _operators(onnx.load(tmp_path / f"{name}.onnx").graph, "LayerNormalization")
        for name in ("shared", "apart")
    )
    assert apart - shared == 2 * len(teacher.encoder.layers)
