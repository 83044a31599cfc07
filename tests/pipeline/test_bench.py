"""`onepass bench`: quality and speed of a run's systems, on its own test set or on any text.

The systems run in this process here: that each gets a process of its own is tested with the clock.
"""

import importlib
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import ctranslate2
import pytest

from onepass import cli
from onepass.bundle import Bundle
from onepass.display import Display
from onepass.evaluation import league
from onepass.evaluation.competitors import Student, competitors
from onepass.evaluation.latency import Latency, measure_latency
from onepass.evaluation.timed_process import SystemSpec
from onepass.export.ctranslate2 import export_ctranslate2
from onepass.export.runtime_bundle import write_graphs
from onepass.pipeline.bench import bench_bundles_or_run, bench_run
from onepass.pipeline.export import export_run_to_ctranslate2
from onepass.runtime.cores import available_cores
from onepass.settings import StudentSettings
from tiny_export import some_facts
from tiny_run import assert_clear_error, call, copy_of_run, finished_run, write_lines


def build(spec: SystemSpec) -> Callable[[Sequence[str]], list[str]]:
    module, _, function = spec.factory.partition(":")
    arguments = json.loads(json.dumps(dict(spec.arguments)))
    return getattr(importlib.import_module(module), function)(**arguments)  # type: ignore[no-any-return]


@pytest.fixture
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Replaces the clock; gives the names measured in each call."""
    measured: list[list[str]] = []

    def measure(
        systems: Sequence[SystemSpec],
        sentences: Sequence[str],
        *,
        rounds: int,
        batch_sizes: Sequence[int] = (1,),
        on_turn: Callable[[str], None] = lambda name: None,
        **_: Any,
    ) -> dict[str, Latency]:
        measured.append([spec.name for spec in systems])
        found = {}
        for place, spec in enumerate(systems, start=1):
            assert len(build(spec)(sentences)) == len(sentences)
            seconds = tuple(place / 1000 for _ in sentences)
            found[spec.name] = Latency(
                spec.name, seconds, dict.fromkeys(batch_sizes, 1.0), 1.0, spec.threads, ""
            )
            for _ in range(rounds):
                on_turn(spec.name)
        return found

    monkeypatch.setattr(league, "measure_latency", measure)
    monkeypatch.setattr("onepass.evaluation.systems.available_cores", lambda: 1)
    monkeypatch.setattr(league, "available_cores", lambda: 1)
    monkeypatch.setattr(ctranslate2, "get_supported_compute_types", lambda *_: {"float32", "int8"})
    return measured


def bench(to: Path, *settings: str, src: Path | None = None, ref: Path | None = None) -> dict[str, Any]:
    overrides = ["evaluate.latency_sentences=4", "evaluate.rounds=2", *settings]
    directory = bench_run(
        finished_run(), src, ref, to, overrides, Display(quiet=True), command="onepass bench"
    )
    return dict(json.loads((directory / "results.json").read_text()))


def test_a_bench_times_every_system_at_its_best(tmp_path: Path, in_this_process: list[list[str]]) -> None:
    results = bench(tmp_path / "bench", "evaluate.batch_sizes=[1, 8]")
    probe, final = in_this_process  # only CTranslate2 has settings to choose from here
    assert len(probe) == 2 * 2  # compute types, with the vocabulary map and without
    assert all("CTranslate2" in name for name in probe)
    names = [system["name"] for system in results["systems"]]
    assert final == names
    assert [system["p50_ms"] for system in results["systems"]] == list(range(1, 10))
    assert {"NAT + FT argmax, ONNX int8", "NAT + FT argmax, ONNX float32"} <= set(names)
    assert results["systems"][0]["throughput"].keys() == {"1", "8"}
    assert results["latency"] == {"sentences": 4, "rounds": 2, "warmup": 5, "length_of": "output"}
    assert results["rivals"] == ["teacher beam 4", "teacher greedy", "teacher greedy, CTranslate2"]
    for name in ("bleu-against-latency.png", "latency-against-length.png"):
        assert (tmp_path / "bench" / name).read_bytes().startswith(b"\x89PNG")


def test_larger_batches_are_timed_at_their_own_best(
    tmp_path: Path, in_this_process: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last setting probed takes a little longer for a sentence, and yet does most of them in batches."""
    in_turn = league.measure_latency

    def measure(systems: Sequence[SystemSpec], *args: Any, **kwargs: Any) -> dict[str, Latency]:
        found = in_turn(systems, *args, **kwargs)
        return {
            name: replace(
                latency,
                seconds=tuple((1 + place / 100) / 1000 for _ in latency.seconds),
                throughput={1: 1.0, 8: 10.0 * place},
                description=f"no. {place}",
            )
            for place, (name, latency) in enumerate(found.items(), start=1)
        }

    monkeypatch.setattr(league, "measure_latency", measure)
    results = bench(tmp_path / "bench", "evaluate.batch_sizes=[1, 8]", "evaluate.num_candidates=[]")
    alone, in_batches, final = in_this_process
    assert alone == in_batches
    names = [system["name"] for system in results["systems"]]
    rival = "teacher greedy, CTranslate2"
    assert final == [*names, f"{rival}, batches"]
    rows = {system["name"]: system for system in results["systems"]}
    place = names.index(rival) + 1
    assert rows[rival]["description"] == f"no. {place}"
    assert rows[rival]["batches_as"] == f"no. {len(final)}, 1 thread"
    assert rows[rival]["throughput"] == {"1": 1.0, "8": 10.0 * len(final)}
    assert rows[rival]["p50_ms"] == pytest.approx(1 + place / 100)
    settings = range(1, len(alone) + 1)
    assert rows[rival]["tried_ms"] == {f"no. {n}, 1 thread": pytest.approx(1 + n / 100) for n in settings}
    assert rows[rival]["tried_in_batches"] == {f"no. {n}, 1 thread": 10.0 * n for n in settings}
    assert [name for name, row in rows.items() if "tried_ms" in row] == [rival]
    assert [name for name, row in rows.items() if "batches_as" in row] == [rival]
    assert f"no. {place}, 1 thread; in batches no. {len(final)}, 1 thread" in (
        tmp_path / "bench/table.md"
    ).read_text(encoding="utf-8")


