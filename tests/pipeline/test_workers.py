"""Helpers of a run and jobs of an array: whoever makes which shard, and is killed, the bytes are the same."""

import random
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from onepass.pipeline.crew import Crew, helping
from onepass.pipeline.shards import translated
from onepass.text.lines import CutLines, write_lines
from tiny_run import (
    STAGES,
    assert_clear_error,
    call,
    copy_of_run,
    finished_run,
    outputs,
    start,
)

WORKER = """
import hashlib, sys, time
from pathlib import Path
from onepass.pipeline import crew
from onepass.pipeline.shards import texts, translated
from onepass.text.lines import CutLines, write_lines

crew.POLL_SECONDS = 0.05
folder, seconds = Path(sys.argv[1]), float(sys.argv[2])

def translate(part, number):
    time.sleep(seconds)
    return [hashlib.sha256(f"{number} {line}".encode()).hexdigest() for line in part]

made = translated(CutLines(folder / "source", 3), folder / "shards", translate)
made.work(crew.Crew(), lambda *_: None)
write_lines(folder / f"found-{sys.argv[3]}", texts(made))
"""


def start_worker(folder: Path, seconds: float, name: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, "-c", WORKER, str(folder), str(seconds), name])


def found(folder: Path, name: str) -> bytes:
    return (folder / f"found-{name}").read_bytes()


def survive(folder: Path, *, shards: int, workers: int, kills: int, seconds: float) -> None:
    """Kills workers at random moments and starts others, until all shards are there; compares."""
    lines = [f"line {number}" for number in range(3 * shards - 1)]
    for name in ("one", "many"):
        (folder / name).mkdir()
        write_lines(folder / name / "source", lines)
    assert start_worker(folder / "one", 0.0, "alone").wait() == 0
    chance = random.Random(shards)
    started = [start_worker(folder / "many", seconds, str(number)) for number in range(workers)]
    for _ in range(kills):
        time.sleep(chance.uniform(0.0, 2 * shards * seconds / workers / kills))
        place = chance.randrange(workers)
        started[place].kill()
        started[place].wait()
        started[place] = start_worker(folder / "many", seconds, str(place))
    assert [worker.wait(300) for worker in started] == [0] * workers
    for number in range(workers):
        assert found(folder / "many", str(number)) == found(folder / "one", "alone")
    assert not list((folder / "many/shards").glob("*.claim"))


def test_three_workers_of_which_some_are_killed_end_in_the_bytes_of_one(tmp_path: Path) -> None:
    survive(tmp_path, shards=30, workers=3, kills=4, seconds=0.2)


@pytest.mark.slow
def test_ten_workers_on_a_thousand_shards_survive_random_kills(tmp_path: Path) -> None:
    survive(tmp_path, shards=1000, workers=10, kills=60, seconds=2.0)


def before(stage: str, directory: Path) -> Path:
    run = copy_of_run(directory)
    for name in STAGES[STAGES.index(stage) :]:
        shutil.rmtree(run / name)
    return run


@pytest.mark.parametrize("stage", ["prepare", "distill", "align", "evaluate"])
def test_helpers_beside_a_run_end_in_its_bytes(stage: str, tmp_path: Path) -> None:
    run = before(stage, tmp_path)
    helpers = [start("work", run, "--stage", stage, "--cores", 1) for _ in range(2)]
    done = call("run", tmp_path / "tiny.toml", "--to", run, "--until", stage)
    assert done.code == 0, done.err
    for helper in helpers:
        said = helper.wait()
        assert said.code == 0, said.err
        assert f"{stage}: " in said.err
    assert outputs(run)[stage] == outputs(finished_run())[stage]
    assert not (run / ".partial" / stage).exists()


def test_jobs_of_an_array_that_share_nothing_make_what_a_run_takes_up(tmp_path: Path) -> None:
    runs = [before("distill", tmp_path / str(number)) for number in range(3)]
    for number, run in enumerate(runs[1:]):
        done = call("work", run, "--stage", "distill", "--shard", f"{number}/2")
        assert done.code == 0, done.err
    made = [{path.name for path in (run / ".partial/distill/shards").glob("0*.txt")} for run in runs[1:]]
    assert made[0]
    assert made[1]
    assert not made[0] & made[1]
    for run in runs[1:]:
        shutil.copytree(run / ".partial", runs[0] / ".partial", dirs_exist_ok=True)
    shards = runs[0] / ".partial/distill/shards"
    written = {path: path.stat().st_mtime_ns for path in shards.glob("0*.txt")}
    assert len(written) == len(made[0] | made[1])
    done = call("run", tmp_path / "0/tiny.toml", "--to", runs[0], "--until", "distill")
    assert done.code == 0, done.err
    assert outputs(runs[0])["distill"] == outputs(finished_run())["distill"]


def test_what_cannot_be_helped_with_is_said(tmp_path: Path) -> None:
    run = before("evaluate", tmp_path)
    assert_clear_error(call("work", run, "--stage", "student"), 2, "--stage", "distill")
    assert_clear_error(call("work", tmp_path, "--stage", "distill"), 2, "not a run directory")
    assert_clear_error(call("work", run, "--stage", "align", "--shard", "0/2"), 2, "--shard", "distill")
    assert_clear_error(call("work", run, "--stage", "distill", "--shard", "2/2"), 2, "0/N to N-1/N")
    assert_clear_error(call("work", run, "--stage", "distill", "--shard", "1/2"), 2, "finished")
    done = call("work", run, "--stage", "distill")
    assert (done.code, "is finished" in done.err) == (0, True)


def test_a_helper_that_is_late_is_let_go(tmp_path: Path) -> None:
    """What it waits for is moved away with the stage."""
    directory = tmp_path / "stage"
    directory.mkdir()
    crew = Crew(leads=False, is_over=lambda: not directory.exists())
    asked = threading.Thread(target=lambda: (time.sleep(0.2), directory.rmdir()))
    asked.start()
    with helping(directory):
        crew.once(directory / "shards/ready.json", lambda: None)
    assert not directory.exists()
    with helping(directory):
        raise FileNotFoundError("what was there")
    directory.mkdir()
    with pytest.raises(FileNotFoundError), helping(directory):
        raise FileNotFoundError("what is no helper's business")
    asked.join()


def test_a_helper_that_comes_when_all_is_done_neither_waits_nor_leaves_a_folder(tmp_path: Path) -> None:
    write_lines(tmp_path / "source", ["a", "b"])
    stage = tmp_path / "stage"  # renamed by the lead when it was finished
    made = translated(CutLines(tmp_path / "source", 1), stage / "shards", lambda part, _: list(part))
    with helping(stage):
        made.work(Crew(leads=False, is_over=lambda: True), lambda *_: None)
        pytest.fail("it has made what nobody wants")
    assert not stage.exists()
