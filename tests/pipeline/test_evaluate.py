"""What a run's evaluation says below its table."""

from pathlib import Path
from typing import Any

from onepass.files import write_json
from onepass.pipeline.evaluate import summary

DISTILLED = {
    "role": "student",
    "family": "fertility",
    "distilled": True,
    "finetuned": False,
    "engine": "torch",
    "search": "argmax",
}
RAW = DISTILLED | {"distilled": False, "variant": "plain"}


def gain(directory: Path, *systems: tuple[dict[str, Any], float | None]) -> list[str]:
    """The lines about systems with these traits and BLEU."""
    rows = [
        {"name": f"system {i}", "model": "any", "traits": traits, "bleu": bleu}
        for i, (traits, bleu) in enumerate(systems)
    ]
    results = {
        "name": "toy",
        "command": "",
        "seed": 1,
        "machine": "",
        "versions": {},
        "src": "en",
        "tgt": "de",
        "test_sentences": 3,
        "bleu_signature": "",
        "chrf_signature": "",
        "systems": rows,
    }
    write_json(directory / "results.json", results)
    return summary(directory)


def test_the_gain_of_distillation_is_between_students_that_differ_in_it_alone(tmp_path: Path) -> None:
    others = [
        DISTILLED | {"finetuned": True},
        DISTILLED | {"candidates": 10},
        DISTILLED | {"search": "average"},
        DISTILLED | {"engine": "ONNX Runtime"},
        DISTILLED | {"variant": "uniform"},
        DISTILLED | {"family": "ctc"},
        RAW | {"finetuned": True},
        RAW | {"family": "ctc"},
        RAW | {"role": "teacher", "family": "autoregressive", "search": "greedy"},
    ]
    systems = [*((traits, 50.0 + i) for i, traits in enumerate(others)), (RAW, 20.0), (DISTILLED, 25.5)]
    assert gain(tmp_path, *systems) == [
        "Distillation gains +5.50 BLEU: system 10 25.50 on the teacher's translations, "
        "20.00 on the raw corpus."
    ]


def test_without_a_pair_or_its_quality_nothing_is_said_of_distillation(tmp_path: Path) -> None:
    assert gain(tmp_path, (DISTILLED, 25.5)) == []
    assert gain(tmp_path, (RAW, 20.0)) == []
    assert gain(tmp_path, (DISTILLED, None), (RAW, None)) == []


def test_samples_and_figures_follow(tmp_path: Path) -> None:
    (tmp_path / "samples.txt").write_text("src  a\nhyp  b\n")
    (tmp_path / "a.png").touch()
    assert gain(tmp_path, (DISTILLED, 25.5)) == ["", "src  a", "hyp  b", f"Figure: {tmp_path / 'a.png'}"]
