"""Several processes of one run: they agree or say why not, and one that ends, ends all with one line."""

import os
import re
import signal
import time
from collections.abc import Sequence
from pathlib import Path

import psutil
import pytest

from onepass.pipeline import meeting
from onepass.pipeline.processes import Place, first_host, place
from tiny_launch import TWO, forked, free_port
from tiny_run import Command, call, outputs, start, write_recipe

ENDED = re.compile(
    r"^error: rank (\d) on \S+ has ended in the stage (\S+); start the same command again", re.M
)


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_recipe(tmp_path_factory.mktemp("together"))


@pytest.fixture(scope="module")
def of_one_process(recipe: Path) -> dict[str, str]:
    done = call("run", recipe, *TWO, "--to", recipe.parent / "one")
    assert done.code == 0, done.err
    return outputs(recipe.parent / "one")


def start_together(commands: Sequence[Sequence[object]], folder: Path) -> list[Command]:
    """Processes that are started as Slurm's srun does."""
    said = {"SLURM_NTASKS": len(commands), "MASTER_PORT": free_port()}
    started = []
    for rank, command in enumerate(commands):
        own = said | {"SLURM_PROCID": rank, "SLURM_LOCALID": rank}
        environment = {name: str(value) for name, value in own.items()}
        started.append(start(*command, cwd=folder, environment=environment))
    return started


def together(
    commands: Sequence[Sequence[object]], folder: Path, seconds: float
) -> tuple[list[int], list[str]]:
    """The exit codes and the error outputs of processes that are started together."""
    started = start_together(commands, folder)
    deadline = time.monotonic() + seconds
    try:
        done = [command.wait(max(deadline - time.monotonic(), 0.1)) for command in started]
    finally:
        for command in started:
            command.process.kill()
    return [one.code for one in done], [one.err for one in done]


# --- who is who --------------------------------------------------------------


def test_launchers_say_who_a_process_is() -> None:
    assert place({}) == Place(0, 1, 0, 1)
    assert place({"RANK": "1"}) == Place()  # without a number of processes it means nothing
    torchrun = {"RANK": "5", "WORLD_SIZE": "8", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "4"}
    assert place(torchrun) == Place(5, 8, 1, 4)
    slurm = {
        "SLURM_PROCID": "3",
        "SLURM_NTASKS": "4",
        "SLURM_LOCALID": "1",
        "SLURM_STEP_TASKS_PER_NODE": "2(x2)",
    }
    assert place(slurm) == Place(3, 4, 1, 2)
    assert place({**slurm, **torchrun}) == Place(5, 8, 1, 4)  # torchrun inside a job


@pytest.mark.parametrize(
    ("hosts", "first"),
    [
        ("node07", "node07"),
        ("a,b", "a"),
        ("node[07-09,12]", "node07"),
        ("gpu[3,5]-ib,x1", "gpu3-ib"),
        ("", "localhost"),
    ],
)
def test_the_first_host_of_a_list_of_slurms(hosts: str, first: str) -> None:
    assert first_host(hosts) == first


# --- agreeing ----------------------------------------------------------------


def test_processes_that_srun_starts_end_in_the_bytes_of_one(
    recipe: Path, of_one_process: dict[str, str], tmp_path: Path
) -> None:
    command = ("run", recipe, *TWO, "--to", tmp_path / "run")
    codes, errors = together([command] * 2, tmp_path, 300)
    assert codes == [0, 0], errors
    assert errors[1] == ""
    assert outputs(tmp_path / "run") == of_one_process


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (("--set", "seed=2", "--to", "run"), "another recipe or other settings"),
        # A network may be slow to show a file, so this takes a third of a minute.
        pytest.param(("--to", "elsewhere"), "another directory", marks=pytest.mark.slow),
    ],
)
def test_other_recipes_and_directories_are_one_error_in_all_processes(
    other: Sequence[str], said: str, recipe: Path, tmp_path: Path
) -> None:
    plain = ("run", recipe, *TWO, "--to", "run")
    codes, errors = together([plain, ("run", recipe, *TWO, *other)], tmp_path, 120)
    assert codes == [2, 2], errors
    assert said in errors[0], errors
    assert "rank 1" in errors[0]
    assert "Traceback" not in "".join(errors)
    assert not (tmp_path / "run/recipe.json").exists()


