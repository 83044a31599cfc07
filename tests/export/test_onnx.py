"""The ONNX graph of a student writes what the student writes in torch."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from onepass.alignment.lexicon import Lexicon
from onepass.decoding.translator import make_decoder
from onepass.export.onnx import export_onnx
from onepass.models.dag import DAGTransformer
from onepass.runtime.text_translator import MAX_SRC_TOKENS
from tiny_export import run_graph

POST_NORM = {"norm": "post"}
SWISH = {"norm": "post", "activation": "swish"}
STUDENTS: list[tuple[str, dict[str, Any]]] = [
    ("ctc", {"slots": 2}),
    ("ctc", {"slots": 3}),
    ("dag", {"slots": 4}),
    ("dag", {"slots": 4, "soft_copy": False}),
    ("dag", {"slots": 4, "joint": True}),
    ("fertility", {}),
    ("fertility", {"copy_source": "uniform"}),
    ("fertility", {"copy_source": "none", "joint": True}),
    ("fertility", {"positional_attention": False, "attend_to": "layerwise"}),
    ("ctc", {"slots": 2, "sizes": POST_NORM}),
    ("ctc", {"slots": 3, "start": "states", "joint": True, "sizes": SWISH}),
    ("ctc", {"slots": 2, "start": "states", "attend_to": "layerwise", "sizes": POST_NORM}),
    ("dag", {"slots": 4, "sizes": POST_NORM}),
    ("dag", {"slots": 4, "start": "states", "joint": True, "sizes": SWISH}),
    ("fertility", {"sizes": POST_NORM}),
    ("fertility", {"copy_source": "uniform", "joint": True, "sizes": SWISH}),
    ("fertility", {"positional_attention": False, "attend_to": "layerwise", "sizes": POST_NORM}),
]


@pytest.fixture(params=STUDENTS, ids=lambda case: " ".join([case[0], *map(str, case[1])]))
def student(request: pytest.FixtureRequest, make_student: Callable, make_slots: Callable) -> Any:
    family, settings = request.param
    return make_student(**settings) if family == "fertility" else make_slots(family, **settings)


@pytest.mark.usefixtures("no_gradient")
def test_a_graph_writes_what_torch_writes(
    student: Any, sentences: Sequence[list[int]], pad: Callable[..., Tensor], tmp_path: Path
) -> None:
    export_onnx(student, tmp_path / "student.onnx")
    decode = make_decoder(student)
    expected = decode(pad(sentences))
    assert len({tuple(row) for row in expected.ids}) > 5
    for src_ids in (pad(sentences), pad(sentences, 31)):
        found = run_graph(tmp_path / "student.onnx", src_ids)
        assert found.ids == expected.ids
        assert found.scores == pytest.approx(expected.scores, abs=5e-5)
        assert found.fertilities == expected.fertilities
        assert found.sources == expected.sources
    for b, source in enumerate(sentences[:8]):
        assert run_graph(tmp_path / "student.onnx", pad([source])).ids == expected.ids[b : b + 1]


@pytest.mark.usefixtures("no_gradient")
def test_the_longest_sentence_fits(student: Any, tmp_path: Path) -> None:
    export_onnx(student, tmp_path / "student.onnx")
    torch.manual_seed(0)
    src_ids = torch.randint(4, 12, (2, MAX_SRC_TOKENS))
    assert run_graph(tmp_path / "student.onnx", src_ids).ids == make_decoder(student)(src_ids).ids


@pytest.mark.usefixtures("no_gradient")
def test_only_words_of_the_vocabulary_are_written(
    student: Any, sentences: Sequence[list[int]], pad: Callable[..., Tensor], tmp_path: Path
) -> None:
    expected = make_decoder(student)(pad(sentences)).ids
    used = np.unique([token for row in expected for token in row])
    export_onnx(student, tmp_path / "used.onnx", vocabulary=used)
    same = run_graph(tmp_path / "used.onnx", pad(sentences)).ids == expected
    assert same or isinstance(student, DAGTransformer)  # whose paths depend on how sure of its word a slot is
    export_onnx(student, tmp_path / "fewer.onnx", vocabulary=used[1:])
    found = run_graph(tmp_path / "fewer.onnx", pad(sentences)).ids
    assert found != expected
    assert set(used[1:].tolist()) >= {token for row in found for token in row}


@pytest.mark.usefixtures("no_gradient")
def test_weights_in_int8_write_nearly_the_same(
    student: Any, sentences: Sequence[list[int]], pad: Callable[..., Tensor], tmp_path: Path
) -> None:
    export_onnx(student, tmp_path / "student.onnx", examples=sentences)
    expected = make_decoder(student)(pad(sentences)).ids
    found = run_graph(tmp_path / "student.onnx", pad(sentences)).ids
    pairs = zip(expected, found, strict=True)
    same = sum(a == b for row, other in pairs for a, b in zip(row, other, strict=False))
    assert same > 0.6 * sum(map(len, expected))
    alone = [run_graph(tmp_path / "student.onnx", pad([source])).ids[0] for source in sentences]
    assert alone == found


@pytest.mark.usefixtures("no_gradient")
def test_int8_survives_what_its_examples_did_not_show(
    student: Any, sentences: Sequence[list[int]], pad: Callable[..., Tensor], tmp_path: Path
) -> None:
    export_onnx(student, tmp_path / "student.onnx", examples=[[5]])
    found = run_graph(tmp_path / "student.onnx", pad(sentences))
    assert len(found.ids) == len(sentences)
    assert np.isfinite(found.scores).all()


@pytest.mark.parametrize("silent", ["inner", "outer"])
@pytest.mark.usefixtures("no_gradient")
def test_a_large_bias_beside_no_weights_fits_in_int8(
    silent: str,
    make_slots: Callable,
    sentences: Sequence[list[int]],
    pad: Callable[..., Tensor],
    tmp_path: Path,
) -> None:
    student = make_slots("ctc", slots=2)
    ffn = student.decoder[-1].ffn
    torch.manual_seed(3)
    ffn.outer.bias.copy_(1.5 * torch.randn(ffn.outer.bias.shape))
    if silent == "inner":
        ffn.inner.bias.fill_(-100)  # nothing comes out of the hidden layer
    else:
        ffn.outer.weight.zero_()
    export_onnx(student, tmp_path / "student.onnx", examples=sentences)
    expected = make_decoder(student)(pad(sentences)).scores
    found = run_graph(tmp_path / "student.onnx", pad(sentences)).scores
    assert np.median(np.abs(np.subtract(found, expected))) < 0.5


@pytest.mark.usefixtures("no_gradient")
def test_a_lexicon_allows_what_the_source_tokens_yield(
    student: Any, sentences: Sequence[list[int]], pad: Callable[..., Tensor], tmp_path: Path
) -> None:
    def written(name: str, lexicon: Lexicon | None, rows: Sequence[list[int]]) -> list[list[int]]:
        export_onnx(student, tmp_path / f"{name}.onnx", examples=sentences, lexicon=lexicon)
        return run_graph(tmp_path / f"{name}.onnx", pad(rows)).ids

    every = np.tile(np.arange(12), (12, 1))
    same_ids = written("all", Lexicon(every, np.array([5])), sentences) == written("none", None, sentences)
    assert same_ids or isinstance(student, DAGTransformer)  # a share of the shortlist is a larger one
    same = Lexicon(np.arange(12)[:, None], np.array([11]))  # a token yields itself, and 11 is always there
    for number, row in enumerate(sentences[:6]):
        [found] = written(f"same{number}", same, [row])
        assert set(found) <= {*row, 11}
