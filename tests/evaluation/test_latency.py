"""Latency and throughput, with systems that sleep."""

import numpy as np
import pytest
from toy_systems import SENTENCES, sleeper, spec

from onepass.errors import UsageError
from onepass.evaluation.latency import Latency, fastest, latency_by_length, measure_latency


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


def test_percentiles_are_those_of_numpy():
    seconds = np.random.default_rng(1).gamma(2.0, 0.01, size=213)
    (latency,) = timed(a=seconds)
    expected = np.percentile(seconds, [50, 90, 99]) * 1000
    assert [latency.p50_ms, latency.p90_ms, latency.p99_ms] == pytest.approx(list(expected))
    assert latency.mean_ms == pytest.approx(seconds.mean() * 1000)


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
