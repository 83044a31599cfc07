"""Weights apart from the graph: the same translations, a file that stays, a training that goes on from it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from safetensors.numpy import load_file

from onepass.alignment.lexicon import Lexicon
from onepass.bundle import INT8_TABLES, INT8_WEIGHTS, OF_TEACHER, SCALE, Bundle, weights_file
from onepass.decoding.weights import load_model, load_weights, read_weights
from onepass.errors import ModelError
from onepass.export.onnx import export_onnx
from onepass.export.parameters import INT8_MOST, Parameters, int8_rows
from onepass.runtime.engine import OnnxEngine
from onepass.runtime.translator import Translator
from tiny_export import AS_READ, FAMILIES, exported, random_read_teacher, random_student, random_teacher

STUDENTS: list[tuple[str, dict[str, Any]]] = [
    ("ctc", {"slots": 2, "joint": True}),
    ("ctc", {"slots": 3, "start": "states", "joint": True, "sizes": {"norm": "post"}}),
    ("ctc", {"slots": 2, "attend_to": "layerwise"}),
    ("dag", {"slots": 4}),
    ("fertility", {}),
]


@pytest.fixture(params=STUDENTS, ids=lambda case: " ".join([case[0], *map(str, case[1])]))
def student(request: pytest.FixtureRequest, make_student: Callable, make_slots: Callable) -> Any:
    family, settings = request.param
    return make_student(**settings) if family == "fertility" else make_slots(family, **settings)


def written(graph: Path, sentences: Sequence[list[int]], *beside: Path) -> tuple[Any, ...]:
    found = OnnxEngine(graph, *beside)(sentences)
    return found.ids, found.scores, found.fertilities


@pytest.mark.usefixtures("no_gradient")
def test_a_graph_with_its_weights_apart_writes_the_same(
    student: Any, sentences: Sequence[list[int]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("onepass.export.parameters.LARGE", 64)
    whole, apart, weights = tmp_path / "whole.onnx", tmp_path / "apart.onnx", tmp_path / INT8_WEIGHTS
    export_onnx(student, whole, examples=sentences)
    export_onnx(student, apart, examples=sentences, weights=weights)
    tables = tmp_path / INT8_TABLES
    assert load_file(tables)
    assert written(apart, sentences, weights, tables) == written(whole, sentences)
    assert apart.stat().st_size < whole.stat().st_size
    # Where it lies beside the graph, any program finds it.
    onnxruntime.InferenceSession(apart, providers=["CPUExecutionProvider"])


@pytest.mark.usefixtures("no_gradient")
def test_another_graph_of_the_same_model_leaves_the_weights(
    student: Any, sentences: Sequence[list[int]], tmp_path: Path
) -> None:
    weights = tmp_path / INT8_WEIGHTS
    export_onnx(student, tmp_path / "first.onnx", examples=sentences, weights=weights)
    before = weights.read_bytes()
    lexicon = Lexicon(np.arange(12)[:, None], np.array([11]))
    export_onnx(student, tmp_path / "second.onnx", examples=sentences[:2], lexicon=lexicon, weights=weights)
    assert weights.read_bytes() == before


@pytest.mark.usefixtures("no_gradient")
def test_every_parameter_comes_back_within_its_rounding(
    student: Any, sentences: Sequence[list[int]], tmp_path: Path
) -> None:
    weights = tmp_path / INT8_WEIGHTS
    export_onnx(student, tmp_path / "student.onnx", examples=sentences, weights=weights)
    expected = {name: value.clone() for name, value in student.named_parameters()}
    rounded = {name.removesuffix(SCALE) for name in load_file(weights) if name.endswith(SCALE)}
    assert {"decoder.0.ffn.inner.weight", "src_embedding.weight"} <= rounded
    for parameter in student.parameters():
        parameter.fill_(torch.nan)
    load_weights(student, read_weights(weights), where=weights)
    for name, value in student.named_parameters():
        most = expected[name].abs().amax(-1, keepdim=True) / INT8_MOST + 1e-6
        assert bool(((value - expected[name]).abs() <= (most if name in rounded else 0)).all()), name


@pytest.mark.usefixtures("no_gradient")
def test_a_bias_that_does_not_fit_beside_its_weights_does_not_change_them(
    make_slots: Callable, sentences: Sequence[list[int]], tmp_path: Path
) -> None:
    student, weights = make_slots("ctc", slots=2), tmp_path / INT8_WEIGHTS
    student.decoder[-1].ffn.outer.weight.mul_(1e-9)
    student.decoder[-1].ffn.outer.bias.fill_(1.0)
    expected = student.decoder[-1].ffn.outer.weight.clone()
    whole, apart = tmp_path / "whole.onnx", tmp_path / "apart.onnx"
    export_onnx(student, whole, examples=sentences)
    export_onnx(student, apart, examples=sentences, weights=weights)
    assert written(apart, sentences, weights, tmp_path / INT8_TABLES) == written(whole, sentences)
    found = read_weights(weights)["decoder.1.ffn.outer.weight"]
    assert float((found - expected).abs().max()) < 1e-10


@pytest.mark.usefixtures("no_gradient")
def test_what_teacher_and_student_share_is_written_once(tmp_path: Path) -> None:
    student = load_model(Bundle.open(random_student(tmp_path / "student", "ctc as read")))
    teacher = load_model(Bundle.open(random_read_teacher(tmp_path / "teacher")))
    names = teacher.state_dict()
    student.load_state_dict(
        {n: t for n, t in names.items() if n.startswith("encoder.layers.0.")}, strict=False
    )
    parameters = Parameters(student, teacher)
    parameters.save(tmp_path / INT8_WEIGHTS)
    of_teacher = {
        n.removeprefix(OF_TEACHER) for n in load_file(tmp_path / INT8_WEIGHTS) if n.startswith(OF_TEACHER)
    }
    assert of_teacher == {n for n, _ in teacher.named_parameters() if not n.startswith("encoder.layers.0.")}


def test_a_part_of_a_parameter_is_found_and_nothing_else(make_slots: Callable) -> None:
    model = make_slots("ctc", slots=2)
    projection = model.decoder[1].source_attention.projection.weight
    parameters = Parameters(model)
    width = projection.size(1)
    assert parameters.find(projection[width:]) == (
        "decoder.1.source_attention.projection.weight",
        width,
        3 * width,
    )
    assert parameters.find(projection[:, :4]) is None
    assert parameters.find(projection.clone()) is None


@pytest.mark.parametrize("name", [*FAMILIES, *AS_READ])
def test_a_bundle_has_its_weights_apart_and_a_training_can_start_from_them(
    name: str, tmp_path: Path, make_teacher: Callable
) -> None:
    student = random_student(tmp_path / "student", name)
    teacher = random_teacher(tmp_path / "teacher", make_teacher) if name == "ctc" else None
    bundle = exported(student, tmp_path / "bundle", teacher)
    assert {INT8_WEIGHTS, INT8_TABLES} <= set(Bundle.open(bundle).files)
    path = weights_file(bundle)
    assert path == bundle / INT8_WEIGHTS
    load_weights(load_model(Bundle.open(student)), read_weights(path), where=path)
    path.unlink()
    with pytest.raises(ModelError, match="missing"):
        Translator.load(bundle)


class TestRowsRoundedAgain:
    """Weights that stand near the steps of an earlier rounding, as those of a model that was trained on."""

    def test_what_has_not_moved_stays(self) -> None:
        first = int8_rows(random_rows())
        again = int8_rows(first.values * first.scales[:, None])
        assert np.array_equal(again.values, first.values)

    def test_small_moves_remain_in_the_mean(self) -> None:
        first = int8_rows(random_rows())
        moved = first.values + np.where(np.abs(first.values) == INT8_MOST, 0, 0.1)
        again = int8_rows((moved * first.scales[:, None]).astype(np.float32))
        assert np.unique(again.values - first.values).tolist() == [0, 1]
        assert 0.09 < (again.values - first.values).mean() < 0.11

    def test_rows_that_stand_anywhere_have_their_nearest_steps(self) -> None:
        weight = random_rows()
        found = int8_rows(weight)
        assert np.abs(found.values - weight / found.scales[:, None]).max() <= 0.5001

    def test_one_row_says_nothing_of_another(self) -> None:
        weight = random_rows()
        first = int8_rows(weight)
        weight[::2] = (first.values * first.scales[:, None])[::2]
        assert np.array_equal(int8_rows(weight).values, first.values)


def random_rows() -> np.ndarray:
    return np.random.default_rng(1).normal(size=(64, 256)).astype(np.float32)
