"""Measuring systems on one text: translations, quality, and latency in processes of their own.

Each system runs at its best: short probes choose its compute type and its number of threads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, NamedTuple

from onepass.display import Report
from onepass.evaluation.latency import Latency, fastest, measure_latency
from onepass.evaluation.machine import machine_kind, versions
from onepass.evaluation.quality import Quality, measure
from onepass.evaluation.results import result_row
from onepass.evaluation.systems import Competitor
from onepass.evaluation.timed_process import SystemSpec
from onepass.runtime.cores import available_cores
from onepass.settings import EvaluateSettings
from onepass.text.lines import write_lines
from onepass.text.tokenizers import AnyTokenizer

WARMUP = 5
PROBE_SENTENCES = 16
SLOWER = 1.5
"""Times the fastest for a sentence alone: what takes longer is not the fastest in batches either."""


@dataclass(frozen=True)
class League:
    """What is compared, on which text, and how.

    Attributes:
        competitors: the systems, a row each.
        src: sentences to translate; the first ones also to time.
        ref: their references; without any, quality is left out.
        tokenizer: in whose subwords lengths are counted.
        settings: how to measure.
        seed: of the bootstrap.
        directory: gets a folder `translations`.
        progress: told what goes on.
        baseline: one of the competitors, whose quality the others' is compared with.
        rivals: those of the competitors that the others' speed is compared with.
        length_of: what the latency is told by.
        language: the target's.
        translate_all: what the systems, each with any number of threads, make of `src`, told one by one.
    """

    competitors: Sequence[Competitor]
    src: Sequence[str]
    ref: Sequence[str] | None
    tokenizer: AnyTokenizer
    settings: EvaluateSettings
    seed: int
    directory: Path
    progress: Report
    baseline: Competitor | None = None
    rivals: Sequence[Competitor] = ()
    length_of: Literal["source", "output"] = "output"
    language: str = ""
    translate_all: Callable[[Sequence[SystemSpec]], Iterable[list[str]]] | None = None

    @property
    def timed(self) -> Sequence[str]:
        """The sentences that are timed."""
        return self.src[: self.settings.latency_sentences]


class Best(NamedTuple):
    """A system's fastest setting for sentences alone, and for those in the largest batch.

    `tried_ms` and `tried_in_batches` are those of `Latency`.
    """

    alone: SystemSpec
    batched: SystemSpec
    tried_ms: dict[str, float]
    tried_in_batches: dict[str, float]


def measure_league(league: League) -> dict[str, Any]:
    """What `results.json` says of the systems: quality, latency, machine; the translations are kept as files.

    Raises:
        ModelError: a system failed while it was timed.
    """
    settings, timing = league.settings, league.settings.latency_sentences > 0
    chosen = _best_settings(league) if timing else [_untimed(row) for row in league.competitors]
    hyps = _translations(league, chosen)
    latencies = _latencies(league, chosen) if timing else [None] * len(chosen)
    qualities = _qualities(league, hyps)
    signature = next(iter(qualities), None)
    results: dict[str, Any] = {
        "machine": machine_kind(),
        "versions": versions(),
        "test_sentences": len(league.src),
        "translated": "each sentence alone",
        "bleu_signature": signature.bleu_signature if signature else "",
        "chrf_signature": signature.chrf_signature if signature else "",
        "baseline": league.baseline.name if league.baseline and signature else None,
        "systems": [
            result_row(
                row.name,
                model=row.model,
                traits=row.traits,
                quality=quality,
                latency=latency,
                lengths=_lengths(league, hyp),
            )
            for row, hyp, quality, latency in zip(league.competitors, hyps, qualities, latencies, strict=True)
        ],
    }
    if timing:
        results["latency"] = {
            "sentences": len(league.timed),
            "rounds": settings.rounds,
            "warmup": WARMUP,
            "length_of": league.length_of,
        }
        results["rivals"] = [row.name for row in league.rivals]
    return results


def _untimed(row: Competitor) -> Best:
    first = row.settings()[0]
    return Best(first, first, {}, {})


def _best_settings(league: League) -> list[Best]:
    """Each row's fastest compute type and number of threads, from short probes."""
    batch_size = max(league.settings.batch_sizes, default=1)
    chosen = []
    for i, row in enumerate(league.competitors):
        league.progress(i, len(league.competitors), f"settings of {row.name}")
        chosen.append(_best(row.settings(), league.src, batch_size))
    return chosen


