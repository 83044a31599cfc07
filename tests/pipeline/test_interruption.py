"""A run that is killed at any moment and started again ends in the same bytes."""

import json
import os
import random
import shutil
import signal
from pathlib import Path

import pytest

from tiny_run import STAGES, Command, copy_of_run, finished_run, outputs, start, tiny_recipe
from tiny_run import run as again

# What shows that a stage is in the middle of its work.
MIDDLE = {
    "prepare": "train.src",
    "teacher": "checkpoint.pt",
    "distill": "shards/000001.txt",
    "align": "fingerprint.txt",
    "student": "checkpoint.pt",
    "finetune": "checkpoint.pt",
    "evaluate": "translations/teacher-greedy.txt",
}


def before(stage: str, directory: Path) -> Path:
    """A run with all stages before this one done."""
    run = copy_of_run(directory)
    for name in STAGES[STAGES.index(stage) :]:
        shutil.rmtree(run / name)
    return run


def begin(
    stage: str, run: Path, *, killed_at: Path | None = None, after: float = 0.0, by: int = signal.SIGKILL
) -> Command:
    command = ("run", run.parent / "tiny.toml", "--to", run, "--until", stage)
    return start(*command, killed_at=killed_at, after=after, by=by)


@pytest.mark.parametrize("stage", STAGES)
def test_a_killed_stage_ends_in_the_same_bytes(stage: str, tmp_path: Path) -> None:
    run = before(stage, tmp_path)
    chance = random.Random(stage)
    killed = 0
    for seen in ("", MIDDLE[stage]):
        path = run / ".partial" / stage / seen
        killed += (
            begin(stage, run, killed_at=path, after=chance.uniform(0, 0.05)).wait().code == -signal.SIGKILL
        )
    assert killed
    done = begin(stage, run).wait()
    assert done.code == 0, done.err
    assert outputs(run)[stage] == outputs(finished_run())[stage]
    assert not (run / ".partial" / stage).exists()
    if stage in ("teacher", "student", "finetune"):
        records = map(json.loads, (run / "metrics.jsonl").read_text().splitlines())
        updates = [r["update"] for r in records if r["stage"] == stage and "loss" in r]
        assert updates == list(range(1, 7))  # none is there twice


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_one_line_and_the_run_goes_on(number: int, tmp_path: Path) -> None:
    run = before("student", tmp_path)
    seen = run / ".partial/student/checkpoint.pt"
    done = begin("student", run, killed_at=seen, by=number).wait()
    assert done.code == 128 + number, done
    assert "Traceback" not in done.err
    assert done.err.splitlines()[-1] == "stopped; run the same command again to go on"
    assert not (run / "student").exists()
    done = begin("student", run).wait()
    assert done.code == 0, done.err
    assert outputs(run)["student"] == outputs(finished_run())["student"]


def test_a_stage_killed_while_it_is_tidied_is_not_done_again(tmp_path: Path) -> None:
    run = copy_of_run(tmp_path, until="student")
    os.rename(run / "student", run / ".partial/student")
    (run / ".partial/student/checkpoint.pt").touch()
    assert not (run / ".partial/student/fingerprint.txt").exists()
    assert again(tiny_recipe(tmp_path), run, until="student").run == []
    assert outputs(run)["student"] == outputs(finished_run())["student"]
    assert not (run / "student/checkpoint.pt").exists()


def test_a_stage_killed_while_it_takes_its_place_is_whole_or_done_again(tmp_path: Path) -> None:
    """Between the two renames the old directory is away and the new one still partial."""
    run = copy_of_run(tmp_path, until="align")
    os.rename(run / "align", run / ".partial/align.old")
    shutil.copytree(run / ".partial/align.old", run / ".partial/align")
    done = begin("align", run).wait()
    assert done.code == 0, done.err
    assert outputs(run)["align"] == outputs(finished_run())["align"]
