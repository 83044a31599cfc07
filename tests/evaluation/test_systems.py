"""What a row says of its system is what its engine is told."""

import importlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import onepass.bundle
import onepass.decoding.translator
import onepass.export.ctranslate2
import onepass.runtime.translator
from onepass.evaluation import systems
from onepass.evaluation.systems import (
    SIDE_BY_SIDE,
    Competitor,
    TrainedModel,
    in_ctranslate2,
    in_onnx_runtime,
    in_torch,
)
from onepass.families import AUTOREGRESSIVE, DAG, FERTILITY, Family

TEACHER = Path("run/teacher")


def trained(family: Family) -> TrainedModel:
    return TrainedModel(
        "finetune-big",
        Path("run/finetune-big"),
        Path("exported/finetune-big"),
        "student",
        family,
        distilled=True,
        finetuned=True,
        variant="big",
    )


class Recorder:
    """Stands for a translator, remembers how it was asked for, and numbers what it translates."""

    description = "recorded"

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        self.arguments, self.settings = arguments, settings


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> Callable[[Competitor], list[Recorder]]:
    """Builds every setting of a row, as its process does, and gives what the engines were asked for."""
    made: list[Recorder] = []

    def load(*arguments: Any, **settings: Any) -> Recorder:
        made.append(Recorder(*arguments, **settings))
        return made[-1]

    def build(row: Competitor) -> list[Recorder]:
        made.clear()
        for spec in row.settings():
            module, _, function = spec.factory.partition(":")
            getattr(importlib.import_module(module), function)(**json.loads(json.dumps(spec.arguments)))
        return list(made)

    class FakeBundle:
        @staticmethod
        def open(directory: Path) -> Any:
            class Opened:
                @staticmethod
                def tokenizer() -> str:
                    return f"tokenizer of {directory}"

            return Opened

    monkeypatch.setattr("torch.set_num_threads", lambda threads: made.append(Recorder(threads)))
    monkeypatch.setattr(onepass.decoding.translator.Translator, "load", load)
    monkeypatch.setattr(onepass.runtime.translator.Translator, "load", load)
    monkeypatch.setattr(onepass.export.ctranslate2, "CTranslate2Translator", load)
    monkeypatch.setattr(Recorder, "translate", lambda self, lines: lines, raising=False)
    monkeypatch.setattr(onepass.bundle, "Bundle", FakeBundle)
    monkeypatch.setattr("ctranslate2.get_supported_compute_types", lambda device: {"int8", "float32"})
    monkeypatch.setattr(systems, "available_cores", lambda: 4)
    return build


@pytest.mark.parametrize(
    ("family", "asked", "settings", "traits"),
    [
        (FERTILITY, {}, {}, {"search": "argmax"}),
        (FERTILITY, {"search": "average"}, {"average": True}, {"search": "average"}),
        (
            FERTILITY,
            {"teacher": TEACHER, "candidates": 10},
            {"teacher": TEACHER, "num_candidates": 10},
            {"search": "argmax", "candidates": 10},
        ),
        (DAG, {}, {}, {"search": "marginal"}),
        (DAG, {"search": "viterbi"}, {"search": "viterbi"}, {"search": "viterbi"}),
        (AUTOREGRESSIVE, {}, {}, {"search": "greedy"}),
        (AUTOREGRESSIVE, {"beam_size": 5}, {"beam_size": 5}, {"search": "beam", "beam_size": 5}),
    ],
)
def test_in_torch(built: Any, family: Family, asked: Any, settings: Any, traits: Any) -> None:
    row = in_torch("a row", trained(family), **asked)
    usual = {"teacher": None, "beam_size": 1, "average": False, "num_candidates": 1, "search": None}
    one_thread, one, all_threads, every = built(row)
    assert (one_thread.arguments, all_threads.arguments) == ((1,), (4,))
    for found in (one, every):
        assert found.arguments == (Path("run/finetune-big"),)
        assert found.settings == {**usual, **settings, "device": found.settings["device"]}
    assert (row.name, row.model) == ("a row", "finetune-big")
    assert row.traits.model_dump() == {
        "role": "student",
        "family": family.name,
        "variant": "big",
        "distilled": True,
        "finetuned": True,
        "engine": "torch",
        "precision": "float32",
        "beam_size": 1,
        "candidates": 1,
        "corrections": 0,
        **traits,
    }


@pytest.mark.parametrize(("beam_size", "search"), [(None, "greedy"), (5, "beam")])
def test_in_ctranslate2(
    built: Any, beam_size: int | None, search: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "exported/finetune-big").mkdir(parents=True)
    (tmp_path / "exported/finetune-big/vmap.txt").touch()
    row = in_ctranslate2("a row", trained(AUTOREGRESSIVE), beam_size=beam_size)
    found = built(row)
    assert all(
        one.arguments == (Path("exported/finetune-big"), "tokenizer of run/finetune-big") for one in found
    )
    assert [one.settings for one in found] == [
        {
            "beam_size": beam_size or 1,
            "compute_type": compute_type,
            "use_vmap": use_vmap,
            "threads": threads,
            "workers": 4 // threads,
            "batch_tokens": SIDE_BY_SIDE if threads == 1 else 2048,
        }
        for compute_type in ("float32", "int8")
        for use_vmap in (False, True)
        for threads in (1, 4)
    ]
    assert [spec.threads for spec in row.settings()] == [1, 4] * 4
    traits = row.traits
    assert (traits.engine, traits.precision, traits.search) == ("CTranslate2", None, search)
    assert (traits.beam_size, traits.candidates) == (beam_size or 1, 1)


def test_in_ctranslate2_without_a_vocabulary_map_none_is_tried(built: Any, tmp_path: Path) -> None:
    found = built(in_ctranslate2("a row", trained(AUTOREGRESSIVE)))
    assert [one.settings["use_vmap"] for one in found] == [False] * 4


@pytest.mark.parametrize("precision", ["int8", "float32"])
@pytest.mark.parametrize("candidates", [1, 10])
def test_in_onnx_runtime(built: Any, precision: Any, candidates: int) -> None:
    row = in_onnx_runtime("a row", trained(FERTILITY), precision, candidates=candidates, corrections=3)
    [found] = built(row)
    assert found.arguments == ("exported/finetune-big",)
    assert found.settings == {
        "precision": precision,
        "num_threads": 4,
        "num_candidates": candidates,
        "num_corrections": 3,
    }
    traits = row.traits
    assert (traits.engine, traits.precision, traits.search) == ("ONNX Runtime", precision, "argmax")
    assert (traits.beam_size, traits.candidates) == (1, candidates)
