"""Options and arguments that several verbs have, and what verbs share."""

from __future__ import annotations

import json
import os
import shlex
import sys
from pathlib import Path
from typing import Annotated

from typer import Argument, Option

DEFAULT_MODEL = "en-pt"
MODEL = "Shipped model, bundle's directory, or user/model on the Hugging Face hub."
Recipe = Annotated[Path, Argument(help="TOML recipe.")]
Directory = Annotated[Path | None, Option("--to", help="Run directory [runs/RECIPE-NAME].")]
Set = Annotated[list[str], Option("--set", help="Setting to change, as section.key=value; may be repeated.")]
Corrections = Annotated[int, Option(help="Words per sentence that the teacher may correct.", min=0)]
Lines = Annotated[Path, Option(help="Source texts, one per line.")]


def complete_model(incomplete: str) -> list[str]:
    """The shipped models whose names begin so, for the completion of the shell."""
    from onepass.runtime.shipped import shipped_models

    return [name for name in shipped_models() if name.startswith(incomplete)]


def command_line() -> str:
    """What was typed, without absolute paths."""
    words = ["onepass", *sys.argv[1:]]
    return shlex.join(os.path.relpath(word) if os.path.isabs(word) else word for word in words)


def show_results(directory: Path) -> None:
    from rich.console import Console

    from onepass.evaluation.table import render_rich
    from onepass.pipeline.evaluate import summary

    console = Console()
    if not console.is_terminal:
        console.width = 120
    console.print(render_rich(json.loads((directory / "results.json").read_text(encoding="utf-8"))))
    for line in summary(directory):
        print(line)
