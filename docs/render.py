"""Writes into README and docs what is rendered from data: result tables, benchmarks, settings.

    python docs/render.py [--check]

`--check` writes nothing and fails where a page is not current; the tests run it.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, get_args

import scale_tables
from chart import draw_chart
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from onepass.bundle import Bundle, Measurement
from onepass.errors import DataError
from onepass.evaluation.paper_table import render_main_table
from onepass.evaluation.results import Engine, System, Traits, parse_results
from onepass.evaluation.table import is_noisy, markdown_table, number, render_markdown, render_summary
from onepass.files import write_text
from onepass.pipeline.ablate import render_ablation
from onepass.recipe import Recipe
from onepass.runtime.shipped import shipped_models

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "docs" / "results"
RUNS = ("multi30k-en-de-students", "tatoeba-en-de")
"""Of the paper's families at their full size."""
TIMED = "tatoeba-avx512"
"""The league whose times the README gives for shipped models."""


class Bar(NamedTuple):
    """How fast a shipped student is to be, in its engine, against a rival's.

    Attributes:
        engine: the student's; in ONNX Runtime it is the int8 graph without candidates.
        rival: the name of its bundle.
        beam_size: of the rival; 1 is greedy.
        rivals_engine: where the rival runs.
        lines: translated at once.
        times: as fast.
        times_if_long: on long lines.
    """

    engine: Engine
    rival: str
    beam_size: int
    rivals_engine: Engine
    lines: int
    times: float
    times_if_long: float

    @property
    def title(self) -> str:
        """Of its column."""
        student = ", student in torch" if self.engine == "torch" else ""
        search = "greedy" if self.beam_size == 1 else f"beam {self.beam_size}"
        engine = ", torch" if self.rivals_engine == "torch" else ""
        return f"batch {self.lines}{student}: {self.rival} {search}{engine}"


BARS = (
    Bar("ONNX Runtime", "teacher", 1, "CTranslate2", 1, 2.5, 5.0),
    Bar("ONNX Runtime", "deep", 1, "CTranslate2", 1, 1.0, 2.0),
    Bar("ONNX Runtime", "teacher", 4, "torch", 1, 15.6, 15.6),
    Bar("torch", "teacher", 4, "torch", 1, 8.0, 8.0),
    Bar("ONNX Runtime", "teacher", 1, "CTranslate2", 64, 2.0, 2.0),
    Bar("ONNX Runtime", "deep", 1, "CTranslate2", 64, 1.2, 1.2),
)
IN_FULL = ("phrasebook", *RUNS, "multi30k-en-de-small", "tatoeba-en-de-small")
"""Whose results `docs/results/README.md` shows whole."""


def blocks() -> Iterator[tuple[Path, str, str]]:
    """Each page, the name of its block, and what belongs there."""
    readme = ROOT / "README.md"
    yield readme, "shipped", _shipped_shortly()
    yield RESULTS / "README.md", "shipped", _shipped()
    yield RESULTS / "README.md", "demo", _demo()
    yield RESULTS / "README.md", "results", "\n" + "\n".join(map(_in_full, IN_FULL))
    measuring = ROOT / "docs" / "measuring.md"
    yield measuring, "bars", _bars()
    yield measuring, "league", _league()
    yield measuring, "benchmarks", _benchmarks()
    yield ROOT / "docs" / "recipes.md", "settings", _settings()
    scale, rows = ROOT / "docs" / "scale.md", _scale_rows()
    yield scale, "commands", _scale_commands()
    yield scale, "measured", scale_tables.measured(rows)
    yield scale, "lines", scale_tables.extrapolated(rows)
    paper = ROOT / "docs" / "the-paper.md"
    yield paper, "table-1", _main_tables()
    yield paper, "table-2", _ablation()
    yield paper, "fine-tuning", _finetuning()
    yield paper, "figures", _paper_figures()
    yield paper, "stand-ins", _stand_ins()


def _load(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text(encoding="utf-8")))


