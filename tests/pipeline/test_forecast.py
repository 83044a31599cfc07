"""The plan of a run: every stage, with the parameters and tokens it will really have, and its hours."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from onepass import cli
from onepass.errors import ModelError
from onepass.pipeline import distill, forecast, peak_memory, rehearsal
from onepass.pipeline.forecast import (
    drawn_out,
    line_through,
    measure_corpus,
    plan_run,
    render_plan,
    systems_seconds,
)
from onepass.pipeline.plan import plan
from onepass.pipeline.rehearsal import Rehearsal, read_sample
from onepass.pipeline.rehearse import LARGE, SMALL
from onepass.recipe import Recipe, load_recipe
from onepass.settings import AlignSettings, EvaluateSettings
from onepass.text.tokenizer import Tokenizer
from tiny_marian import TEXT, Shape, write_teacher
from tiny_rehearsal import here
from tiny_run import finished_run, tiny_recipe

MONO = """
[data]
src = "en"
tgt = "pt"
mono = "text.en"
held_out = 3

[teacher]
from = "teacher"
licence = "cc-by-4.0"

[distill]
exercises = 2

[student]
family = "ctc"
start = "states"

[student.training]
batch_tokens = 600
max_updates = 4
validate_every = 2
precision = "fp32"

[evaluate]
num_candidates = []
latency_sentences = 0
bootstrap_samples = 10
"""


def mono_recipe(folder: Path, *overrides: str) -> Recipe:
    """Of source text alone, with a teacher that is read; `text.pt` has translations."""
    write_teacher(folder / "teacher", Shape())
    for name in ("text.en", "text.pt"):
        (folder / name).write_text("".join(f"{line}\n" for line in TEXT[:50]))
    (folder / "mono.toml").write_text(MONO)
    return load_recipe(folder / "mono.toml", overrides)


def test_every_stage_is_in_the_plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here(monkeypatch)
    recipe = tiny_recipe(tmp_path, "variants.raw.distilled=false", "variants.back.back_translations=3")
    planned = plan_run(recipe, probe_seconds=0.0)
    assert [e.stage for e in planned.estimates] == [s.name for s in plan(recipe)]
    assert all(e.hours > 0 and e.disk_bytes > 0 for e in planned.estimates)
    assert all(e.memory_bytes is None or e.memory_bytes > 1e8 for e in planned.estimates)
    trained = {"teacher", "reverse-teacher", "student", "finetune"}
    assert trained <= {e.stage for e in planned.estimates if e.parameters is not None}
    text = "\n".join(render_plan(planned))
    assert all(e.stage in text for e in planned.estimates)


def test_parameters_and_tokens_are_those_of_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here(monkeypatch)
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
    """Here each stage is in a process of its own."""
    monkeypatch.setitem(forecast.plan_run.__kwdefaults__, "probe_seconds", 0.0)
    student = 'student={family="ctc", distilled=false, init_from_teacher=false}'
    training = 'student.training={max_updates=2, validate_every=2, batch_tokens=600, precision="fp32"}'
    tiny_recipe(tmp_path)
    settings = [student, training, "evaluate.num_candidates=[]"]
    cli.run(tmp_path / "tiny.toml", to=tmp_path / "run", settings=settings, plan=True)
    said = capsys.readouterr().out
    assert all(word in said for word in ("prepare", "student", "evaluate", "together, at most"))
    assert not (tmp_path / "run").exists()


def test_a_rehearsal_that_fails_says_which_stage(tmp_path: Path) -> None:
    (tmp_path / "large").mkdir()
    with pytest.raises(ModelError, match="rehearsal"):
        rehearsal._apart(tmp_path, "prepare", 1.0, "wall")


def test_translations_that_are_there_are_not_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here(monkeypatch)
    made = []
    monkeypatch.setattr(distill, "make_engine", lambda *_: made.append(True) or list)
    settings = ('data.distilled="text.pt"', "distill.exercises=0")
    recipe = mono_recipe(tmp_path, *settings)
    planned = plan_run(recipe, probe_seconds=0.0)
    assert [e.stage for e in planned.estimates] == [s.name for s in plan(recipe)]
    assert len(made) <= 3  # for the sentences of dev, one a run
    sample = read_sample(recipe)
    rehearsed = Rehearsal(recipe, sample, tmp_path / "rehearsal")
    [stage] = [stage for stage in rehearsed.stages() if stage.name == "distill"]
    assert not rehearsed.translates(stage)


def test_where_translations_are_there_dev_is_what_the_teacher_translates(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = {"seconds": [9.0, 4.0, 5.0], "extremes": 7.0, "memory_of_small": 1, "memory": 1, "disk": DISK}
    once = {"seconds": [9.0], "memory": 1, "disk": DISK}
    of = {"teacher": once, "student": MEASURED, "evaluate": once}
    monkeypatch.setattr(Rehearsal, "measure", lambda _, stage, seconds_: of.get(stage.name, seconds))
    monkeypatch.setattr(forecast._Forecast, "_evaluating", lambda *_: EVALUATION)
    recipe = mono_recipe(tmp_path, 'data.distilled="text.pt"', "distill.exercises=0")
    found = {e.stage: e for e in plan_run(recipe).estimates}
    assert found["distill"].hours * 3600 == pytest.approx(4.0 + 1.0 + 3 * (7.0 - 5.0) / 2)  # of 3 sentences


def test_texts_alone_are_translated_and_those_held_out_in_prepare(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def measure(self: Rehearsal, stage: Any, _: float) -> dict[str, Any]:
        self.few = {SMALL: 12, LARGE: 48}
        seconds = [9.0] if stage.name == "teacher" else [9.0, 4.0, 13.0]
        texts = {"seconds": seconds, "memory": 10, "memory_of_small": 1000, "disk": DISK}
        return MEASURED if stage.name in ("student", "evaluate") else texts

    monkeypatch.setattr(Rehearsal, "measure", measure)
    monkeypatch.setattr(
        forecast._Forecast, "_evaluating", lambda *_: forecast.Estimate("e", None, None, 1, 1)
    )
    recipe = mono_recipe(tmp_path, "distill.exercises=0")
    found = {e.stage: e for e in plan_run(recipe).estimates}
    assert found["distill"].hours * 3600 == pytest.approx(1.0 + (50 + 3) / 4)  # dev, too
    alone = 4.0 + 37 * 9 / 37  # the quarter of 50 lines, and the rest
    assert found["prepare"].hours * 3600 == pytest.approx(alone + 1.0 + 6 / 4, abs=0.2)
    assert found["prepare"].memory_bytes == 1000


DISK = {SMALL: 100, LARGE: 400}
EVALUATION = forecast.Estimate("evaluate", None, None, 1, 1)
MEASURED = {"cold": 9.0, "update": 0.5, "validation": 2.0, "parameters": 7, "memory": 99}


def test_a_training_is_a_start_updates_and_validations(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = {"seconds": [8.0, 4.0], "memory": None, "memory_of_small": None, "disk": DISK}
    monkeypatch.setattr(
        Rehearsal, "measure", lambda _, stage, seconds: MEASURED if stage.distributed else texts
    )
    monkeypatch.setattr(
        forecast._Forecast, "_evaluating", lambda *_: forecast.Estimate("e", None, None, 1, 1)
    )
    monkeypatch.setattr(Rehearsal, "on_gpu", False)
    settings = ("variants.back.back_translations=3", "teacher.training.accumulate=2", "distill.beam_size=1")
    hours = {}
    for engine in ("torch", "ctranslate2"):
        recipe = tiny_recipe(tmp_path, *settings, f"distill.engine={engine}")
        hours[engine] = {e.stage: e.hours * 3600 for e in plan_run(recipe).estimates}
    seconds = hours["torch"]
    assert seconds["teacher"] == seconds["reverse-teacher"] == pytest.approx(9 + 2 * 4 * 0.5 + 2 * 2)
    assert seconds["student"] == pytest.approx(9 + 4 * 0.5 + 2 * 2)
    faster = hours["ctranslate2"]
    assert seconds["distill"] == pytest.approx(faster["distill"] * forecast.CTRANSLATE2_SPEEDUP)
    assert seconds["back-translate3"] == pytest.approx(faster["back-translate3"])


def test_a_start_is_told_from_the_lines() -> None:
    lines = {SMALL: 10, LARGE: 40}
    assert line_through([9.0, 5.0, 11.0], lines) == pytest.approx((3.0, 0.2))
    assert line_through([5.0, 2.0], lines) == pytest.approx((0.0, 0.2))  # too long for the large run
    assert line_through([5.0, 2.0, 1.0], lines) == pytest.approx((2.0, 0.0))  # noise


def test_bytes_grow_with_the_lines() -> None:
    lines = {SMALL: 10, LARGE: 40}
    assert drawn_out({SMALL: 100, LARGE: 400}, lines, 100) == pytest.approx(1000)
    assert drawn_out({SMALL: 110, LARGE: 410}, lines, 100) == pytest.approx(1010)  # 10 are always there
    assert drawn_out({SMALL: 100, LARGE: 0}, lines, 100) == pytest.approx(1000)


def test_evaluating_is_translating_and_timing_in_rounds() -> None:
    settings = EvaluateSettings(batch_sizes=(1, 10))
    torch_row = {"mean_ms": 100, "throughput": {"1": 10, "10": 20}, "traits": {"engine": "torch"}}
    other = {**torch_row, "traits": {"engine": "ONNX Runtime"}}

    def seconds(row: dict[str, Any], rounds: int) -> float:
        return systems_seconds([row], settings, tested=100, timed=40, rounds=rounds)

    turn = 45 * 0.1 + 10 / 20 + 40 / 20
    assert seconds(torch_row, 0) == pytest.approx(5)  # in batches
    assert seconds(other, 0) == pytest.approx(10)  # each alone
    assert seconds(other, 3) == pytest.approx(10 + 3 * turn)


def test_where_the_system_does_not_tell_its_memory_the_plan_is_silent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here(monkeypatch)
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


def test_aligning_is_learning_from_a_sample_and_applying_it_to_all() -> None:
    """What `benchmarks/align_speed.py` has measured."""
    every = AlignSettings(sample_pairs=10**9)
    assert forecast.aligning_seconds(every, 10_000, 9) == pytest.approx(3.9 + 1.3, rel=0.05)
    assert forecast.aligning_seconds(every, 6_000, 27) == pytest.approx(17.9 + 3.4, rel=0.1)
    some = AlignSettings(sample_pairs=10_000, iterations=10)
    assert forecast.aligning_seconds(some, 20_000, 9) == pytest.approx(2 * 3.9 + 2 * 1.3, rel=0.05)
    fewer = AlignSettings(max_pairs=5_000)
    assert forecast.aligning_seconds(fewer, 20_000, 9) == pytest.approx((3.9 + 1.3) / 2, rel=0.05)
