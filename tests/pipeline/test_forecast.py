"""The plan of a run: every stage that takes time, with the parameters and tokens it will really have."""

import json
from pathlib import Path

import pytest
import torch

from onepass import cli
from onepass.pipeline import forecast, peak_memory
from onepass.pipeline.forecast import measure_corpus, plan_run, render_plan
from onepass.pipeline.plan import plan
from onepass.settings import AlignSettings
from onepass.text.tokenizer import Tokenizer
from tiny_run import finished_run, tiny_recipe


def test_every_stage_that_takes_time_is_in_the_plan(tmp_path: Path) -> None:
    recipe = tiny_recipe(tmp_path, "variants.raw.distilled=false", "variants.back.back_translations=3")
    planned = plan_run(recipe, probe_seconds=0.0)
    assert {e.stage for e in planned.estimates} == {s.name for s in plan(recipe)} - {"prepare", "evaluate"}
    assert all(e.hours > 0 and e.disk_bytes > 0 for e in planned.estimates)
    trained = {"teacher", "reverse-teacher", "student", "finetune"}
    assert all(e.memory_bytes is None or e.memory_bytes > 1e8 for e in planned.estimates)
    assert trained <= {e.stage for e in planned.estimates if e.memory_bytes is not None}
    text = "\n".join(render_plan(planned))
    assert all(e.stage in text for e in planned.estimates)


def test_parameters_and_tokens_are_those_of_the_run(tmp_path: Path) -> None:
    run = finished_run()
    vocabulary = Tokenizer.load(run / "prepare").src_size
    planned = plan_run(tiny_recipe(tmp_path, f"tokenizer.vocab_size={vocabulary}"), probe_seconds=0.0)
    found = {e.stage: e for e in planned.estimates}
    for stage in ("teacher", "student", "finetune"):
        trained = json.loads((run / stage / "training.json").read_text())
        assert found[stage].parameters == trained["parameters"]
        assert found[stage].tokens == 6 * 600
    assert measure_corpus(tiny_recipe(tmp_path)).pairs == 40


def test_the_command_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert forecast.plan_run.__kwdefaults__ == {"probe_seconds": 30.0}  # as the help says
    monkeypatch.setattr(forecast.plan_run, "__kwdefaults__", {"probe_seconds": 0.0})
    tiny_recipe(tmp_path)
    cli.run(tmp_path / "tiny.toml", to=tmp_path / "run", plan=True)
    assert "together, at most" in capsys.readouterr().out
    assert not (tmp_path / "run").exists()


def test_where_the_system_does_not_tell_its_memory_the_plan_is_silent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(peak_memory, "PROCESS", tmp_path / "missing")  # as on Windows
    planned = plan_run(tiny_recipe(tmp_path), probe_seconds=0.0)
    assert {e.memory_bytes for e in planned.estimates} == {None}
    assert "  student" not in render_plan(planned)[0]


def test_a_peak_is_that_of_its_own_part() -> None:
    peak_memory.forget_peak()
    before = peak_memory.peak_bytes()
    if before is None:
        pytest.skip("this system does not tell its memory")
    torch.ones(50_000_000)
    held = peak_memory.peak_bytes()
    peak_memory.forget_peak()
    after = peak_memory.peak_bytes()
    assert held is not None
    assert after is not None
    assert held - before > 1.5e8
    assert after < held - 1.5e8


def test_hours_are_what_a_stage_does_over_the_speed_that_was_probed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forecast._Probe, "tokens_per_second", lambda *_: 10.0)
    monkeypatch.setattr(forecast._Probe, "translations_per_second", lambda *_: 4.0)
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    settings = ("variants.back.back_translations=3", "teacher.training.accumulate=2", "distill.beam_size=1")
    for engine, speedup in (("torch", 1), ("ctranslate2", forecast.CTRANSLATE2_SPEEDUP)):
        recipe = tiny_recipe(tmp_path, *settings, f"distill.engine={engine}")
        planned = plan_run(recipe, probe_seconds=0.0)
        seconds = {e.stage: pytest.approx(e.hours * 3600) for e in planned.estimates}
        assert seconds["teacher"] == seconds["reverse-teacher"] == 6 * 600 * 2 / 10
        assert seconds["student"] == 6 * 600 / 10
        assert seconds["back-translate3"] == 3 * 40 / 4
        assert seconds["distill"] == 40 / 4 / speedup
        assert seconds["distill-back3"] == 4 * 40 / 4 / speedup
        length = planned.corpus.length
        assert seconds["align"] == forecast.aligning_seconds(recipe.align, 40, length)
        assert seconds["align-back3"] == forecast.aligning_seconds(recipe.align, 4 * 40, length)


def test_aligning_is_learning_from_a_sample_and_applying_it_to_all() -> None:
    """What `benchmarks/align_speed.py` has measured."""
    every = AlignSettings(sample_pairs=10**9)
    assert forecast.aligning_seconds(every, 10_000, 9) == pytest.approx(3.9 + 1.3, rel=0.05)
    assert forecast.aligning_seconds(every, 6_000, 27) == pytest.approx(17.9 + 3.4, rel=0.1)
    some = AlignSettings(sample_pairs=10_000, iterations=10)
    assert forecast.aligning_seconds(some, 20_000, 9) == pytest.approx(2 * 3.9 + 2 * 1.3, rel=0.05)
    fewer = AlignSettings(max_pairs=5_000)
    assert forecast.aligning_seconds(fewer, 20_000, 9) == pytest.approx((3.9 + 1.3) / 2, rel=0.05)
