"""Finished runs: their recipe and their stages, for what measures them again."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from onepass.errors import DataError, UsageError
from onepass.pipeline.stage import read_record
from onepass.recipe import Recipe, parse_recipe


def recorded_recipe(run: Path) -> Recipe:
    """The recipe of a run. Raises UsageError where there is none."""
    recorded = run / "recipe.json"
    if not recorded.exists():
        raise UsageError("This is not a run directory", where=run, allowed="what `onepass run` made")
    return parse_recipe(recorded.read_text(encoding="utf-8"), where=str(recorded))


def finished_stages(run: Path, names: Iterable[str]) -> dict[str, Path]:
    """The directories of stages by name. Raises DataError for one that is not finished."""
    stages = {name: run / name for name in names}
    for name, directory in stages.items():
        if read_record(directory) is None:
            raise DataError(
                f"The stage {name} is not finished", where=directory, fix="finish `onepass run` first"
            )
    return stages
