"""What a stage is given, made by hand."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from onepass.pipeline.stage import Context
from onepass.recipe import Recipe


def context_for(
    recipe: Recipe, directory: Path, inputs: Mapping[str, Path], records: list[dict[str, Any]] | None = None
) -> Context:
    """A context that keeps what is logged in `records`."""
    directory.mkdir(parents=True, exist_ok=True)
    return Context(
        recipe=recipe,
        directory=directory,
        inputs=inputs,
        log=lambda record: records.append(record) if records is not None else None,
        rewind=lambda update: None,
        progress=lambda done, total, text: None,
        say=lambda line: None,
        command="onepass run",
    )


def done_before(run: Path) -> dict[str, Path]:
    """The stages of a run by name."""
    return {path.parent.name: path.parent for path in run.glob("*/stage.json")}