def test_a_bench_of_any_text_and_again_after_another_teacher(
    tmp_path: Path, in_this_process: list[list[str]]
) -> None:
    src = write_lines(tmp_path / "src", ["Where is it?", "", "Good morning."])
    ref = write_lines(tmp_path / "ref", ["Wo ist es?", "", "Guten Morgen."])
    stale = tmp_path / "bench/exported/teacher"
    write_lines(stale / "model.bin", ["of an older teacher"])
    results = bench(tmp_path / "bench", "evaluate.num_candidates=[]", src=src, ref=ref)
    assert results["test_sentences"] == results["latency"]["sentences"] == 3
    assert [system["name"] for system in results["systems"]][-1] == "NAT + FT average"


def test_wrong_requests_are_clear_errors(tmp_path: Path) -> None:
    run = copy_of_run(tmp_path, until="teacher")
    assert_clear_error(call("bench", run), 3, "align is not finished")
    assert_clear_error(call("bench", tmp_path), 2, "not a run directory")
    src = write_lines(tmp_path / "src", ["a", "b"])
    ref = write_lines(tmp_path / "ref", ["a"])
    to = ("--to", tmp_path / "bench")
    assert_clear_error(call("bench", finished_run(), "--src", src, *to), 2, "--ref")
    assert_clear_error(call("bench", finished_run(), "--src", src, "--ref", ref, *to), 3, "2 and 1")
    assert not (tmp_path / "bench/results.json").exists()


def test_the_factories_work_in_a_process_of_their_own(tmp_path: Path) -> None:
    run = finished_run()
    export_ctranslate2(Bundle.open(run / "teacher"), tmp_path / "teacher")
    (tmp_path / "student").mkdir()
    write_graphs(Bundle.open(run / "student"), tmp_path / "student", some_facts())
    student = Student("student", "", False, run / "student", StudentSettings())
    rows = competitors(run / "teacher", [student], tmp_path, beam_size=2, num_candidates=[2])
    one_of_each = {
        row.traits.engine: row
        for row in rows
        if row.traits.engine == "CTranslate2" or row.traits.candidates == 2 or row.traits.precision == "int8"
    }
    chosen = list(one_of_each.values())
    specs = [row.named(row.settings()[0]) for row in chosen]
    found = measure_latency(specs, ["Where is it?"], rounds=1, warmup=1)
    [threads] = {
        s.threads for s, row in zip(specs, chosen, strict=True) if row.traits.engine == "CTranslate2"
    }
    workers = available_cores() // threads
    beside = f", {workers} batches side by side" if workers > 1 else ""
    descriptions = {f"CTranslate2 float32{beside}", "torch float32 cpu", "ONNX Runtime int8"}
    assert {latency.description for latency in found.values()} == descriptions