def _timed() -> Sequence[System]:
    return parse_results(_load(RESULTS / "league" / f"{TIMED}.json")).systems


def _chart() -> str:
    """Three shipped systems and the same teacher and rival that write word by word."""
    timed = _timed()
    shown = {
        "en-de-fast": _exported(timed, "en-de-fast", "int8"),
        "en-de": _exported(timed, "en-de", "int8"),
        "en-de, 10 candidates": _exported(timed, "en-de", "int8", 10),
        "word by word: the teacher": _in_engine(timed, "teacher", "CTranslate2"),
        "word by word: the teacher, beam 4": _in_engine(timed, "teacher", "CTranslate2", 4),
        "word by word: built for speed": _in_engine(timed, "deep", "CTranslate2"),
    }
    return draw_chart({label: system for label, system in shown.items() if system is not None})


def _shipped_rows() -> Iterator[tuple[str, Bundle, Measurement]]:
    """Each way to run a shipped model: the model's name, its bundle, what was measured."""
    for name, directory in shipped_models().items():
        bundle = Bundle.open(directory)
        assert bundle.export is not None, directory
        for row in bundle.export.measured:
            yield name, bundle, row


def _milliseconds(systems: Sequence[System], name: str, row: Measurement) -> str:
    """Of the league, where all models ran on one machine, with its mark where it is noisy."""
    found = _exported(systems, name, row.precision, row.num_candidates)
    return "–" if found is None else number(found.p50_ms) + ("‡" if is_noisy(found) else "")


def _bleu(row: Measurement) -> str:
    low, high = row.bleu_interval
    return f"{row.bleu:.1f} [{low:.1f}, {high:.1f}]"


def _test_set(bundle: Bundle) -> str:
    assert bundle.export is not None
    return bundle.export.card.test_set or "Tatoeba"


def _shipped_shortly() -> str:
    """The README's table: what to choose a model by."""
    timed = _timed()
    rows = [
        {
            "model": f"`{name}`",
            "languages": f"{bundle.src} → {bundle.tgt}",
            "test set": _test_set(bundle),
            "candidates": str(row.num_candidates),
            "BLEU": _bleu(row),
            "ms": _milliseconds(timed, name, row),
            "MB": f"{row.megabytes:.1f}",
        }
        for name, bundle, row in _shipped_rows()
    ]
    return f"\n{markdown_table({title: [row[title] for row in rows] for title in rows[0]})}\n"


def _shipped() -> str:
    """All that is known of each; the quality is that of the cards."""
    rows: list[dict[str, str]] = []
    timed = _timed()
    for name, bundle, row in _shipped_rows():
        assert bundle.export is not None
        cells = {
            "model": name,
            "weights": row.precision,
            "test set": _test_set(bundle),
            "candidates": str(row.num_candidates),
            "MB": f"{row.megabytes:.1f}",
            "BLEU": _bleu(row),
            "chrF": f"{row.chrf:.1f}",
            "ms p50": _milliseconds(timed, name, row),
        }
        cells |= {f"BLEU of the {teacher.name}": f"{teacher.bleu:.1f}" for teacher in bundle.export.teacher}
        rows.append(cells)
    titles = dict.fromkeys(title for cells in rows for title in cells)
    columns = {title: [cells.get(title, "–") for cells in rows] for title in titles}
    return f"\n{markdown_table(columns)}\n" if columns else "\n"


def _exported(systems: Sequence[System], model: str, precision: str, candidates: int = 1) -> System | None:
    """A bundle's row in ONNX Runtime, if it is there."""

    def is_it(traits: Traits) -> bool:
        is_graph = traits.engine == "ONNX Runtime" and traits.precision == precision
        return is_graph and traits.candidates == candidates

    return next((s for s in systems if s.model == model and is_it(s.traits)), None)


def _in_engine(systems: Sequence[System], model: str, engine: Engine, beam_size: int = 1) -> System | None:
    """A bundle's row in torch or CTranslate2, if it is there."""
    wanted = (model, engine, beam_size)
    return next((s for s in systems if (s.model, s.traits.engine, s.traits.beam_size) == wanted), None)


