"""Writes into README and docs what is rendered from data and code: tables, figures in sentences, drawings.

    python docs/render.py [--check]

Results are read from `docs/results/` and from the bundles of the shipped models, settings and options from
the code. Outputs of commands are written where the shipped models translate (see transcripts.py).
`--check` writes nothing, runs no command, and fails where a page is not current; the tests run it.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import chart
import pictures
import reference
import scale_tables
import tables
from facts import with_facts
from tables import RESULTS, ROOT
from transcripts import session, with_outputs

from onepass.errors import DataError
from onepass.files import write_text

DOCS = ROOT / "docs"
README = ROOT / "README.md"


def pages() -> list[Path]:
    """Every page that people read, the log apart."""
    found = [README, *sorted(DOCS.rglob("*.md"))]
    return [page for page in found if page.name != "LOG.md"]


def blocks() -> Iterator[tuple[Path, str, str]]:
    """Each page, the name of its block, and what belongs there."""
    yield README, "shipped", tables.shipped_shortly()
    yield RESULTS / "README.md", "shipped", tables.shipped()
    yield RESULTS / "README.md", "races", tables.races()
    yield RESULTS / "README.md", "results", tables.in_full()
    yield RESULTS / "README.md", "league", tables.league()
    measuring = DOCS / "measuring.md"
    yield measuring, "benchmarks", tables.benchmarks()
    rows = scale_tables.rows()
    yield DOCS / "scale.md", "commands", scale_tables.commands()
    yield DOCS / "scale.md", "measured", scale_tables.measured(rows)
    yield DOCS / "scale.md", "plan", scale_tables.plan()
    yield DOCS / "scale.md", "lines", scale_tables.extrapolated(rows)
    yield DOCS / "reference" / "recipes.md", "settings", reference.settings()
    yield DOCS / "reference" / "command-line.md", "verbs", reference.command_line()
    told = r"done in|dropped|parameters"
    yield (
        README,
        "own",
        session("onepass run", "export", '"My brother wants', told="student: done"),
    )
    yield DOCS / "guides" / "your-own-teacher.md", "choices", tables.choices()
    yield DOCS / "guides" / "corrections.md", "corrections", tables.corrections()
    yield DOCS / "tutorial.md", "run", session("onepass run", told=told)
    yield DOCS / "tutorial.md", "export", session("export")
    yield DOCS / "tutorial.md", "translate", session("We didn't want")
    yield DOCS / "tutorial.md", "other-text", session("central bank")
    yield DOCS / "tutorial.md", "explain", session("--explain")
    yield DOCS / "tutorial.md", "table", tables.demo()
    paper = DOCS / "the-paper.md"
    yield paper, "table-1", tables.main_tables()
    yield paper, "table-2", tables.ablation()
    yield paper, "fine-tuning", tables.finetuning()
    yield paper, "figures", tables.paper_figures()
    yield paper, "stand-ins", tables.stand_ins()


def drawings() -> Iterator[tuple[Path, str]]:
    """Each drawing, and its SVG."""
    yield RESULTS / "chart.svg", chart.draw()
    for name, svg in pictures.draw_all():
        yield DOCS / "pictures" / f"{name}.svg", svg


def update_block(page: Path, marker: str, text: str) -> None:
    """Replaces what stands between `<!-- MARKER:begin -->` and `<!-- MARKER:end -->`.

    Raises:
        DataError: the page cannot be read, or does not have the two marks once each, in this order.
    """
    write_text(page, _with_block(page, marker, text))


def is_block_current(page: Path, marker: str, text: str) -> bool:
    """Whether `update_block` would leave the page as it is. Raises DataError as that does."""
    return _with_block(page, marker, text) == read_page(page)


def read_page(page: Path) -> str:
    """The text of a page. Raises DataError where it cannot be read."""
    try:
        return page.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"Cannot read the page: {error}", where=page) from None


def _with_block(page: Path, marker: str, text: str) -> str:
    content = read_page(page)
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


def stale(*, write: bool) -> Iterator[str]:
    """What is not current, by name; written anew if it is to be."""
    for page, marker, text in blocks():
        if not is_block_current(page, marker, text):
            yield f"{page.relative_to(ROOT)}: {marker}"
            if write:
                update_block(page, marker, text)
    for page in pages():
        old = read_page(page)
        new = with_facts(page, old)
        if write:
            new = with_outputs(new)
        if new != old:
            yield f"{page.relative_to(ROOT)}: figures in sentences, or outputs"
            if write:
                write_text(page, new)
    for path, svg in drawings():
        if not path.exists() or path.read_text(encoding="utf-8") != svg:
            yield str(path.relative_to(ROOT))
            if write:
                write_text(path, svg)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    found = list(stale(write=not check))
    print("\n".join(found) if found else "everything is current")
    sys.exit(1 if check and found else 0)


if __name__ == "__main__":
    main()