def test_exported_bundles_are_compared_on_any_text(tmp_path: Path, in_this_process: list[list[str]]) -> None:
    (tmp_path / "mine").mkdir()
    student, teacher = (Bundle.open(finished_run() / name) for name in ("student", "teacher"))
    write_graphs(student, tmp_path / "mine", some_facts(), teacher=teacher)
    quiet, rival = Display(quiet=True), tmp_path / "rival"
    export_run_to_ctranslate2(finished_run(), rival, stage="teacher", quantization="int8", display=quiet)
    src = write_lines(tmp_path / "src", ["Where is it?", "", "Good morning."])
    ref = write_lines(tmp_path / "ref", ["Wo ist es?", "", "Guten Morgen."])
    models = [str(tmp_path / name) for name in ("mine", "rival")]
    in_torch = [str(finished_run() / name) for name in ("student", "finetune", "teacher")]
    settings = ["evaluate.rounds=1", "evaluate.bootstrap_samples=10", "evaluate.batch_sizes=[1]"]

    def bench_them(models: list[str], ref: Path | None) -> dict[str, Any]:
        directory = bench_bundles_or_run(
            models,
            src,
            ref,
            tmp_path / "bench",
            settings,
            Display(quiet=True),
            command="onepass bench",
        )
        return dict(json.loads((directory / "results.json").read_text()))

    results = bench_them([*models, *in_torch], ref)
    mine = [
        f"mine {precision}{helped}"
        for helped in ("", ", 4 candidates", ", 10 candidates", ", 3 corrections", ", 50 corrections")
        for precision in ("int8", "float32")
    ]
    rivals = ["rival greedy", "rival beam 4", "teacher greedy, torch", "teacher beam 4, torch"]
    names = [*mine, *rivals[:2], "student, torch", "finetune, torch", *rivals[2:]]
    assert [system["name"] for system in results["systems"]] == names
    rows = {system["name"]: (system["model"], system["traits"]["role"]) for system in results["systems"]}
    assert rows == {
        **dict.fromkeys(mine, ("mine", "student")),
        **dict.fromkeys(rivals[:2], ("rival", "rival")),
        "student, torch": ("student", "student"),
        "finetune, torch": ("finetune", "student"),
        **dict.fromkeys(rivals[2:], ("teacher", "rival")),
    }
    traits = {system["model"]: system["traits"] for system in results["systems"]}
    weights = ("family", "distilled", "finetuned")
    assert {name: tuple(map(traits[name].get, weights)) for name in traits} == {
        "mine": ("fertility", True, False),
        "student": ("fertility", True, False),
        "finetune": ("fertility", True, True),
        "rival": ("autoregressive", False, False),
        "teacher": ("autoregressive", False, False),
    }
    assert [system["traits"]["candidates"] for system in results["systems"]][:6] == [1, 1, 4, 4, 10, 10]
    assert results["rivals"] == rivals
    assert results["baseline"] == "rival beam 4"
    assert (tmp_path / "bench/bleu-against-latency.png").exists()
    results = bench_them(models[1:], None)
    assert results["baseline"] is None
    assert "bleu" not in results["systems"][0]
    assert_clear_error(call("bench", *models), 2, "--src")
    assert_clear_error(call("bench", tmp_path / "nothing", "--src", src), 4, "nothing")
    assert_clear_error(call("bench", models[0], models[0], "--src", src), 2, "one name")
    assert_clear_error(
        call("bench", *models, "--src", src, "--set", "evaluate.rounds=x"), 2, "evaluate.rounds"
    )


def test_results_are_kept_where_nobody_reads_the_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    src = write_lines(tmp_path / "src", ["Where is it?"])
    (tmp_path / "results.json").write_text("{}")
    monkeypatch.setattr("onepass.pipeline.bench.bench_bundles_or_run", lambda *_, **__: tmp_path)
    monkeypatch.setattr("onepass.cli.measuring.show_results", Mock(side_effect=BrokenPipeError))
    with pytest.raises(BrokenPipeError):
        cli.bench(["en-pt"], src=src, ref=None, to=None, as_json=tmp_path / "league.json", settings=[])
    assert (tmp_path / "league.json").read_text() == "{}"