def test_a_process_in_another_directory_does_not_see_the_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(meeting, "START_SECONDS", 0.3)
    (tmp_path / "token").write_text("of the first")
    assert meeting._sees(tmp_path / "token", "of the first")
    for path, token in ((tmp_path / "absent", "of the first"), (tmp_path / "token", "of an earlier run")):
        assert not meeting._sees(path, token)
    own = {"recipe": "a", "version": "1"}
    assert meeting._difference(own, own | {"sees": False}) == "has another directory"
    assert meeting._difference(own, own | {"sees": True}) is None


def test_an_error_of_all_processes_is_printed_once(recipe: Path, tmp_path: Path) -> None:
    command = ("run", recipe, "--to", tmp_path / "run", "--until", "teacher")  # accumulate is 1
    codes, errors = together([command, command], tmp_path, 120)
    assert codes == [2, 2], errors
    assert "".join(errors).count("error: ") == 1
    assert "The batches of an update cannot be shared equally" in "".join(errors)
    assert "Traceback" not in "".join(errors)
    command = ("run", tmp_path / "absent.toml", "--to", tmp_path / "run")
    codes, errors = together([command, command], tmp_path, 120)
    assert codes == [2, 2]
    assert "".join(errors).count("Cannot read the recipe") == 1


# --- ending ------------------------------------------------------------------


NODE = ("--standalone", "--nproc-per-node", "2")


def workers(launcher: Command) -> dict[int, psutil.Process]:
    found = {}
    for child in psutil.Process(launcher.pid).children(recursive=True):
        if "onepass" in child.cmdline() and "RANK" in child.environ():
            found[int(child.environ()["RANK"])] = child
    return found


ENDLESS = ("--set", "teacher.training.max_updates=100000", "--set", "teacher.training.validate_every=50")


def test_a_first_process_that_is_killed_ends_the_other(recipe: Path, tmp_path: Path) -> None:
    """It has the meeting place of both."""
    command = ("run", recipe, *TWO, *ENDLESS, "--to", tmp_path / "run", "--until", "teacher")
    first, other = start_together([command] * 2, tmp_path)
    try:
        assert other.wait_until((tmp_path / "run/.partial/teacher/checkpoint.pt").exists)
        first.process.kill()
        done = other.wait(60)
    finally:
        first.process.kill()
        other.process.kill()
    assert done.code == 1, done.err
    assert ENDED.findall(done.err) == [("0", "teacher")], done.err
    assert not (tmp_path / "run/teacher").exists()


# Rank 1: the next test. Of rank 0 what torchrun adds is slow, the rest is in the one before.
@pytest.mark.parametrize("killed", [pytest.param("rank 0", marks=pytest.mark.slow), "torchrun by SIGTERM"])
def test_one_that_ends_ends_all(killed: str, recipe: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    command = ("run", recipe, *TWO, *ENDLESS, "--to", run, "--until", "teacher")
    checkpoint = run / ".partial/teacher/checkpoint.pt"
    with forked() as processes:
        launcher = processes.launch("torchrun", *NODE, "-m", "onepass", *command)
        try:
            assert launcher.wait_until(checkpoint.exists)
            own = workers(launcher)
            written = checkpoint.stat().st_mtime_ns
            if killed == "torchrun by SIGTERM":
                launcher.process.terminate()
            else:
                own[0].kill()
            done = launcher.wait(60)
            assert done.code != 0
            _, alive = psutil.wait_procs(own.values(), timeout=60)
            assert not alive
            assert [one.process.is_alive() for one in processes.commands] == [False, False]
        finally:
            launcher.process.kill()
    said = "".join(one.wait().err for one in processes.commands)
    if killed == "torchrun by SIGTERM":
        assert checkpoint.stat().st_mtime_ns > written  # nothing is lost
    else:
        assert ENDED.findall(said) == [("0", "teacher")], said[-3000:]
    assert not (run / "teacher").exists()


def test_max_restarts_goes_on_by_itself(recipe: Path, of_one_process: dict[str, str], tmp_path: Path) -> None:
    run = tmp_path / "run"
    settings = ("--set", "teacher.training.validate_every=2")
    command = ("run", recipe, *TWO, *settings, "--to", run, "--until", "teacher")
    with forked() as processes:
        launcher = processes.launch("torchrun", *NODE, "--max-restarts", 1, "-m", "onepass", *command)
        try:
            assert launcher.wait_until((run / ".partial/teacher/checkpoint.pt").exists)
            os.kill(workers(launcher)[1].pid, signal.SIGKILL)
            done = launcher.wait(200)
            assert done.code == 0, done.err[-3000:]
        finally:
            launcher.process.kill()
    assert len(processes.commands) == 4
    assert ENDED.findall(done.err) == [("1", "teacher")], done.err[-3000:]
    assert outputs(run)["teacher"] == of_one_process["teacher"]