def _best(settings: Sequence[SystemSpec], src: Sequence[str], batch_size: int) -> Best:
    specs = {spec.name: spec for spec in settings}
    if len(specs) == 1:
        return Best(settings[0], settings[0], {}, {})
    probe = measure_latency(settings, src[:PROBE_SENTENCES], rounds=3, warmup=WARMUP)
    best = fastest(probe.values())
    tried_ms = {latency.runs_as: latency.p50_ms for latency in probe.values()}
    near = [spec for spec in settings if probe[spec.name].p50_ms <= SLOWER * best.p50_ms]
    if batch_size == 1 or len(near) == 1:
        return Best(specs[best.name], specs[best.name], tried_ms, {})
    in_batches = measure_latency(near, src[:batch_size], rounds=3, warmup=WARMUP, batch_sizes=[batch_size])
    most = max(in_batches.values(), key=lambda latency: latency.throughput[batch_size])
    rates = {latency.runs_as: latency.throughput[batch_size] for latency in in_batches.values()}
    return Best(specs[best.name], specs[most.name], tried_ms, rates)


def _translations(league: League, chosen: Sequence[Best]) -> list[list[str]]:
    """Every row's translations of the whole text; kept as files."""
    import torch

    threads = torch.get_num_threads()
    folder = league.directory / "translations"
    folder.mkdir(exist_ok=True)
    for left in folder.glob(".*.partial"):  # of an attempt that was killed while it wrote
        left.unlink()
    specs = [row.named(best.alone) for row, best in zip(league.competitors, chosen, strict=True)]
    if league.translate_all is not None:
        hyps = list(league.translate_all(specs))
    else:
        hyps = []
        for i, spec in enumerate(specs):
            league.progress(i, len(specs), f"translating: {spec.name}")
            hyps.append(build(spec, available_cores())(league.src))
    for spec, hyp in zip(specs, hyps, strict=True):
        write_lines(folder / f"{spec.name.replace(' ', '-').replace(',', '')}.txt", hyp)
    torch.set_num_threads(threads)  # a system sets its own
    return hyps


def build(spec: SystemSpec, threads: int) -> Callable[[Sequence[str]], list[str]]:
    """A system in this process."""
    module, _, function = spec.factory.partition(":")
    system: Callable[[Sequence[str]], list[str]] = getattr(import_module(module), function)(
        **{**spec.arguments, "threads": threads}
    )
    return (lambda lines: [system([line])[0] for line in lines]) if spec.one_by_one else system


def _qualities(league: League, hyps: Sequence[list[str]]) -> list[Quality] | list[None]:
    """Of each row's translations, with the p-value of the difference to the baseline's; of none without
    references."""
    if league.ref is None:
        return [None] * len(hyps)
    of_baseline = next(
        (hyp for row, hyp in zip(league.competitors, hyps, strict=True) if row is league.baseline), None
    )
    return [
        measure(
            hyp,
            league.ref,
            language=league.language,
            baseline=None if row is league.baseline else of_baseline,
            bootstrap_samples=league.settings.bootstrap_samples,
            seed=league.seed,
        )
        for row, hyp in zip(league.competitors, hyps, strict=True)
    ]


def _lengths(league: League, hyp: Sequence[str]) -> list[int]:
    """Subwords of each sentence that is timed, of the source or of its translation."""
    if league.length_of == "source":
        return [len(ids) for ids in league.tokenizer.encode_src_batch(league.timed)]
    return [len(ids) for ids in league.tokenizer.encode_tgt_batch(hyp[: len(league.timed)])]


def _latencies(league: League, chosen: Sequence[Best]) -> list[Latency]:
    """Of each row at its best; larger batches with the setting that is the best for them."""
    settings = league.settings
    rows = list(zip(league.competitors, chosen, strict=True))
    alone = [row.named(best.alone) for row, best in rows]
    in_batches = {
        row.name: replace(best.batched, name=f"{row.name}, batches")
        for row, best in rows
        if best.batched != best.alone
    }
    turns = settings.rounds * (len(alone) + len(in_batches))
    done = 0

    def on_turn(name: str) -> None:
        nonlocal done
        done += 1
        league.progress(done, turns, f"timing: {name}")

    measured = measure_latency(
        [*alone, *in_batches.values()],
        league.timed,
        rounds=settings.rounds,
        warmup=WARMUP,
        batch_sizes=settings.batch_sizes,
        on_turn=on_turn,
    )
    latencies = []
    for row, best in rows:
        latency = replace(measured[row.name], tried_ms=best.tried_ms, tried_in_batches=best.tried_in_batches)
        if row.name in in_batches:
            others = measured[in_batches[row.name].name]
            rates = {**others.throughput, 1: latency.throughput[1]}
            latency = replace(latency, throughput=rates, batches_as=others.runs_as)
        latencies.append(latency)
    return latencies
