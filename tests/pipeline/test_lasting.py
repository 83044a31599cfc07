"""What lasts of a run: old directories, trainings that go on, damage that is seen and repaired, the disk."""

import json
import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from onepass.display import Display
from onepass.errors import DataError
from onepass.pipeline.plan import plan
from onepass.pipeline.run import announce, run_recipe
from onepass.pipeline.stage import STATE, begin, next_old, read_record, why_redo
from onepass.pipeline.verify import verify_directory
from onepass.training.checkpoint import read_checkpoint
from tiny_run import STAGES, Log, copy_of_run, finished_run, outputs, run, tiny_recipe

LONGER = ("student.training.max_updates=8",)


def in_old_form(directory: Path) -> Path:
    """The run as version 0.1 of this package left it: no `contents`, no `reads`, no state."""
    for path in directory.glob("*/stage.json"):
        record = json.loads(path.read_text())
        path.write_text(json.dumps({k: v for k, v in record.items() if k not in ("reads", "contents")}))
        shutil.rmtree(path.parent / STATE, ignore_errors=True)
    return directory


def with_old_checkpoint(directory: Path, stage: str) -> Path:
    """The stage as it was left half done: a fingerprint, one checkpoint that is torch's own file."""
    final, partial = directory / stage, directory / ".partial" / stage
    record = read_record(final)
    assert record is not None
    partial.mkdir(parents=True)
    (partial / "fingerprint.txt").write_text(record["fingerprint"])
    state = read_checkpoint(final / STATE / "checkpoint.pt")
    for name in ("validated", "digests"):
        del state["progress"][name]
    torch.save(state, partial / "checkpoint.pt")
    for path in (final / STATE).glob("kept-*"):
        shutil.copy(path, partial)
    shutil.rmtree(final)
    return partial


def flip_a_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.chmod(0o644)
    path.write_bytes(content)


def kept(directory: Path) -> set[str]:
    return {path.relative_to(directory).as_posix() for path in directory.glob("old-*/*")}


# --- runs of older versions --------------------------------------------------


def test_a_run_of_an_older_version_is_taken_as_it_is(tmp_path: Path) -> None:
    directory = in_old_form(copy_of_run(tmp_path))
    before = {path: path.stat().st_mtime_ns for path in directory.glob("*/*") if path.is_file()}
    log = run(tiny_recipe(tmp_path), directory)
    assert (log.up_to_date, log.run) == (list(STAGES), [])
    assert {path: path.stat().st_mtime_ns for path in before} == before
    lines: list[str] = []
    verify_directory(directory, lines.append)
    assert [line.split(":")[0] for line in lines] == sorted(STAGES)
    assert all("whole" in line for line in lines)


def test_a_training_that_an_older_version_has_begun_goes_on(tmp_path: Path) -> None:
    directory = copy_of_run(tmp_path, until="student")
    partial = with_old_checkpoint(in_old_form_but_state(directory), "student")
    recipe = tiny_recipe(tmp_path)
    [stage] = (stage for stage in plan(recipe) if stage.name == "student")
    before = (partial / "checkpoint.pt").stat().st_mtime_ns
    assert begin(stage, directory) == partial
    assert (partial / "checkpoint.pt").stat().st_mtime_ns == before
    assert run(recipe, directory, until="student").run == ["student"]
    assert outputs(directory)["student"] == outputs(finished_run())["student"]
    records = (directory / "metrics.jsonl").read_text()
    assert records == (finished_run() / "metrics.jsonl").read_text()  # it made no update again


def in_old_form_but_state(directory: Path) -> Path:
    states = {path.parent: path for path in directory.glob(f"*/{STATE}")}
    for stage, state in states.items():
        state.rename(directory / f"{stage.name}.{STATE}")
    in_old_form(directory)
    for stage in states:
        (directory / f"{stage.name}.{STATE}").rename(stage / STATE)
    return directory


