"""Distilling a file: line for line, going on at a shard, and only with what still holds."""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_context import context_for

from onepass.decoding.translator import Translator
from onepass.errors import DataError, ModelError, UsageError
from onepass.pipeline import distill as module
from onepass.pipeline import teacher_engines
from onepass.pipeline.distill import distill_file
from onepass.pipeline.plan import plan
from onepass.pipeline.teacher_engines import Teacher, make_engine
from onepass.runtime.cores import available_cores
from onepass.settings import DistillSettings
from onepass.text.lines import read_lines
from onepass.text.validity import valid_output
from tiny_export import random_teacher
from tiny_run import (
    assert_clear_error,
    call,
    copy_of_run,
    corpus_pairs,
    edit_manifest,
    finished_run,
    tiny_recipe,
    write_lines,
)

SETTINGS = DistillSettings(shard_lines=3)
LINES = ["a b", "", "c", "a b", "d e f", "  ", "g", "h i"]


class FakeEngine:
    """Translates into upper case and remembers what it was asked; breaks where it is told to."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []
        self.break_at: str | None = None

    def __call__(self, *_: object) -> Callable[[Sequence[str]], list[str]]:
        return self.translate

    def translate(self, lines: Sequence[str]) -> list[str]:
        if self.break_at in lines:
            self.break_at = None
            raise KeyboardInterrupt
        self.asked.append(list(lines))
        return [line.strip().upper() for line in lines]


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> FakeEngine:
    fake = FakeEngine()
    monkeypatch.setattr(module, "make_engine", fake)
    return fake


@pytest.fixture
def src(tmp_path: Path) -> Path:
    return write_lines(tmp_path / "src.txt", LINES)


def distill(
    src: Path, to: Path, settings: DistillSettings = SETTINGS, teacher: Path | None = None
) -> list[str]:
    seen: list[tuple[int, int]] = []
    distill_file(
        src,
        Teacher(teacher or finished_run() / "teacher"),
        to,
        settings,
        progress=lambda done, total, _: seen.append((done, total)),
    )
    assert seen[-1] == (len(LINES), len(LINES))
    return to.read_text(encoding="utf-8").split("\n")[:-1]


def test_every_line_keeps_its_place(src: Path, tmp_path: Path, engine: FakeEngine) -> None:
    assert distill(src, tmp_path / "out" / "tgt.txt") == ["A B", "", "C", "A B", "D E F", "", "G", "H I"]
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["tgt.txt"]  # no shards left


def test_a_stopped_job_goes_on_at_the_shard(src: Path, tmp_path: Path, engine: FakeEngine) -> None:
    engine.break_at = "g"
    to = tmp_path / "tgt.txt"
    with pytest.raises(KeyboardInterrupt):
        distill(src, to)
    assert not to.exists()
    assert engine.asked == [LINES[:3], LINES[3:6]]
    engine.asked.clear()
    assert len(distill(src, to)) == len(LINES)
    assert engine.asked == [LINES[6:]]


@pytest.mark.parametrize("changed", ["source", "teacher", "settings"])
def test_shards_of_other_input_are_not_used_and_not_thrown_away(
    changed: str, src: Path, tmp_path: Path, engine: FakeEngine
) -> None:
    teacher = Path(shutil.copytree(finished_run() / "teacher", tmp_path / "teacher"))
    engine.break_at, settings = "h i", SETTINGS
    with pytest.raises(KeyboardInterrupt):
        distill(src, tmp_path / "tgt.txt", teacher=teacher)
    engine.asked.clear()
    if changed == "source":
        write_lines(src, ["z", *LINES[1:]])
    elif changed == "teacher":
        edit_manifest(teacher, lambda manifest: manifest["provenance"].update(seed=2))
    else:
        settings = DistillSettings(shard_lines=3, beam_size=2)
    with pytest.raises(UsageError, match="another distillation"):
        distill(src, tmp_path / "tgt.txt", settings, teacher)
    assert engine.asked == []
    distill(src, tmp_path / "other.txt", settings, teacher)
    assert len(engine.asked) == 3
    assert len(list((tmp_path / "tgt.txt.shards").rglob("*.txt"))) == 2


def test_a_student_is_no_teacher(src: Path, tmp_path: Path) -> None:
    for name in ("ctranslate2", "torch"):
        settings = DistillSettings.model_validate({"engine": name})
        with pytest.raises(ModelError, match="teacher"):
            distill(src, tmp_path / "tgt.txt", settings, finished_run() / "student")
    assert not (tmp_path / "tgt.txt").exists()


def test_a_source_that_cannot_be_read_is_a_data_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="absent"):
        distill(tmp_path / "absent.txt", tmp_path / "tgt.txt")
    (tmp_path / "bad.txt").write_bytes(b"fine\n\xff\n")
    with pytest.raises(DataError, match="line 2"):
        distill(tmp_path / "bad.txt", tmp_path / "tgt.txt")
    assert [path.name for path in tmp_path.iterdir()] == ["bad.txt"]


def test_the_command_line(src: Path, tmp_path: Path) -> None:
    teacher = finished_run() / "teacher"
    options = ("--src", src, "--teacher", teacher, "--to", tmp_path / "tgt.txt")
    done = call("distill", *options, "--shard-lines", 5)
    assert done.code == 0, done.err
    lines = (tmp_path / "tgt.txt").read_text(encoding="utf-8").split("\n")[:-1]
    assert len(lines) == len(LINES)
    assert lines[1] == lines[5] == ""
    assert lines[0] == lines[3] != ""
    assert_clear_error(call("distill", *options, "--beam", 0), 2, "--beam")
    assert_clear_error(call("distill", *options, "--shard-lines", 0), 2, "--shard-lines")
    assert_clear_error(call("distill", *options, "--engine", "moses"), 2, "--engine")
    assert_clear_error(call("distill", *options, "--compute-type", "int1"), 2, "int1")
    absent = ("--src", tmp_path / "absent.txt", "--teacher", teacher, "--to", tmp_path / "x")
    assert_clear_error(call("distill", *absent), 3, "absent.txt")


def test_the_stage_translates_each_distinct_source_once(tmp_path: Path) -> None:
    run = copy_of_run(tmp_path)
    for split in ("train", "dev"):
        src = (run / "distill" / f"{split}.src").read_text().split("\n")[:-1]
        whole = (run / "prepare" / f"{split}.src").read_text().split("\n")[:-1]
        assert src == list(dict.fromkeys(whole))
        assert (run / "distill" / f"{split}.tgt").read_text().count("\n") == len(src)


@pytest.mark.parametrize("engine", ["torch", "ctranslate2"])
@pytest.mark.parametrize("beam_size", [1, 4])
def test_the_translations_are_those_of_the_search_that_the_settings_name(
    engine: Any, beam_size: int, tmp_path: Path, make_teacher: Callable[..., Any]
) -> None:
    teacher = random_teacher(tmp_path / "teacher", make_teacher)
    lines = [src for src, _ in corpus_pairs(30)]
    expected, other = (
        [
            valid_output(line, found.text)
            for line, found in zip(
                lines, Translator.load(teacher, beam_size=size).translate_as_written(lines), strict=True
            )
        ]
        for size in (beam_size, 5 - beam_size)
    )
    settings = DistillSettings(engine=engine, beam_size=beam_size)
    source, to = write_lines(tmp_path / "source", lines), tmp_path / "found"
    distill_file(source, Teacher(teacher), to, settings, progress=lambda *_: None)
    found = read_lines(to)
    agreed, confused = (sum(map(str.__eq__, found, texts)) for texts in (expected, other))
    # The two engines end a beam search at other moments.
    assert agreed >= (20 if (engine, beam_size) == ("ctranslate2", 4) else len(lines))
    assert confused < agreed


def test_every_setting_of_the_engine_reaches_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, Any]] = []

    class FakeTranslator:
        def __init__(self, directory: Path, tokenizer: object, **settings: Any) -> None:
            asked.append(settings)

        translate = None

    monkeypatch.setattr(teacher_engines, "CTranslate2Translator", FakeTranslator)
    settings = DistillSettings(beam_size=3, compute_type="int8", batch_tokens=77)
    make_engine(Teacher(finished_run() / "teacher"), settings, tmp_path / "exported")
    workers = available_cores()
    assert asked == [
        {
            "beam_size": 3,
            "compute_type": "int8",
            "batch_tokens": 77,
            "workers": workers,
            "device": torch.device("cpu"),
        }
    ]
    make_engine(Teacher(finished_run() / "teacher"), settings, tmp_path / "exported", cores=7)
    assert asked[1]["workers"] == 7


def test_each_stage_distills_with_its_own_beam(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    used: dict[str, DistillSettings] = {}

    def make_engine(
        teacher: Teacher, settings: DistillSettings, exported: Path, cores: int
    ) -> Callable[[Sequence[str]], list[str]]:
        used[exported.parents[1].name] = settings
        assert teacher == Teacher(tmp_path / "teacher")
        return lambda lines: [line.upper() for line in lines]

    monkeypatch.setattr(module, "make_engine", make_engine)
    changed = ("distill.beam_size=3", "distill.batch_tokens=50", "distill.shard_lines=2")
    recipe = tiny_recipe(
        tmp_path, *changed, "variants.two.distill_beam=2", "variants.back.back_translations=1"
    )
    write_lines(tmp_path / "prepare/train.src", ["a", "b", "a"])
    write_lines(tmp_path / "prepare/dev.src", ["b", "c"])
    write_lines(tmp_path / "back-translate1/train.src", ["d", "a"])
    expected = {"distill": ["a", "b"], "distill-beam2": ["a", "b"], "distill-back1": ["a", "b", "d"]}
    for stage in plan(recipe):
        if stage.name in expected:
            inputs = {name: tmp_path / name for name in stage.needs}
            stage.run(context_for(recipe, tmp_path / stage.name, inputs))
            assert used[stage.name].model_dump() == stage.settings
    assert {name: settings.beam_size for name, settings in used.items()} == {
        "distill": 3,
        "distill-beam2": 2,
        "distill-back1": 3,
    }
    for name, train in expected.items():
        for split, src in (("train", train), ("dev", ["b", "c"])):
            assert read_lines(tmp_path / name / f"{split}.src") == src
            assert read_lines(tmp_path / name / f"{split}.tgt") == [line.upper() for line in src]
        shards = sorted(path.name for path in (tmp_path / name / "shards").glob("*.txt"))
        assert len(shards) == (len(train) + 2 + 1) // 2
