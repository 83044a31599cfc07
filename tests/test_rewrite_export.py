"""An older export becomes what is exported today."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, numpy_helper

from onepass.bundle import Bundle, write_manifest
from onepass.errors import ModelError
from onepass.export.ctranslate2 import VOCABULARY_MAP, CTranslate2Translator, export_ctranslate2
from onepass.export.runtime_bundle import write_export_manifest
from onepass.export.transformer_graph import TransformerGraph
from onepass.nn.attention import MultiHeadAttention
from onepass.runtime.translator import Translator
from onepass.settings import TokenizerSettings
from onepass.text.batches import RaggedWriter
from onepass.text.tokenizer import Tokenizer
from rewrite_export import graphs_of, rewrite_export
from tiny_export import exported, random_student, random_teacher, some_facts
from tiny_run import tokenizer

LINE = "I would like a cup of tea."
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


def apart(
    self: TransformerGraph,
    part: MultiHeadAttention,
    x: str,
    mask: str,
    bias: str = "",
    *,
    causal: bool = False,
) -> str:
    """As `self_attention` in int8 was."""
    if causal:
        place = self.range(self.size(x, 1))
        before = self.op("LessOrEqual", place, self.unsqueeze(place, 1))
        bias = self.unsqueeze(self.op("Where", before, self.number(0), self.number(-1e9)), 0, 1)
    projected = self.linear(x, part.projection.weight, part.projection.bias)
    query, key, value = self.split(projected, 3)
    return self.attend(part, query, key, value, mask, bias)


def prepared_run(directory: Path) -> Path:
    """A run as far as its corpus: a single line, since what is written depends on a batch."""
    prepared = directory / "prepare"
    prepared.mkdir(parents=True)
    words = tokenizer()
    words.save(prepared)
    for side in ("src", "tgt"):
        (prepared / f"test.{side}").write_text(f"{LINE}\n")
        with RaggedWriter(prepared / f"train.{side}") as rows:
            rows.write([words.encode_src(LINE), []])
    return directory


@pytest.mark.usefixtures("no_gradient")
@pytest.mark.parametrize("candidates", [1, 4])
def test_an_older_student_is_rewritten(
    candidates: int, tmp_path: Path, make_teacher: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    student = random_student(tmp_path / "student", "ctc")
    teacher = random_teacher(tmp_path / "teacher", make_teacher) if candidates > 1 else None
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

    def text(of: Path) -> str:
        return Translator.load(of, precision="int8").translate([LINE])[0].text

    def graph(of: Path) -> Any:
        return onnx.load(of / "student.int8.onnx").graph

    def operators(of: Path) -> list[str]:
        return [node.op_type for part in graphs_of(graph(of)) for node in part.node]

    def yielded(of: Path) -> int:
        [lists] = (value for value in graph(of).initializer if value.data_type == TensorProto.INT16)
        return np.count_nonzero(numpy_helper.to_array(lists))

    before = text(older)
    assert "QAttention" not in operators(older)
    run = prepared_run(tmp_path / "run")
    for _ in range(2):  # a second time changes nothing
        rewrite_export(older, run)
        assert operators(older) == operators(today)
        assert 0 < yielded(older) < yielded(today)
        assert text(older) == before == text(today)  # what the corpus needs can still be written
    assert Translator.load(older, num_candidates=candidates).translate([LINE])
    assert "rewrite_export.py" in (older / "README.md").read_text()
    [row] = Bundle.open(older).provenance["export"]["measured"]
    assert row["bleu_signature"] != ""


@pytest.mark.usefixtures("no_gradient")
def test_the_vocabulary_map_of_an_older_rival_is_rewritten(tmp_path: Path, make_teacher: Callable) -> None:
    words = tokenizer()
    bundle = Bundle.open(random_teacher(tmp_path / "teacher", make_teacher))
    older = tmp_path / "older"
    export_ctranslate2(bundle, older, lexicon=some_facts().lexicon)
    words.save(older)
    write_export_manifest(older, bundle, {})

    def translated() -> list[list[int]]:
        translator = CTranslate2Translator(older, words, use_vmap=True)
        return [part.ids for part in translator.decode_chunks([words.encode_src(LINE)])]

    before, size = translated(), (older / VOCABULARY_MAP).stat().st_size
    rewrite_export(older, prepared_run(tmp_path / "run"))
    assert translated() == before
    assert (older / VOCABULARY_MAP).stat().st_size < size
    Bundle.open(older)  # its checksums hold


def test_a_run_with_another_tokenizer_is_refused(tmp_path: Path) -> None:
    older, run = exported(random_student(tmp_path / "student", "ctc"), tmp_path / "older"), tmp_path / "run"
    (run / "prepare").mkdir(parents=True)
    Tokenizer.train([LINE], [LINE], TokenizerSettings(vocab_size=300), seed=1).save(run / "prepare")
    with pytest.raises(ModelError, match="another tokenizer"):
        rewrite_export(older, run)
