"""The systems timed here are functions of this module, which the child processes import."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest

from onepass.errors import ModelError, UsageError
from onepass.evaluation.latency import Latency, SystemSpec, fastest, latency_by_length, measure_latency

SENTENCES = ["one", "two words", "and three words", "now there are four"]


def sleeper(seconds=0.0, per_word=0.0, log=None, name=""):
    """Translates by sleeping, then turning the text round; logs its name for each batch."""

    def translate(batch):
        if log is not None:
            with open(log, "a", encoding="utf-8") as file:
                file.write(f"{name}:{len(batch)}\n")
        time.sleep(seconds + per_word * sum(len(line.split()) for line in batch))
        return [line[::-1] for line in batch]

    translate.description = "asleep, cpu"
    return translate


def chatterbox():
    print("hello from the factory")
    os.write(1, b"and from a C library\n")

    def translate(batch):
        print("translating", batch, flush=True)
        assert sys.stdin.read() == ""
        return batch

    return translate


def crasher(after):
    calls = iter(range(after))

    def translate(batch):
        try:
            next(calls)
        except StopIteration:
            raise RuntimeError("the weights caught fire") from None
        return batch

    return translate


def killer():
    def translate(batch):
        os.kill(os.getpid(), signal.SIGKILL)

    return translate


def loser():
    return lambda batch: batch[1:]


def reporter(path):
    """Reports the environment that pools read, and the process id."""
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    Path(path).write_text(" ".join(os.environ[name] for name in names), encoding="utf-8")
    return lambda batch: batch


def watcher(pids):
    """Fails unless every other process whose id is in the folder is stopped while this one runs."""
    (Path(pids) / str(os.getpid())).touch()

    def translate(batch):
        for other in Path(pids).iterdir():
            if other.name != str(os.getpid()):
                deadline = time.monotonic() + 5
                while process_state(other.name) != "T":
                    assert time.monotonic() < deadline, (
                        f"{other.name} is in state {process_state(other.name)}"
                    )
                    time.sleep(0.01)
        return batch

    return translate


def process_state(pid):
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def spec(name, factory, /, threads=1, **arguments):
    return SystemSpec(name, f"{__name__}:{factory.__name__}", arguments, threads)


def timed(**seconds):
    """Latencies by hand."""
    return [Latency(name, tuple(s), {1: 1.0}, 1.0, 1, "") for name, s in seconds.items()]


def test_slow_and_fast_systems_are_told_apart():
    systems = [spec("slow", sleeper, seconds=0.01), spec("fast", sleeper, seconds=0.002)]
    measured = measure_latency(systems, SENTENCES, rounds=3, warmup=1, batch_sizes=(1, 4))
    slow, fast = measured["slow"], measured["fast"]
    assert list(measured) == ["slow", "fast"]
    assert slow.p50_ms >= 10
    assert 2 <= fast.p50_ms < slow.p50_ms
    assert len(slow.seconds) == len(SENTENCES)
    assert list(slow.throughput) == [1, 4]
    assert slow.throughput[4] > 1.5 * slow.throughput[1]  # the sleep is per batch
    assert slow.throughput[1] <= 100
    assert slow.description == "asleep, cpu"
    assert fastest(measured.values()) is fast


def test_latency_belongs_to_its_sentence():
    systems = [spec("wordy", sleeper, per_word=0.01)]
    seconds = measure_latency(systems, SENTENCES, rounds=2, warmup=0)["wordy"].seconds
    assert all(s >= 0.01 * words for words, s in enumerate(seconds, start=1))


def test_systems_take_turns_and_warm_up_in_each(tmp_path):
    log = tmp_path / "log"
    systems = [spec(name, sleeper, log=str(log), name=name) for name in "AB"]
    turns = []
    measure_latency(
        systems, SENTENCES[:3], rounds=2, warmup=2, batch_sizes=(2,), on_turn=lambda name: turns.append(name)
    )
    assert turns == ["A", "B", "A", "B"]
    # A turn: 2 sentences to warm up, 3 timed; a batch of 2 to warm up, then the 3, 16 times, in batches of 2.
    sizes = [1] * 5 + [2] * (1 + 3 * 16 // 2)
    assert log.read_text().split() == [f"{name}:{size}" for name in "ABAB" for size in sizes]


@pytest.mark.parametrize(("seconds", "times"), [(0.7, 1), (0.16, 4)])
def test_the_sentences_come_again_until_batches_take_a_second(tmp_path, seconds: float, times: int):
    log = tmp_path / "log"
    systems = [spec("A", sleeper, log=str(log), name="A", seconds=seconds)]
    found = measure_latency(systems, SENTENCES[:3], rounds=1, warmup=0, batch_sizes=(2,))["A"]
    batches = [2] * (3 * times // 2) + [1] * (3 * times % 2)
    warm_alone, timed_alone, warm = [1], [1] * 3, [2]
    sizes = [int(line.split(":")[1]) for line in log.read_text().split()]
    assert sizes == [*warm_alone, *timed_alone, *warm, *batches]
    assert found.throughput[2] == pytest.approx(3 * times / (len(batches) * seconds), rel=0.2)


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
        from test_latency import measure_latency, SystemSpec
        watched = [SystemSpec(n, "test_latency:watcher", {{"pids": {str(tmp_path)!r}}}) for n in "AB"]
        slow = SystemSpec("slow", "test_latency:sleeper", {{"seconds": 60}})
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


def test_percentiles_are_those_of_numpy():
    seconds = np.random.default_rng(1).gamma(2.0, 0.01, size=213)
    (latency,) = timed(a=seconds)
    expected = np.percentile(seconds, [50, 90, 99]) * 1000
    assert [latency.p50_ms, latency.p90_ms, latency.p99_ms] == pytest.approx(list(expected))
    assert latency.mean_ms == pytest.approx(seconds.mean() * 1000)


def test_rounds_that_differ_are_noisy():
    assert not Latency("a", (0.1,), {}, 1.19, 1, "").noisy
    assert Latency("a", (0.1,), {}, 1.21, 1, "").noisy


def test_the_fastest_variant_has_the_lowest_median():
    assert fastest(timed(a=[1, 5, 9], b=[4, 4, 4], c=[5, 5, 5])).name == "b"


@pytest.mark.parametrize(
    ("systems", "sentences", "settings"),
    [
        ([spec("a", sleeper), spec("a", sleeper)], SENTENCES, {}),
        ([], SENTENCES, {}),
        ([spec("a", sleeper)], [], {}),
        ([spec("a", sleeper)], SENTENCES, {"rounds": 0}),
        ([spec("a", sleeper)], SENTENCES, {"warmup": -1}),
        ([spec("a", sleeper)], SENTENCES, {"batch_sizes": (0,)}),
    ],
)
def test_requests_that_cannot_be_measured_are_usage_errors(systems, sentences, settings):
    with pytest.raises(UsageError):
        measure_latency(systems, sentences, **({"rounds": 1, "warmup": 0} | settings))


def test_buckets_by_length_hold_every_sentence_once():
    generator = np.random.default_rng(2)
    lengths = generator.integers(1, 40, size=200)
    seconds = lengths * 0.001
    buckets = latency_by_length(lengths.tolist(), seconds.tolist(), num_buckets=5)
    assert sum(bucket["sentences"] for bucket in buckets) == 200
    assert len(buckets) == 5
    assert all(25 <= bucket["sentences"] <= 55 for bucket in buckets)
    means = [bucket["length"] for bucket in buckets]
    assert means == sorted(means)
    for bucket in buckets:
        assert bucket["p50_ms"] == pytest.approx(bucket["length"], abs=3)


def test_sentences_of_one_length_share_a_bucket():
    assert latency_by_length([3, 3, 3], [0.001, 0.002, 0.009]) == [
        {"length": 3.0, "sentences": 3, "p50_ms": 2.0}
    ]
    buckets = latency_by_length([2] * 50 + [9], [0.001] * 50 + [0.004])
    assert [bucket["sentences"] for bucket in buckets] == [50, 1]
