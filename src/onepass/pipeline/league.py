"""The league table of bundles on any text: students in ONNX Runtime, rivals in CTranslate2, both in torch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from onepass.bundle import WEIGHTS, Bundle
from onepass.display import Display
from onepass.errors import UsageError
from onepass.evaluation.systems import CTRANSLATE2, ONNX, TEACHER, TORCH, Competitor, ctranslate2_variants
from onepass.families import family_named
from onepass.pipeline.evaluation import measure_rows, write_results
from onepass.runtime.translator import CANDIDATES, precisions
from onepass.settings import EvaluateSettings
from onepass.text.lines import numbered_lines, read_parallel

NUMBERS = (1, 4, 10)
"""Of candidates, a row each where a bundle has them."""


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
    """Quality and speed of bundles, exported or for training; returns the directory with the results.

    Every graph of an exported student is a system, and every model that writes word by word two, greedy and
    beam search, in CTranslate2 at its fastest setting. A row is called after its bundle's directory.

    Args:
        bundles: their directories, all with one pair of languages.
        src: text to translate.
        ref: its translations, for the quality.
        to: where results and figures go.
        settings: how to measure.
        display: for the progress bar.
        command: what the user typed.

    Raises:
        ModelError: there is no bundle, or it is damaged.
        UsageError: two rows have one name.
        DataError: a file cannot be read, or both are not of one length.
    """
    opened = [Bundle.open(path) for path in bundles]
    rows = [row for bundle in opened for row in _rows(bundle, settings)]
    names = [row.name for row in rows]
    if len(set(names)) < len(names):
        raise UsageError("Two systems have one name", value=names, fix="rename a bundle's directory")
    texts, references = [line.text for line in numbered_lines(src)], None
    if ref is not None:
        texts, references = read_parallel(src, ref)
    to.mkdir(parents=True, exist_ok=True)
    rivals = [row.name for row in rows if row.model == TEACHER]
    baseline = next((name for name in rivals if "beam" in name), None)
    with display.stage("bench") as progress:
        tokenizer = opened[0].tokenizer()
        measured = measure_rows(
            rows,
            texts,
            references,
            settings,
            to,
            progress,
            tokenizer,
            baseline,
            seed=1,
            length_of="source",
        )
    results: dict[str, Any] = {
        "name": " and ".join(dict.fromkeys(bundle.directory.name for bundle in opened)),
        "command": command,
        "seed": 1,
        "src": opened[0].src,
        "tgt": opened[0].tgt,
        **measured,
    }
    if "latency" in results:
        results["rivals"] = rivals
    write_results(results, to)
    return to


def _rows(bundle: Bundle, settings: EvaluateSettings) -> list[Competitor]:
    name, place = bundle.directory.name, {"bundle": str(bundle.directory)}
    searches = (("greedy", 1), (f"beam {settings.beam_size}", settings.beam_size))
    if "model.bin" in bundle.files:
        variants = ctranslate2_variants(bundle.directory)
        return [
            Competitor(
                f"{name} {search}",
                TEACHER,
                CTRANSLATE2,
                {**place, "directory": str(bundle.directory), "beam_size": beam},
                variants,
            )
            for search, beam in searches
        ]
    if WEIGHTS in bundle.files:
        if family_named(bundle.kind, where=bundle.directory).one_pass:
            return [Competitor(f"{name}, torch", name, TORCH, place)]
        return [
            Competitor(f"{name} {search}, torch", TEACHER, TORCH, {**place, "beam_size": beam})
            for search, beam in searches
        ]
    return [
        Competitor(
            f"{name} {precision}" + (f", {number} candidates" if number > 1 else ""),
            name,
            ONNX,
            {**place, "precision": precision, "num_candidates": number},
            single=False,
        )
        for number in (NUMBERS if bundle.settings.get(CANDIDATES) else (1,))
        for precision in precisions(bundle)
    ]
