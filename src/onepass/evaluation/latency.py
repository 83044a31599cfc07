"""Latency and throughput of text-to-text systems, each in a process of its own, taking turns.

Thread pools of different engines in one process steal cores from each other, so every system is built in
a fresh Python process (this module run with `-m`), which answers JSON lines. The systems take turns,
A B A B, so that a slow minute of the machine hits all of them; while one runs, the others are stopped
(SIGSTOP, where the platform has it), so that no idle thread pool spins beside it.

The clock is around text in, text out. A callable that returns text has waited for its device, so there is
nothing left to synchronise before the clock is read.
"""

from __future__ import annotations

import ctypes
import importlib
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import cycle, islice
from types import TracebackType
from typing import Any, Self

import numpy as np

from onepass.errors import ModelError, UsageError

NOISY_SPREAD = 1.2
"""Rounds of one system that differ by more than this factor are called noisy."""

PASS_SECONDS = 1.0
"""About as long a pass in batches takes where the sentences are few for a fast system: they come again."""

Translate = Callable[[list[str]], list[str]]


@dataclass(frozen=True)
class SystemSpec:
    """A system to time, built in a process of its own.

    Attributes:
        name: unique among the systems measured together.
        factory: `package.module:function`. Called in the child with the arguments, it returns a callable
            from a list of sentences to the list of their translations. A string attribute `description`
            of the callable (engine, compute type, device) is passed on.
        arguments: keyword arguments of the factory; whatever JSON can carry.
        threads: sets OMP_NUM_THREADS and its like in the child. An engine that does not read those
            (CTranslate2, ONNX Runtime) must be given the same number in `arguments`.
        label: passed on to the measurement unread, say the compute type of a rival's variant.
    """

    name: str
    factory: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    threads: int = 1
    label: str = ""


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
        label: of the spec.
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
    label: str = ""
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

    @property
    def noisy(self) -> bool:
        """Whether the rounds differ so much that the numbers deserve little trust."""
        return self.spread > NOISY_SPREAD


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
    children: list[_Child] = []
    alone: dict[str, list[list[float]]] = {spec.name: [] for spec in systems}
    rates: dict[str, dict[int, list[float]]] = {s.name: {b: [] for b in batch_sizes} for s in systems}
    try:
        for spec in systems:
            children.append(_Child(spec, timeout))
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
        label=spec.label,
    )


class _Child:
    """The parent's hold on one system's process, which runs inside `with child:` and is stopped outside."""

    def __init__(self, spec: SystemSpec, timeout: float) -> None:
        self.spec, self.timeout, self.description = spec, timeout, ""
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 (open as long as the child)
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "onepass.evaluation.latency"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            env=_environment(spec.threads),
            # A group of its own: Ctrl-C reaches the parent alone, which then kills its children.
            process_group=0 if os.name == "posix" else None,
        )

    def load(self) -> None:
        """Builds the system, then stops the process."""
        request = {"factory": self.spec.factory, "arguments": dict(self.spec.arguments)}
        with self:
            self.description = self._ask(request, "loading")["description"]

    def seconds(self, sentences: Sequence[str], batch_size: int) -> list[float]:
        """One pass: the seconds of each batch, in order."""
        request = {"sentences": list(sentences), "batch_size": batch_size}
        seconds: list[float] = self._ask(request, "translating")["seconds"]
        return seconds

    def __enter__(self) -> Self:
        if hasattr(signal, "SIGCONT"):
            self._process.send_signal(signal.SIGCONT)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if hasattr(signal, "SIGSTOP"):
            self._process.send_signal(signal.SIGSTOP)

    def kill(self) -> None:
        """Ends the process, stopped or not, and frees what the parent holds of it."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout, self._stderr):
            assert pipe is not None
            with suppress(BrokenPipeError):
                pipe.close()

    def _ask(self, request: Mapping[str, Any], doing: str) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        overdue = threading.Event()

        def give_up() -> None:
            overdue.set()
            self._process.kill()

        timer = threading.Timer(self.timeout, give_up)
        timer.start()
        try:
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()
            answer = self._process.stdout.readline()
        except BrokenPipeError:
            answer = b""
        finally:
            timer.cancel()
        if not answer.endswith(b"\n"):
            raise self._failure(f"took more than {self.timeout:g} s" if overdue.is_set() else "failed", doing)
        result: dict[str, Any] = json.loads(answer)
        return result

    def _failure(self, how: str, doing: str) -> ModelError:
        self._process.kill()
        code = self._process.wait()
        self._stderr.seek(0)
        last_lines = self._stderr.read().decode(errors="replace").strip().splitlines()[-15:]
        message = f"The system {self.spec.name!r} {how} while {doing} (exit code {code})"
        return ModelError("\n  | ".join([message, *last_lines]), where=self.spec.factory)


def _environment(threads: int) -> dict[str, str]:
    """The parent's environment and import path, and the threads for the pools that look for them there."""
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
    path = os.pathsep.join(entry or os.getcwd() for entry in sys.path)
    return {**os.environ, **dict.fromkeys(names, str(threads)), "PYTHONPATH": path}


def _serve() -> None:
    """The child: builds the system from the first line of stdin, then times a pass for each further line.

    Any failure is a traceback on stderr and the end of the process.
    """
    if sys.platform == "linux":
        # A parent that is killed cannot tidy up, and a stopped process would wait for ever.
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)
    # The protocol keeps the pipes to itself: what a library prints goes to stderr, what it reads is empty.
    requests, answers = os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)

    first = json.loads(next(requests))
    module, _, function = first["factory"].partition(":")
    translate: Translate = getattr(importlib.import_module(module), function)(**first["arguments"])
    print(json.dumps({"description": str(getattr(translate, "description", ""))}), file=answers, flush=True)
    for line in requests:
        request = json.loads(line)
        seconds = _timed_pass(translate, request["sentences"], request["batch_size"])
        print(json.dumps({"seconds": seconds}), file=answers, flush=True)


def _timed_pass(translate: Translate, sentences: list[str], batch_size: int) -> list[float]:
    """Seconds of each batch of one pass over the sentences."""
    seconds = []
    for start in range(0, len(sentences), batch_size):
        batch = sentences[start : start + batch_size]
        begin = time.perf_counter()
        hyp = translate(batch)
        seconds.append(time.perf_counter() - begin)
        if len(hyp) != len(batch) or not all(isinstance(line, str) for line in hyp):
            raise ValueError(f"{len(batch)} sentences came back as {len(hyp)} items, or not as text")
    return seconds


if __name__ == "__main__":
    _serve()
