"""Evaluating a run: quality on the test set, latency in processes of their own, table and figures."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, NamedTuple

from onepass.alignment.lexicon import corpus_facts
from onepass.bundle import Bundle
from onepass.display import Report
from onepass.evaluation.figures import bleu_against_latency, latency_against_length
from onepass.evaluation.latency import Latency, SystemSpec, fastest, measure_latency
from onepass.evaluation.quality import Quality, measure
from onepass.evaluation.systems import CTRANSLATE2, ONNX, TEACHER, Competitor, Student, competitors
from onepass.evaluation.table import machine_kind, render_markdown, result_row, versions
from onepass.families import FAMILIES
from onepass.files import write_json, write_text
from onepass.pipeline.inventory import linked_corpus, main_model, one_pass_models
from onepass.pipeline.stage import Context
from onepass.runtime.cores import available_cores
from onepass.settings import EvaluateSettings
from onepass.text.explain import explain
from onepass.text.lines import read_lines, write_lines
from onepass.text.tokenizer import Tokenizer

WARMUP = 5
PROBE_SENTENCES = 16
SLOWER = 1.5
"""Times the fastest for a sentence alone: what takes longer is not the fastest in batches either."""
SAMPLES = 5


class Best(NamedTuple):
    """A system's fastest setting for sentences alone, and for those in the largest batch.

    `tried_ms` and `tried_in_batches` are those of `Latency`.
    """

    alone: SystemSpec
    batched: SystemSpec
    tried_ms: dict[str, float]
    tried_in_batches: dict[str, float]


def evaluate_run(context: Context) -> None:
    """Evaluates on the run's test set."""
    prepared = context.inputs["prepare"]
    evaluate_systems(context, read_lines(prepared / "test.src"), read_lines(prepared / "test.tgt"))


def evaluate_systems(context: Context, src: Sequence[str], ref: Sequence[str]) -> None:
    """Writes `results.json`, `table.md`, two figures, the translations and the sample translations.

    Args:
        context: with the inputs `teacher`, if the run has one, and every student.
        src: sentences to translate; the first ones also to time.
        ref: their references.
    """
    from onepass.decoding.translator import Translator
    from onepass.export.ctranslate2 import export_ctranslate2
    from onepass.export.runtime_bundle import write_graphs

    directory, recipe, settings = context.directory, context.recipe, context.recipe.evaluate
    teacher = context.inputs.get("teacher")
    models = one_pass_models(recipe)
    students = {name: Student(context.inputs[name], model.settings) for name, model in models.items()}
    exported = directory / "exported"
    shutil.rmtree(exported, ignore_errors=True)  # a bench may have left those of older models
    exported.mkdir()
    tokenizer = Bundle.open(students["student"].bundle).tokenizer()
    facts = cache(lambda corpora: corpus_facts([context.inputs[c] for c in corpora], tokenizer))
    rivals = [name for name, model in models.items() if not FAMILIES[model.settings.family].one_pass]
    for stage in [*rivals, *([] if teacher is None else [TEACHER])]:
        corpus = linked_corpus(stage, recipe, context.inputs)
        lexicon = None if corpus is None else facts((corpus,)).lexicon
        export_ctranslate2(Bundle.open(context.inputs[stage]), exported / stage, lexicon=lexicon)
    rows = competitors(
        teacher, students, exported, beam_size=settings.beam_size, num_candidates=settings.num_candidates
    )
    for stage in {row.model for row in rows if row.factory == ONNX}:
        (exported / stage).mkdir()
        corpora = tuple(corpus.stage for corpus in models[stage].corpora)
        write_graphs(Bundle.open(context.inputs[stage]), exported / stage, facts(corpora))
    baseline = None if teacher is None else f"teacher beam {settings.beam_size}"
    trained = list(dict.fromkeys(row.model for row in rows))
    results = {
        "name": recipe.name,
        "command": context.command,
        "seed": recipe.seed,
        "src": recipe.data.src,
        "tgt": recipe.data.tgt,
        "training": {
            name: json.loads((context.inputs[name] / "training.json").read_text(encoding="utf-8"))
            for name in trained
        },
        **measure_rows(
            rows, src, ref, settings, directory, context.progress, tokenizer, baseline, seed=recipe.seed
        ),
    }
    if "latency" in results:
        in_ctranslate2 = [row.name for row in rows if row.factory == CTRANSLATE2]
        results["rivals"] = [baseline, "teacher greedy", *in_ctranslate2] if baseline else []
    write_results(results, directory)
    translator = Translator.load(context.inputs[main_model(recipe).stage])
    lines = []
    for line, target in list(zip(src, ref, strict=True))[:SAMPLES]:
        [translation] = translator.translate([line])
        lines += [f"src  {line}", f"hyp  {translation.text}", f"ref  {target}"]
        if translation.fertilities is not None:
            became = explain(translation.src_pieces, translation.fertilities, translation.tgt_pieces)
            lines.append(f"     {became}")
        lines.append("")
    write_lines(directory / "samples.txt", lines)


