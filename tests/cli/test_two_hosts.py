"""Two hosts, each a network namespace with its own name: a run on both, and the plug of one is pulled."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tiny_run import write_recipe

NAMES = ("onepass-a", "onepass-b")
ENDED = "has ended in the stage teacher; start the same command again to go on"
SETTINGS = (
    "teacher.training.accumulate=2",
    "teacher.training.max_updates=300",
    "teacher.training.validate_every=100",
    "teacher.training.patience=1000",
)


def ip(*words: str) -> int:
    return subprocess.run(["ip", *words], capture_output=True).returncode


@pytest.fixture
def hosts() -> Iterator[None]:
    can = os.geteuid() == 0 and shutil.which("ip") and shutil.which("unshare")
    if not can or any(ip("netns", "add", name) for name in NAMES):
        pytest.skip("no network namespaces without root")
    try:
        ip("link", "add", "onepass-va", "type", "veth", "peer", "name", "onepass-vb")
        for number, (name, link) in enumerate(zip(NAMES, ("onepass-va", "onepass-vb"), strict=True), start=1):
            ip("link", "set", link, "netns", name)
            ip("-n", name, "addr", "add", f"10.99.0.{number}/24", "dev", link)
            for device in ("lo", link):
                ip("-n", name, "link", "set", device, "up")
        yield
    finally:
        for name in NAMES:
            ip("netns", "del", name)


def start(recipe: Path, to: Path) -> list["subprocess.Popen[str]"]:
    """The command of the page, as srun starts it on each host."""
    settings = [part for setting in SETTINGS for part in ("--set", setting)]
    words = [sys.executable, "-m", "onepass", "run", recipe, "--to", to, "--until", "teacher", *settings]
    said = {"SLURM_NTASKS": "2", "SLURM_LOCALID": "0", "SLURM_STEP_TASKS_PER_NODE": "1(x2)"}
    said |= {"SLURM_STEP_NODELIST": "10.99.0.1", "OMP_NUM_THREADS": "1"}
    return [
        subprocess.Popen(
            ["ip", "netns", "exec", name, "unshare", "-u", "sh", "-c", f'hostname {name}; exec "$@"', "sh"]
            + [str(word) for word in words],
            env={**os.environ, **said, "SLURM_PROCID": str(rank)},
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank, name in enumerate(NAMES)
    ]


@pytest.mark.slow
@pytest.mark.usefixtures("hosts")
def test_a_cut_network_ends_the_run_on_both_hosts_and_it_goes_on(tmp_path: Path) -> None:
    recipe, run = write_recipe(tmp_path), tmp_path / "run"
    started = start(recipe, run)
    try:
        while not (run / ".partial/teacher/checkpoint.pt").exists():
            assert all(process.poll() is None for process in started)
            time.sleep(0.1)
        ip("-n", NAMES[1], "link", "set", "onepass-vb", "down")
        cut = time.monotonic()
        said = [process.communicate(timeout=120)[1] for process in started]
        assert time.monotonic() - cut < 120
        assert [process.returncode for process in started] == [1, 1]
        for text, (rank, host) in zip(said, ((1, NAMES[1]), (0, NAMES[0])), strict=True):
            assert text.count("error:") == 1
            assert f"error: rank {rank} on {host} {ENDED}" in text
        ip("-n", NAMES[1], "link", "set", "onepass-vb", "up")
        started = start(recipe, run)
        for process in started:
            _, err = process.communicate(timeout=300)
            assert process.returncode == 0, err
    finally:
        for process in started:
            process.kill()
    assert (run / "teacher/stage.json").exists()