def _bars() -> str:
    """How many times as fast as its rivals each shipped student is, and where that misses a bar."""
    rows = []
    for path in sorted((RESULTS / "league").glob("*.json")):
        systems = parse_results(_load(path)).systems
        for name in shipped_models():
            exported = _exported(systems, name, "int8")
            if exported is None:
                continue
            row = {"league": path.stem, "student": name, "BLEU": f"{exported.bleu:.1f}"}
            for bar in BARS:
                student = _in_engine(systems, name, "torch") if bar.engine == "torch" else exported
                rival = _in_engine(systems, bar.rival, bar.rivals_engine, bar.beam_size)
                times = bar.times_if_long if "long" in path.stem else bar.times
                row[bar.title] = _beside(student, rival, bar.lines, times)
            rows.append(row)
    return f"\n{markdown_table({title: [row[title] for row in rows] for title in rows[0]})}\n"


def _beside(student: System | None, rival: System | None, lines: int, bar: float) -> str:
    if student is None or rival is None:
        return "–"
    if lines == 1:
        assert student.p50_ms is not None
        assert rival.p50_ms is not None
        ratio = rival.p50_ms / student.p50_ms
    else:
        ratio = student.throughput[lines] / rival.throughput[lines]
    return f"{ratio:.2f}x" + (f" (missed: {bar:g}x)" if ratio < bar else "")


def _league() -> str:
    parts = []
    for path in sorted((RESULTS / "league").glob("*.json")):
        figure = path.with_suffix(".png")
        picture = f"\n![{path.stem}](results/league/{figure.name})\n" if figure.exists() else ""
        parts.append(f"### {path.stem}\n\n{render_markdown(_load(path))}{picture}")
    return "\n" + "\n".join(parts)


def _demo() -> str:
    folder = RESULTS / "phrasebook"
    if not (folder / "results.json").exists():
        return "\n"
    samples = (folder / "samples.txt").read_text(encoding="utf-8").rstrip()
    return f"\n{render_summary(_load(folder / 'results.json'))}\n```\n{samples}\n```\n"


def _in_full(name: str) -> str:
    table = render_markdown(_load(RESULTS / name / "results.json"))
    figures = " ".join(
        f"![{figure}]({name}/{figure}.png)"
        for figure in ("bleu-against-latency", "latency-against-length")
        if (RESULTS / name / f"{figure}.png").exists()
    )
    return f"## {name}\n\n{table}\n{figures}\n"


def _main_tables() -> str:
    """A table a run, since their rivals differ."""
    runs = [RESULTS / name / "results.json" for name in ("multi30k-en-de", *RUNS)]
    return "\n" + "\n".join(render_main_table([parse_results(_load(path))]) for path in runs)


def _ablation() -> str:
    parts = []
    for path in sorted(RESULTS.glob("*/ablation.json")):
        results = _load(path)
        where = f"{results['name']}, dev set, {results['machine']}, seed {results['seed']}"
        parts.append(f"{where}: `{results['command']}`\n\n{render_ablation(results)}")
    return "\n" + "\n".join(parts)


def _finetuning() -> str:
    names = {"student": "none", "kd": "L_KD", "kd-bp": "L_KD + L_BP", "kd-bp-rl": "L_KD + L_BP + L_RL"}
    parts = []
    for path in sorted(RESULTS.glob("*/finetuning.json")):
        results = _load(path)
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


def _paper_figures() -> str:
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


def _stand_ins() -> str:
    runs = [parse_results(_load(path)) for path in sorted((RESULTS / "stand-ins").glob("*.json"))]
    return "\n" + (render_main_table(runs) if runs else "")


