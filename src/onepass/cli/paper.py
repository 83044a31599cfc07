"""The verbs of the paper's tables and figures.

Each is one thin function; what it needs is imported inside, so that the help comes at once.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from onepass.cli.options import (
    Directory,
    Recipe,
    Set,
    command_line,
)
from onepass.errors import DataError


def ablate(
    recipe: Recipe,
    to: Directory = None,
    settings: Set = [],  # noqa: B006
) -> None:
    """Trains the twelve rows of the paper's ablation (its table 2)."""
    from onepass.display import Display
    from onepass.pipeline.ablate import run_ablation
    from onepass.recipe import load_recipe

    loaded = load_recipe(recipe, settings)
    directory = to or Path("runs") / loaded.name
    results = run_ablation(loaded, directory, display=Display(), command=command_line())
    print((results / "ablation.md").read_text(encoding="utf-8"), end="")


def table(runs: Annotated[list[Path], Argument(help="Run directories with an evaluation.")]) -> None:
    """Prints the paper's main table (its table 1) as Markdown."""
    from onepass.evaluation.paper_table import render_main_table
    from onepass.evaluation.results import parse_results

    found = []
    for run_directory in runs:
        path = run_directory / "evaluate" / "results.json"
        try:
            found.append(parse_results(json.loads(path.read_text(encoding="utf-8"))))
        except OSError:
            raise DataError(
                "The run has no results", where=path, fix="finish `onepass run` on its recipe first"
            ) from None
        except ValueError as error:
            raise DataError(f"The results are damaged: {error}", where=path) from None
    print(render_main_table(found), end="")


def figures(
    directory: Annotated[Path, Argument(help="Run directory with trained models.")],
    sentences: Annotated[int, Option(help="Number of dev sentences for the candidates.", min=1)] = 200,
    candidates: Annotated[int, Option(help="Largest number of candidates per sentence.", min=1)] = 1000,
    text: Annotated[str | None, Option(help="Sentence for the fertilities [the test set's first].")] = None,
    to: Annotated[Path | None, Option(help="Directory of the figures [RUN/figures].")] = None,
) -> None:
    """Draws the paper's figures of a run.

    They are BLEU against candidates, training curves, and the fertilities of one sentence.
    """
    from onepass.display import Display
    from onepass.pipeline.figures import draw_figures

    target = to or directory / "figures"
    draw_figures(directory, target, sentences, candidates, text, Display(), command=command_line())
    for path in sorted(target.glob("*.png")):
        print(f"Figure: {path}")