def test_a_changed_setting_in_a_run_of_an_older_version_does_its_stage_again(tmp_path: Path) -> None:
    directory = in_old_form(copy_of_run(tmp_path))
    recipe = tiny_recipe(tmp_path, *LONGER)
    redone = {s.name: r for s in plan(recipe) if (r := why_redo(s, directory)) is not None}
    assert list(redone) == ["student", "finetune"]
    assert not redone["student"].goes_on  # it kept no state
    assert "older version" in redone["student"].reasons[0]


# --- what goes on, and what makes way ----------------------------------------


def updates_of(directory: Path, stage: str) -> list[int]:
    records = map(json.loads, (directory / "metrics.jsonl").read_text().splitlines())
    return [r["update"] for r in records if r["stage"] == stage and "loss" in r]


def test_a_finished_training_goes_on_with_more_updates_and_ends_as_if_it_had_had_them(tmp_path: Path) -> None:
    directory = copy_of_run(tmp_path, until="align")
    recipe = tiny_recipe(tmp_path, *LONGER)
    run(tiny_recipe(tmp_path), directory, until="student")
    shorter = outputs(directory)["student"]
    lines = announce(plan(recipe)[:5], directory, first=9, old=next_old(directory))
    assert lines == [
        "student trains on: training.max_updates was 6 and is 8",
        f"what makes way is kept in {directory / 'old-1'}",
    ]
    assert run(recipe, directory, until="student").run == ["student"]
    assert updates_of(directory, "student") == [*range(1, 9)]
    assert kept(directory) == {"old-1/student"}
    assert read_record(directory / "old-1/student")["output"] == shorter  # type: ignore[index]

    whole = copy_of_run(tmp_path / "whole", until="align")
    run(tiny_recipe(tmp_path / "whole", *LONGER), whole, until="student")
    assert outputs(whole)["student"] == outputs(directory)["student"]


def test_a_setting_that_is_smaller_or_of_another_kind_starts_the_training_anew(tmp_path: Path) -> None:
    directory = finished_run()
    for setting, goes_on in (
        ("student.training.max_updates=5", False),
        ("student.training.patience=9", False),
        ("student.training.patience=11", True),
        ("student.training.validate_every=1", True),
        ("student.training.learning_rate=1e-3", False),
    ):
        stages = {stage.name: stage for stage in plan(tiny_recipe(directory.parent, setting))}
        redo = why_redo(stages["student"], directory)
        assert redo is not None
        assert redo.goes_on == goes_on, setting
        assert why_redo(stages["teacher"], directory) is None


@pytest.mark.parametrize(
    "setting",
    [
        "distill.batch_tokens=77",
        "distill.engine=torch",
        "teacher.training.checkpoint_minutes=1",
        "student.finetune.training.checkpoint_minutes=1",
    ],
)
def test_what_does_not_change_the_output_redoes_nothing(setting: str) -> None:
    directory = finished_run()
    stages = plan(tiny_recipe(directory.parent, setting))
    assert [stage.name for stage in stages if why_redo(stage, directory) is not None] == []


def test_a_run_says_what_it_will_do_again_and_why_before_it_does(tmp_path: Path) -> None:
    class Said(Log):
        def __init__(self) -> None:
            super().__init__()
            self.lines: list[str] = []

        def say(self, line: str) -> None:
            self.lines.append(line)

        def skipped(self, name: str) -> None:
            self.lines.append(f"skipped {name}")

    directory = copy_of_run(tmp_path, until="align")
    said = Said()
    recipe = tiny_recipe(tmp_path, "align.iterations=3", "distill.beam_size=2")
    run_recipe(recipe, directory, until="align", display=said, command="onepass run")
    assert said.lines[:4] == [
        "distill is done again: beam_size was 1 and is 2",
        "align is done again: iterations was 5 and is 3",
        f"what makes way is kept in {directory / 'old-1'}",
        "skipped prepare",
    ]
    assert kept(directory) == {"old-1/distill", "old-1/align"}


def test_an_attempt_at_something_else_is_kept(tmp_path: Path) -> None:
    directory = tmp_path / "run"
    [prepare, *_] = plan(tiny_recipe(tmp_path))
    (begin(prepare, directory) / "half").touch()
    [changed, *_] = plan(tiny_recipe(tmp_path, "seed=2"))
    assert not (begin(changed, directory) / "half").exists()
    assert (directory / "old-1/.partial/prepare/half").exists()


