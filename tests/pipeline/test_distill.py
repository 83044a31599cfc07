"""Distilling a file: line for line, going on at a shard, and only with what still holds."""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from onepass.errors import DataError, ModelError
from onepass.pipeline import distill as module
from onepass.pipeline.distill import distill_file
from onepass.settings import DistillSettings
from tiny_run import assert_clear_error, call, copy_of_run, edit_manifest, finished_run, write_lines

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
        teacher or finished_run() / "teacher",
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
def test_shards_of_other_input_are_not_used(
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
    distill(src, tmp_path / "tgt.txt", settings, teacher)
    assert len(engine.asked) == 3


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
