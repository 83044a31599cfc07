"""Latency and throughput of text-to-text systems, each in a process of its own, taking turns.

The systems take turns, A B A B, so that a slow minute of the machine hits all of them.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import cycle, islice

import numpy as np

from onepass.errors import UsageError
from onepass.evaluation.timed_process import SystemSpec, TimedProcess

PASS_SECONDS = 1.0
"""About as long a pass in batches takes where the sentences are few for a fast system: they come again."""


@dataclass(frozen=True)
class Latency:
    """What was measured of one system.

    Attributes:
        name: of the system.
        seconds: one number a sentence, in the order given, translated alone: the median over the rounds.
        throughput: sentences a second by batch size, never sorted: the median over the rounds.
        spread: the slowest round's median sentence over the fastest round's; 1.0 with a single round.
        threads: what the system was allowed.
        description: what the system says of itself, or "".
        batches_as: what the throughput of larger batches was measured with, if not with the same setting.
        tried_ms: median milliseconds a sentence of every setting there was to choose from, by a short probe.
        tried_in_batches: likewise sentences a second in the largest batch, of those not far from the best.
    """

    name: str
    seconds: tuple[float, ...]
    throughput: Mapping[int, float]
    spread: float
    threads: int
    description: str
    batches_as: str = ""
    tried_ms: Mapping[str, float] = field(default_factory=dict)
    tried_in_batches: Mapping[str, float] = field(default_factory=dict)

    @property
    def runs_as(self) -> str:
        """Engine and threads."""
        return runs_as(self.description, self.threads)

    def percentile_ms(self, percent: float) -> float:
        """Milliseconds within which this share of the sentences was translated."""
        return float(np.percentile(self.seconds, percent)) * 1000

    @property
    def p50_ms(self) -> float:
        """Median milliseconds a sentence."""
        return self.percentile_ms(50)

    @property
    def p90_ms(self) -> float:
        """90th percentile of the milliseconds a sentence."""
        return self.percentile_ms(90)

    @property
    def p99_ms(self) -> float:
        """99th percentile of the milliseconds a sentence."""
        return self.percentile_ms(99)

    @property
    def mean_ms(self) -> float:
        """Mean milliseconds a sentence."""
        return statistics.fmean(self.seconds) * 1000


def runs_as(description: str, threads: int | None) -> str:
    """Engine and threads, as in "CTranslate2 int8 cpu, 1 thread"."""
    counted = f"{threads} thread{'' if threads == 1 else 's'}" if threads else ""
    return ", ".join(filter(None, (description, counted)))


def fastest(latencies: Iterable[Latency]) -> Latency:
    """The variant (compute type, threads) of one rival with the lowest median: a rival is run at its best."""
    return min(latencies, key=lambda latency: latency.p50_ms)


def measure_latency(
    systems: Sequence[SystemSpec],
    sentences: Sequence[str],
    *,
    rounds: int,
    warmup: int,
    batch_sizes: Sequence[int] = (1,),
    timeout: float = 1800.0,
    on_turn: Callable[[str], None] | None = None,
) -> dict[str, Latency]:
    """Times the systems in turns: in each round every system translates all sentences at every batch size.

    Args:
        systems: what to time, in the order of the turns.
        sentences: source sentences, never sorted.
        rounds: how often the systems take turns.
        warmup: sentences translated off the clock before each pass, since a stopped process has lost its
            caches; always at least one full batch.
        batch_sizes: for the throughput; 1 is measured in any case, since it gives the latency.
        timeout: seconds that loading or one pass over the sentences may take.
        on_turn: called with the system's name after each of the `rounds * len(systems)` turns.

    Returns:
        The measurements by name, in the order of `systems`.

    Raises:
        UsageError: nothing to measure, or two systems with one name.
        ModelError: a system failed, died or took too long; names it and shows the end of its stderr.
    """
    _check_request(systems, sentences, rounds, warmup, batch_sizes)
    batch_sizes = sorted({1, *batch_sizes})
    children: list[TimedProcess] = []
    alone: dict[str, list[list[float]]] = {spec.name: [] for spec in systems}
    rates: dict[str, dict[int, list[float]]] = {s.name: {b: [] for b in batch_sizes} for s in systems}
    try:
        for spec in systems:
            children.append(TimedProcess(spec, timeout))
            children[-1].load()
        for _ in range(rounds):
            for child in children:
                with child:
                    for size in batch_sizes:
                        warm = child.seconds(list(islice(cycle(sentences), max(warmup, size))), size)
                        times = 1 if size == 1 else _repeats(warm[-1] * len(sentences) / size)
                        seconds = child.seconds([*sentences] * times, size)
                        rates[child.spec.name][size].append(times * len(sentences) / sum(seconds))
                        if size == 1:
                            alone[child.spec.name].append(seconds)
                if on_turn is not None:
                    on_turn(child.spec.name)
    finally:
        for child in children:
            child.kill()
    return {
        name: _latency(child.spec, child.description, alone[name], rates[name])
        for name, child in zip(rates, children, strict=True)
    }


def _repeats(expected_seconds: float) -> int:
    """How often the sentences are translated in a pass in batches."""
    return max(1, min(16, round(PASS_SECONDS / max(expected_seconds, 1e-6))))


def latency_by_length(
    lengths: Sequence[int], seconds: Sequence[float], *, num_buckets: int = 6
) -> list[dict[str, float]]:
    """Median latency by length, in buckets of about as many sentences each.

    Args:
        lengths: tokens of each sentence, of the source or of what came out.
        seconds: `Latency.seconds` of the same sentences.
        num_buckets: at most this many; sentences of one length stay together.

    Returns:
        A bucket an entry, shortest first: `length` (mean), `sentences` (how many) and `p50_ms`.
    """
    all_lengths, all_seconds = np.asarray(lengths), np.asarray(seconds)
    edges = np.unique(np.quantile(all_lengths, np.arange(1, num_buckets) / num_buckets, method="lower"))
    buckets = np.searchsorted(edges, all_lengths)
    return [
        {
            "length": round(float(all_lengths[buckets == b].mean()), 2),
            "sentences": int((buckets == b).sum()),
            "p50_ms": round(float(np.median(all_seconds[buckets == b])) * 1000, 3),
        }
        for b in np.unique(buckets)
    ]


def _check_request(
    systems: Sequence[SystemSpec],
    sentences: Sequence[str],
    rounds: int,
    warmup: int,
    batch_sizes: Sequence[int],
) -> None:
    names = [spec.name for spec in systems]
    if len(set(names)) != len(names):
        raise UsageError("Two systems to be timed have the same name", value=names)
    if not systems or not sentences:
        raise UsageError("Latency needs at least one system and one sentence")
    if rounds < 1 or warmup < 0 or min(batch_sizes, default=1) < 1:
        raise UsageError(
            "Latency cannot be measured with these settings",
            value={"rounds": rounds, "warmup": warmup, "batch_sizes": list(batch_sizes)},
            allowed="rounds >= 1, warmup >= 0, batch sizes >= 1",
        )


def _latency(
    spec: SystemSpec,
    description: str,
    alone: Sequence[Sequence[float]],
    rates: Mapping[int, Sequence[float]],
) -> Latency:
    round_medians = [statistics.median(seconds) for seconds in alone]
    return Latency(
        name=spec.name,
        seconds=tuple(statistics.median(repeats) for repeats in zip(*alone, strict=True)),
        throughput={size: statistics.median(of_rounds) for size, of_rounds in rates.items()},
        spread=max(round_medians) / min(round_medians),
        threads=spec.threads,
        description=description,
    )
