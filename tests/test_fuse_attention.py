"""An older int8 graph becomes what is exported today."""

from collections.abc import Callable
from pathlib import Path

import onnx
import pytest

from fuse_attention import fuse_bundle
from onepass.bundle import Bundle, write_manifest
from onepass.export.transformer_graph import TransformerGraph
from onepass.nn.attention import MultiHeadAttention
from onepass.runtime.translator import Translator
from tiny_export import exported, random_student, random_teacher

LINES = ["Where is the station?", "I would like a cup of tea.", "No."]
EXPORT = {
    "card": {"data": "", "licence": "", "attribution": "", "limits": ""},
    "recipe": "tiny",
    "stage": "student",
    "command": "onepass export",
    "machine": "a machine",
    "versions": {},
    "teacher": [],
    "measured": [
        {
            "precision": "int8",
            "candidates": 1,
            "bleu": 1.0,
            "bleu_interval": [0.0, 2.0],
            "bleu_signature": "",
            "chrf": 1.0,
            "chrf_signature": "",
            "test_sentences": 3,
            "ms_p50": 1.0,
            "ms_p99": 1.0,
            "megabytes": 1.0,
        }
    ],
}


def apart(self: TransformerGraph, part: MultiHeadAttention, x: str, mask: str, bias: str = "") -> str:
    """As `self_attention` in int8 was."""
    projected = self.linear(x, part.projection.weight, part.projection.bias)
    query, key, value = self.split(projected, 3)
    return self.attend(part, query, key, value, mask, bias)


@pytest.mark.usefixtures("no_gradient")
@pytest.mark.parametrize("candidates", [1, 4])
def test_an_older_bundle_is_rewritten(
    candidates: int, tmp_path: Path, make_teacher: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    student = random_student(tmp_path / "student", "ctc")
    teacher = random_teacher(tmp_path / "teacher", make_teacher)
    today = exported(student, tmp_path / "today", teacher)
    monkeypatch.setattr(TransformerGraph, "self_attention", apart)
    older = exported(student, tmp_path / "older", teacher)
    bundle = Bundle.open(older)
    write_manifest(
        older,
        kind=bundle.kind,
        src=bundle.src,
        tgt=bundle.tgt,
        settings=bundle.settings,
        provenance={"export": EXPORT},
        files=list(bundle.files),
    )

    def texts(of: Path) -> list[str]:
        translator = Translator.load(of, precision="int8", num_candidates=candidates)
        return [found.text for found in translator.translate(LINES)]

    def operators(of: Path) -> list[str]:
        return [node.op_type for node in onnx.load(of / "student.int8.onnx").graph.node]

    before = texts(older)
    assert "QAttention" not in operators(older)
    assert fuse_bundle(older) > operators(today).count("QAttention") > 0  # those of the teacher, too
    assert operators(older) == operators(today)
    assert texts(older) == before == texts(today)
    assert "fuse_attention.py" in (older / "README.md").read_text()
    assert fuse_bundle(older) == 0