# --- damage ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "damage", "said"),
    [
        ("prepare/train.src", flip_a_byte, "its digest differs"),
        ("align/train.fertilities.ids", flip_a_byte, "its digest differs"),
        ("align/train.pharaoh", lambda path: path.write_text("0-0\n"), "lines and not"),
        ("teacher/weights.safetensors", flip_a_byte, "its digest differs"),
        ("teacher/weights.safetensors", lambda path: path.unlink(), "cannot be read"),
    ],
)
def test_a_damaged_file_is_one_error_that_names_it_and_is_made_again(
    name: str, damage: Callable[[Path], None], said: str, tmp_path: Path
) -> None:
    directory = copy_of_run(tmp_path, until="align")
    before = outputs(directory)
    damage(directory / name)
    recipe = tiny_recipe(tmp_path)
    with pytest.raises(DataError, match=said) as error:
        run(recipe, directory, until="student")
    assert error.value.where == directory / name
    stage = name.split("/")[0]
    assert run(recipe, directory, until="align").run == [stage]
    assert outputs(directory) == before
    assert kept(directory) == {f"old-1/{stage}"}
    if stage == "teacher":  # from the state that it had ended with
        assert updates_of(directory, "teacher") == [*range(1, 7)]


def test_verify_names_what_is_damaged_and_the_next_run_makes_it_again(tmp_path: Path) -> None:
    directory = copy_of_run(tmp_path)
    lines: list[str] = []
    verify_directory(directory, lines.append)
    assert len(lines) == len(STAGES)
    assert all(": whole (" in line for line in lines)
    flip_a_byte(directory / "align/train.src.ids")
    flip_a_byte(directory / "student/state/checkpoint.pt")
    lines.clear()
    with pytest.raises(DataError, match="2 of 7"):
        verify_directory(directory, lines.append)
    assert "align: train.src.ids: its digest differs (14 files)" in lines
    assert any(line.startswith("student: state/checkpoint.pt: its digest differs") for line in lines)
    assert run(tiny_recipe(tmp_path), directory).run == ["align"]
    assert outputs(directory) == outputs(finished_run())


# --- modes and a full disk ---------------------------------------------------


def test_every_file_of_a_run_has_the_mode_of_the_umask() -> None:
    mask = os.umask(0)
    os.umask(mask)
    modes = {stat.S_IMODE(path.stat().st_mode) for path in finished_run().rglob("*") if path.is_file()}
    assert modes == {0o666 & ~mask}


@pytest.mark.parametrize("stage", STAGES)
def test_a_full_disk_is_one_line_that_names_the_file(
    stage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = copy_of_run(tmp_path)
    for name in STAGES[STAGES.index(stage) :]:
        shutil.rmtree(directory / name)
    written = os.fsync

    def full(descriptor: int) -> None:
        if f".partial/{stage}" in os.readlink(f"/proc/self/fd/{descriptor}") and not at_beginning():
            raise OSError(28, "No space left on device")
        written(descriptor)

    def at_beginning() -> bool:
        return not (directory / ".partial" / stage / "fingerprint.txt").exists()

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DataError, match="The disk is full") as error:
        run(tiny_recipe(tmp_path), directory, until=stage)
    assert str(directory / ".partial" / stage) in str(error.value.where)
    assert not (directory / stage).exists()


def test_a_file_system_without_locks_is_told_as_such(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import fcntl

    def refuse(*_: object) -> None:
        raise OSError(38, "Function not implemented")

    class Said(Display):
        def say(self, line: str) -> None:
            lines.append(line)

    lines: list[str] = []
    directory = copy_of_run(tmp_path)
    monkeypatch.setattr(fcntl, "flock", refuse)
    run_recipe(tiny_recipe(tmp_path), directory, display=Said(quiet=True), command="onepass run")
    assert f"{directory}: this file system has no locks; start one run at a time in it" in lines
