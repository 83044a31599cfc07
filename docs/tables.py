"""The tables of README and docs, from committed results; none has more than eight columns."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from onepass.bundle import Bundle, Measurement
from onepass.evaluation.paper_table import render_main_table
from onepass.evaluation.results import Engine, System, Traits, parse_results
from onepass.evaluation.table import is_noisy, markdown_table, number, render_markdown, render_summary
from onepass.pipeline.ablate import render_ablation
from onepass.runtime.shipped import shipped_models

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "docs" / "results"
RUNS = ("multi30k-en-de-students", "tatoeba-en-de")
"""Of the paper's families at their full size."""
IN_FULL = ("phrasebook", *RUNS, "multi30k-en-de-small", "tatoeba-en-de-small")
"""Whose results `docs/results/README.md` shows whole."""


def load(path: Path) -> dict[str, Any]:
    """A JSON file of results."""
    return dict(json.loads(path.read_text(encoding="utf-8")))


def systems_of(name: str) -> Sequence[System]:
    """The rows of a file of results, named from `docs/results` without its ending."""
    return parse_results(load(RESULTS / f"{name}.json")).systems


def exported(systems: Sequence[System], model: str, precision: str, candidates: int = 1) -> System | None:
    """A bundle's row in ONNX Runtime, if it is there."""

    def is_it(traits: Traits) -> bool:
        is_graph = traits.engine == "ONNX Runtime" and traits.precision == precision
        return is_graph and traits.candidates == candidates

    return next((s for s in systems if s.model == model and is_it(s.traits)), None)


def in_engine(systems: Sequence[System], model: str, engine: Engine, beam_size: int = 1) -> System | None:
    """A bundle's row in another engine, if it is there."""
    wanted = (model, engine, beam_size)
    return next((s for s in systems if (s.model, s.traits.engine, s.traits.beam_size) == wanted), None)


def race(model: str) -> Sequence[System]:
    """The rows of a shipped model's race with the engine that its teacher was made for; none: no race."""
    path = RESULTS / f"firefox-{model}" / "league.json"
    return parse_results(load(path)).systems if path.exists() else ()


# --- shipped models ----------------------------------------------------------


def _test_set(bundle: Bundle) -> str:
    assert bundle.export is not None
    return bundle.export.card.test_set


def _of_teacher(name: str, bundle: Bundle) -> str:
    """The best BLEU of the model's teacher on its test set: of its card, else of its race."""
    assert bundle.export is not None
    raced = [s.bleu for s in race(name) if s.traits.role == "rival" and s.bleu is not None]
    known = [teacher.bleu for teacher in bundle.export.teacher] or raced
    return f"{max(known):.1f}" if known else "–"


def shipped_shortly() -> str:
    """The README's table: a row per model, what to choose it by."""
    rows = []
    for name, directory in shipped_models().items():
        bundle = Bundle.open(directory)
        assert bundle.export is not None
        by_candidates = {row.num_candidates: row for row in bundle.export.measured if row.precision == "int8"}
        most = max(by_candidates)
        rows.append(
            {
                "model": f"`{name}`",
                "test set": f"{bundle.src} → {bundle.tgt}: {_test_set(bundle)}",
                "BLEU": f"{by_candidates[1].bleu:.1f}",
                "among 10": "–" if most == 1 else f"{by_candidates[most].bleu:.1f}",
                "its teacher": _of_teacher(name, bundle),
                "MB": f"{by_candidates[1].megabytes:.1f}",
            }
        )
    return f"\n{_table(rows)}\n"


def shipped() -> str:
    """A row for each way to run a shipped model; the quality is that of the cards."""
    rows = []
    for name, directory in shipped_models().items():
        bundle = Bundle.open(directory)
        assert bundle.export is not None
        timed = race(name)
        for row in bundle.export.measured:
            found = exported(timed, name, row.precision, row.num_candidates)
            rows.append(
                {
                    "model": f"{name}, {row.precision}",
                    "test set": _test_set(bundle),
                    "candidates": str(row.num_candidates),
                    "MB": f"{row.megabytes:.1f}",
                    "BLEU": _bleu(row),
                    "chrF": f"{row.chrf:.1f}",
                    "ms p50": "–"
                    if found is None
                    else number(found.p50_ms) + ("‡" if is_noisy(found) else ""),
                    "its teacher": _of_teacher(name, bundle),
                }
            )
    return f"\n{_table(rows)}\n"


def _bleu(row: Measurement) -> str:
    low, high = row.bleu_interval
    return f"{row.bleu:.1f} [{low:.1f}, {high:.1f}]"


def _table(rows: Sequence[Mapping[str, str]]) -> str:
    return markdown_table({title: [row[title] for row in rows] for title in rows[0]})


# --- leagues -----------------------------------------------------------------


def league() -> str:
    """Every league of models that do not ship."""
    parts = []
    for path in sorted((RESULTS / "league").glob("*.json")):
        figure = path.with_suffix(".png")
        picture = f"\n![{path.stem}](league/{figure.name})\n" if figure.exists() else ""
        parts.append(f"## {path.stem}\n\n{render_markdown(load(path))}{picture}")
    return "\n" + "\n".join(parts)


def races() -> str:
    """Models that Firefox's translators taught, beside them in Firefox's engine."""
    found = sorted(RESULTS.glob("firefox-*/league.json"))
    return "\n" + "\n".join(
        f"## {path.parent.name.removeprefix('firefox-')} in a race\n\n{render_markdown(load(path))}"
        for path in found
    )


def demo() -> str:
    """What the tutorial's run ends with."""
    return f"\n{render_summary(load(RESULTS / 'firefox-phrasebook' / 'results.json'))}"