def _benchmarks() -> str:
    lines = ["", "| benchmark | result | command | machine |", "|---|---|---|---|"]
    for path in sorted((RESULTS / "benchmarks").glob("*.json")):
        data = _load(path)
        hidden = ("command", "machine", "versions", "seed")
        shown = "; ".join(f"{k.replace('_', ' ')}: {_plain(v)}" for k, v in data.items() if k not in hidden)
        lines.append(f"| {path.stem} | {shown} | `{data['command']}` | {data['machine']} |")
    return "\n".join(lines) + "\n"


def _scale_rows() -> list[dict[str, Any]]:
    return [row for path in sorted((RESULTS / "scale").glob("*.json")) for row in _load(path)["rows"]]


def _scale_commands() -> str:
    runs = map(_load, sorted((RESULTS / "scale").glob("*.json")))
    return "\n".join(f"- `{run['command']}`, {run['machine']}" for run in runs)


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{k} {_plain(v)}" for k, v in value.items())
    if isinstance(value, list):
        return ", ".join(f"({_plain(v)})" if isinstance(v, dict) else str(v) for v in value)
    return str(value)


def _settings() -> str:
    return "\n" + "\n".join(_section(Recipe, "")) + "\n"


def _section_model(annotation: Any) -> tuple[type[BaseModel] | None, bool]:
    """The settings that a key is a section of, if it is one, and whether it may be left out."""
    for kind in (annotation, *get_args(annotation)):
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            return kind, kind is not annotation
    return None, False


def _section(model: type[BaseModel], prefix: str) -> Iterator[str]:
    rows, sections = [], []
    for name, field in model.model_fields.items():
        inner, optional = _section_model(field.annotation)
        if inner is not None:
            sections.append((f"{prefix}{name}", inner))
        if inner is not None and not optional:
            continue
        default = "required" if field.default is PydanticUndefined else f"`{json.dumps(field.default)}`"
        about = " ".join((field.description or "").split())
        rows.append(f"| `{prefix}{field.alias or name}` | {default} | {about} |")
    yield f"\n## {prefix.rstrip('.') or 'Top level'}\n"
    yield " ".join((model.__doc__ or "").split()) + "\n"
    if rows:
        yield "| key | default | |\n|---|---|---|\n" + "\n".join(rows)
    for name, inner in sections:
        yield from _section(inner, f"{name}.")


def update_block(page: Path, marker: str, text: str) -> None:
    """Replaces what stands between `<!-- MARKER:begin -->` and `<!-- MARKER:end -->`.

    Raises:
        DataError: the page cannot be read, or does not have the two marks once each, in this order.
    """
    write_text(page, _with_block(page, marker, text))


def is_block_current(page: Path, marker: str, text: str) -> bool:
    """Whether `update_block` would leave the page as it is. Raises DataError as that does."""
    return _with_block(page, marker, text) == _read_page(page)


def _read_page(page: Path) -> str:
    try:
        return page.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"Cannot read the page: {error}", where=page) from None


def _with_block(page: Path, marker: str, text: str) -> str:
    content = _read_page(page)
    begin, end = f"<!-- {marker}:begin -->", f"<!-- {marker}:end -->"
    found = re.findall(f"{re.escape(begin)}|{re.escape(end)}", content)
    if found != [begin, end]:
        raise DataError(
            f"The page does not have the marks of block {marker!r} once each",
            where=page,
            value=found,
            fix=f"put {begin} and {end} on lines of their own",
        )
    before, rest = content.split(begin)
    return f"{before}{begin}\n{text.strip()}\n{end}{rest.split(end)[1]}"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true")
    stale = []
    check = parser.parse_args().check
    for page, marker, text in blocks():
        if is_block_current(page, marker, text):
            continue
        stale.append(f"{page.relative_to(ROOT)}: {marker}")
        if not check:
            update_block(page, marker, text)
    chart, picture = RESULTS / "chart.svg", _chart()
    if not chart.exists() or chart.read_text(encoding="utf-8") != picture:
        stale.append(str(chart.relative_to(ROOT)))
        if not check:
            write_text(chart, picture)
    print("\n".join(stale) if stale else "everything is current")
    sys.exit(1 if check and stale else 0)


if __name__ == "__main__":
    main()
