"""The league table of exported bundles: students in ONNX Runtime, rivals in CTranslate2, on any text."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from onepass.bundle import Bundle
from onepass.errors import ModelError
from onepass.evaluation.systems import CTRANSLATE2, ONNX, Competitor
from onepass.pipeline.display import Display
from onepass.pipeline.evaluation import measure_rows, write_results
from onepass.recipe import EvaluateSettings
from onepass.runtime.translator import CANDIDATES, precisions
from onepass.text.lines import read_lines, read_parallel

NUM_CANDIDATES = 10


def bench_bundles(
    bundles: Sequence[Path],
    src: Path,
    ref: Path | None,
    to: Path,
    settings: EvaluateSettings,
    display: Display,
    *,
    command: str,
) -> Path:
    """Quality and speed of bundles that `onepass export` wrote; returns the directory with the results.

    Every graph of a student is a system, and every model that writes word by word two, greedy and beam
    search, at its fastest compute type. A row is called after its bundle's directory.

    Args:
        bundles: directories with different names, all with one pair of languages.
        src: text to translate.
        ref: its translations, for the quality.
        to: where results and figures go.
        settings: how to measure.
        display: for the progress bar.
        command: what the user typed.

    Raises:
        ModelError: a bundle is none, or for training.
        DataError: a file cannot be read, or both are not of one length.
    """
    opened = {path.name: Bundle.open(path) for path in bundles}
    rows = [row for name, bundle in opened.items() for row in _rows(name, bundle, settings)]
    texts, references = ([line.text for line in read_lines(src)], None)
    if ref is not None:
        texts, references = read_parallel(src, ref)
    to.mkdir(parents=True, exist_ok=True)
    first = next(iter(opened.values()))
    rivals = [row.name for row in rows if row.factory == CTRANSLATE2]
    baseline = next((name for name in rivals if "beam" in name), None)
    with display.stage("bench") as progress:
        measured = measure_rows(
            rows, texts, references, settings, to, progress, first.tokenizer(), baseline, seed=1
        )
    results: dict[str, Any] = {
        "name": " and ".join(opened),
        "command": command,
        "seed": 1,
        "src": first.src,
        "tgt": first.tgt,
        **measured,
    }
    if "latency" in results:
        results["rivals"] = rivals
    write_results(results, to)
    return to


def _rows(name: str, bundle: Bundle, settings: EvaluateSettings) -> list[Competitor]:
    if "model.bin" in bundle.files:
        import ctranslate2

        types = tuple({"compute_type": t} for t in sorted(ctranslate2.get_supported_compute_types("cpu")))
        place = {"bundle": str(bundle.directory), "directory": str(bundle.directory)}
        return [
            Competitor(f"{name} {search}", "teacher", CTRANSLATE2, {**place, "beam_size": beam}, types)
            for search, beam in (("greedy", 1), (f"beam {settings.beam_size}", settings.beam_size))
        ]
    rows = [
        Competitor(
            f"{name} {precision}", name, ONNX, {"bundle": str(bundle.directory), "precision": precision}
        )
        for precision in precisions(bundle)
    ]
    rows += [
        Competitor(
            f"{name} {precision}, {NUM_CANDIDATES} candidates",
            name,
            ONNX,
            {"bundle": str(bundle.directory), "precision": precision, "num_candidates": NUM_CANDIDATES},
        )
        for precision in precisions(bundle, CANDIDATES)
    ]
    if not rows:
        raise ModelError(
            "This bundle is for training; only exported ones are compared",
            where=bundle.directory,
            fix="onepass export RUN --to DIR; or give the run directory itself",
        )
    return rows