def measure_rows(
    rows: Sequence[Competitor],
    src: Sequence[str],
    ref: Sequence[str] | None,
    settings: EvaluateSettings,
    directory: Path,
    progress: Report,
    tokenizer: Tokenizer,
    baseline: str | None,
    *,
    seed: int,
    length_of: Literal["source", "output"] = "output",
) -> dict[str, Any]:
    """What `results.json` says of systems: quality, latency, machine; the translations are kept as files.

    Args:
        rows: the systems.
        src: sentences to translate; the first ones also to time.
        ref: their references; without any, quality is left out.
        settings: how.
        directory: gets a folder `translations`.
        progress: told what goes on.
        tokenizer: in whose subwords lengths are counted.
        baseline: the row whose quality the others' is compared with.
        seed: of the bootstrap.
        length_of: what the latency is told by.
    """
    chosen: dict[str, Best] = {}
    if settings.latency_sentences:
        chosen = _best_settings(rows, src, max(settings.batch_sizes, default=1), progress)
    hyps = _translations(rows, chosen, src, directory, progress)
    latencies = _latencies(rows, chosen, src, settings, progress) if chosen else {}
    qualities: dict[str, Quality] = {}
    if ref is not None:
        qualities = {
            row.name: measure(
                hyps[row.name],
                ref,
                baseline=None if baseline in (None, row.name) else hyps[baseline],
                bootstrap_samples=settings.bootstrap_samples,
                seed=seed,
            )
            for row in rows
        }
    timed = slice(settings.latency_sentences)
    src_lengths = [len(row) for row in tokenizer.encode_src_batch(src[timed])]

    def lengths(hyp: Sequence[str]) -> list[int]:
        if length_of == "source":
            return src_lengths
        return [len(row) for row in tokenizer.encode_tgt_batch(hyp[timed])]

    signature = next(iter(qualities.values()), None)
    results: dict[str, Any] = {
        "machine": machine_kind(),
        "versions": versions(),
        "test_sentences": len(src),
        "bleu_signature": signature.bleu_signature if signature else "",
        "chrf_signature": signature.chrf_signature if signature else "",
        "baseline": baseline if qualities else None,
        "systems": [
            result_row(
                row.name,
                model=row.model,
                quality=qualities.get(row.name),
                latency=latencies.get(row.name),
                lengths=lengths(hyps[row.name]),
            )
            for row in rows
        ],
    }
    if latencies:
        results["latency"] = {
            "sentences": len(src[timed]),
            "rounds": settings.rounds,
            "warmup": WARMUP,
            "length_of": length_of,
        }
    return results


def write_results(results: dict[str, Any], directory: Path) -> None:
    """Writes `results.json`, `table.md` and, where there are latencies, the figures."""
    write_json(directory / "results.json", results)
    write_text(directory / "table.md", render_markdown(results))
    if "latency" in results:
        if results["bleu_signature"]:
            bleu_against_latency(results, directory / "bleu-against-latency.png")
        latency_against_length(results, directory / "latency-against-length.png")


def _best_settings(
    rows: Sequence[Competitor], src: Sequence[str], batch_size: int, progress: Report
) -> dict[str, Best]:
    """Each row's fastest compute type and number of threads, from short probes."""
    chosen = {}
    for i, row in enumerate(rows):
        progress(i, len(rows), f"settings of {row.name}")
        chosen[row.name] = _best(row.settings(), src, batch_size)
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


def _translations(
    rows: Sequence[Competitor],
    chosen: Mapping[str, Best],
    src: Sequence[str],
    directory: Path,
    progress: Report,
) -> dict[str, list[str]]:
    """Every row's translations of the whole test set, in batches; kept as files."""
    import torch

    threads = torch.get_num_threads()
    folder = directory / "translations"
    folder.mkdir(exist_ok=True)
    hyps = {}
    for i, row in enumerate(rows):
        progress(i, len(rows), f"translating: {row.name}")
        path = folder / f"{row.name.replace(' ', '-').replace(',', '')}.txt"
        spec = chosen[row.name].alone if chosen else row.settings()[0]
        module, _, function = row.factory.partition(":")
        system = getattr(import_module(module), function)(**{**spec.arguments, "threads": available_cores()})
        hyps[row.name] = system(src)
        write_lines(path, hyps[row.name])
    torch.set_num_threads(threads)  # a system sets its own
    return hyps


def _latencies(
    rows: Sequence[Competitor],
    chosen: Mapping[str, Best],
    src: Sequence[str],
    settings: EvaluateSettings,
    progress: Report,
) -> dict[str, Latency]:
    specs = [row.named(chosen[row.name].alone) for row in rows]
    batched = {
        name: replace(best.batched, name=f"{name}, batches")
        for name, best in chosen.items()
        if best.batched != best.alone
    }
    turns = settings.rounds * (len(specs) + len(batched))
    done = 0

    def on_turn(name: str) -> None:
        nonlocal done
        done += 1
        progress(done, turns, f"timing: {name}")

    measured = measure_latency(
        [*specs, *batched.values()],
        src[: settings.latency_sentences],
        rounds=settings.rounds,
        warmup=WARMUP,
        batch_sizes=settings.batch_sizes,
        on_turn=on_turn,
    )
    for name, spec in batched.items():
        alone, others = measured[name], measured.pop(spec.name)
        rates = {**others.throughput, 1: alone.throughput[1]}
        measured[name] = replace(alone, throughput=rates, batches_as=others.runs_as)
    return {
        name: replace(latency, tried_ms=chosen[name].tried_ms, tried_in_batches=chosen[name].tried_in_batches)
        for name, latency in measured.items()
    }


def summary(directory: Path) -> list[str]:
    """What `onepass run` prints below the table: the gain of distillation, samples, figures."""
    results = json.loads((directory / "results.json").read_text(encoding="utf-8"))
    bleu = {system["name"]: system["bleu"] for system in results["systems"]}
    lines = []
    if "NAT argmax, raw" in bleu:
        gain = bleu["NAT argmax"] - bleu["NAT argmax, raw"]
        lines.append(
            f"Distillation gains {gain:+.2f} BLEU: NAT argmax {bleu['NAT argmax']:.2f} on the teacher's "
            f"translations, {bleu['NAT argmax, raw']:.2f} on the raw corpus."
        )
    samples = directory / "samples.txt"
    lines += ["", *read_lines(samples)] if samples.exists() else []
    lines += [f"Figure: {path}" for path in sorted(directory.glob("*.png"))]
    return lines