def choices() -> str:
    """What a student of Firefox's en-pt had learnt, with one setting changed at a time."""
    found = load(RESULTS / "firefox-en-pt-choices" / "choices.json")
    rows = found["rows"]
    table = markdown_table(
        {
            "changed": [row["what"] for row in rows],
            "updates": [str(row["updates"]) for row in rows],
            "target tokens": [f"{row['target_tokens']:,}" for row in rows],
            "minutes": [f"{row['seconds'] / 60:.1f}" for row in rows],
            "BLEU": [f"{row['flores_dev_bleu']:.1f}" for row in rows],
        }
    )
    return _with_origin(table, found)


def corrections() -> str:
    """What corrections by the teacher cost and bring, for both shipped models."""
    found = load(RESULTS / "benchmarks" / "corrections.json")
    rows = [
        (model, name.removesuffix(" corrections"), row)
        for model, of_model in found["models"].items()
        for name, row in of_model.items()
    ]
    sets = list(rows[0][2]["bleu"])
    table = markdown_table(
        {
            "model": [model for model, *_ in rows],
            "corrections": [name for _, name, _ in rows],
            **{name: [number(row["bleu"][name]) for *_, row in rows] for name in sets},
            "ms": [number(row["ms"]) for *_, row in rows],
            "times Firefox": [number(row["times Firefox's speed"]) for *_, row in rows],
        }
    )
    return _with_origin(table, found)


def _with_origin(table: str, found: Mapping[str, Any]) -> str:
    """A table, and below it the command and the machine of its result."""
    return f"{table}\n\n`{found['command']}`, {found['machine']}"


def in_full() -> str:
    """The runs whose every row is shown."""
    return "\n" + "\n".join(map(_run_in_full, IN_FULL))


def _run_in_full(name: str) -> str:
    table = render_markdown(load(RESULTS / name / "results.json"))
    figures = " ".join(
        f"![{figure}]({name}/{figure}.png)"
        for figure in ("bleu-against-latency", "latency-against-length")
        if (RESULTS / name / f"{figure}.png").exists()
    )
    return f"## {name}\n\n{table}\n{figures}\n"


# --- the paper ---------------------------------------------------------------


def main_tables() -> str:
    """A table per run, since their rivals differ."""
    runs = [RESULTS / name / "results.json" for name in ("multi30k-en-de", *RUNS)]
    return "\n" + "\n".join(render_main_table([parse_results(load(path))]) for path in runs)


def ablation() -> str:
    """Table 2."""
    parts = []
    for path in sorted(RESULTS.glob("*/ablation.json")):
        results = load(path)
        where = f"{results['name']}, dev set, {results['machine']}, seed {results['seed']}"
        parts.append(f"{where}: `{results['command']}`\n\n{render_ablation(results)}")
    return "\n" + "\n".join(parts)


def finetuning() -> str:
    """What each loss of the fine-tuning is worth beside as many updates of distillation alone."""
    names = {"student": "none", "kd": "L_KD", "kd-bp": "L_KD + L_BP", "kd-bp-rl": "L_KD + L_BP + L_RL"}
    parts = []
    for path in sorted(RESULTS.glob("*/finetuning.json")):
        results = load(path)
        both = results["rows"]["both"]
        columns = {"fine-tuning": [names[row["name"]] for row in both]}
        for split, title in (("dev", "dev"), ("test", "test"), ("both", "both together")):
            columns[f"BLEU, {title}"] = [f"{row['bleu']:.2f}" for row in results["rows"][split]]
        for i, title in ((0, "p against none"), (-1, "p against the row above")):
            found = [list(row["p_values"].values()) for row in both]
            columns[f"{title}, both"] = [f"{values[i]:.3f}" if values else "" for values in found]
        where = f"{results['recipe']}, {results['machine']}, seed {results['seed']}"
        parts.append(f"{where}: `{results['command']}`\n\n{markdown_table(columns)}\n")
    return "\n" + "\n".join(parts)


def paper_figures() -> str:
    """Quality against candidates, training, one sentence."""
    captions = {
        "samples": "BLEU against the number of candidates",
        "training": "training curves",
        "fertilities": "one sentence",
    }
    lines = [
        f"![{caption}, {path.parent.name}](results/{path.parent.name}/{path.name})"
        for name, caption in captions.items()
        for path in sorted(RESULTS.glob(f"*/{name}.png"))
    ]
    return "\n" + "\n".join(lines) + "\n"


def stand_ins() -> str:
    """The five directions on other corpora."""
    runs = [parse_results(load(path)) for path in sorted((RESULTS / "stand-ins").glob("*.json"))]
    return "\n" + (render_main_table(runs) if runs else "")


# --- benchmarks --------------------------------------------------------------


def benchmarks() -> str:
    """A list per benchmark: what it found, where, and its command."""
    return "\n" + "\n".join(
        "\n".join(_benchmark(path.stem, load(path)))
        for path in sorted((RESULTS / "benchmarks").glob("*.json"))
    )


def _benchmark(name: str, data: Mapping[str, Any]) -> Iterator[str]:
    hidden = ("command", "machine", "versions", "seed")
    yield f"**{name}**, {data['machine']}: `{data['command']}`\n"
    for key, value in data.items():
        if key not in hidden:
            yield f"- {key.replace('_', ' ')}: {_plain(value)}"
    yield ""


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{k} {_plain(v)}" for k, v in value.items())
    if isinstance(value, list):
        return ", ".join(f"({_plain(v)})" if isinstance(v, dict) else str(v) for v in value)
    return str(value)
