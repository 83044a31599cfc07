"""Each system has a process of its own, which runs only while it is asked and ends with its parent."""

import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from toy_systems import (
    SENTENCES,
    chatterbox,
    crasher,
    killer,
    loser,
    reporter,
    sleeper,
    spec,
    watcher,
)

from onepass.errors import ModelError
from onepass.evaluation.latency import measure_latency
from onepass.evaluation.timed_process import SystemSpec


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_waiting_systems_are_stopped(tmp_path):
    systems = [spec(name, watcher, pids=str(tmp_path)) for name in "ABC"]
    assert len(measure_latency(systems, SENTENCES, rounds=2, warmup=0)) == 3
    assert not any(Path(f"/proc/{pid.name}").exists() for pid in tmp_path.iterdir())


def test_threads_reach_the_environment_of_the_child(tmp_path):
    systems = [spec(f"{n}", reporter, threads=n, path=str(tmp_path / f"{n}")) for n in (1, 3)]
    measured = measure_latency(systems, SENTENCES[:1], rounds=1, warmup=0)
    assert [latency.threads for latency in measured.values()] == [1, 3]
    assert (tmp_path / "1").read_text() == "1 1 1"
    assert (tmp_path / "3").read_text() == "3 3 3"


def test_a_system_may_print_and_read_what_it_likes(capfd):
    measured = measure_latency([spec("chatty", chatterbox)], SENTENCES, rounds=1, warmup=1)
    assert len(measured["chatty"].seconds) == len(SENTENCES)
    assert capfd.readouterr().out == ""


@pytest.mark.parametrize(
    ("system", "message"),
    [
        (spec("burner", crasher, after=2), "the weights caught fire"),
        (spec("burner", killer), "exit code -9"),
        (spec("burner", loser), "1 sentences came back as 0"),
        (spec("burner", sleeper, unknown=1), "unexpected keyword argument 'unknown'"),
        (SystemSpec("burner", "no_such_module:f"), "No module named 'no_such_module'"),
    ],
)
def test_a_failing_system_is_named_with_its_last_words(system, message):
    with pytest.raises(ModelError) as caught:
        measure_latency([spec("fine", sleeper), system], SENTENCES, rounds=1, warmup=0)
    assert "'burner' failed" in str(caught.value)
    assert message in str(caught.value)


def test_a_system_that_hangs_is_given_up():
    begin = time.monotonic()
    with pytest.raises(ModelError, match=r"'stuck' took more than 2 s while"):
        measure_latency([spec("stuck", sleeper, seconds=60)], SENTENCES, rounds=1, warmup=0, timeout=2)
    assert time.monotonic() - begin < 20


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_stopped_children_do_not_outlive_the_parent(tmp_path, how):
    program = f"""
        import signal, sys
        signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in a background job
        sys.path.insert(0, {str(Path(__file__).parent)!r})
        from onepass.evaluation.latency import SystemSpec, measure_latency
        watched = [SystemSpec(n, "toy_systems:watcher", {{"pids": {str(tmp_path)!r}}}) for n in "AB"]
        slow = SystemSpec("slow", "toy_systems:sleeper", {{"seconds": 60}})
        measure_latency([*watched, slow], ["a"], rounds=1, warmup=0)
    """
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program)], stderr=subprocess.DEVNULL
    ) as parent:
        deadline = time.monotonic() + 20
        while len(list(tmp_path.iterdir())) < 2 and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(0.5)
        parent.send_signal(how)
        parent.wait(timeout=20)
    pids = [path.name for path in tmp_path.iterdir()]
    assert len(pids) == 2
    while any(Path(f"/proc/{pid}").exists() for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)
