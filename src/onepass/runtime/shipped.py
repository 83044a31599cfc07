"""Where a model is: one that comes with the package, a directory, one of the hub."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from onepass.bundle import MANIFEST
from onepass.errors import ModelError, UsageError
from onepass.hub_name import HubName
from onepass.runtime.hub import fetch, is_hub_name

FOLDER = Path(__file__).parents[1] / "shipped"


class Origin(NamedTuple):
    """What makes a model that versions before had: a recipe, and the stage of its run to export."""

    recipe: str
    stage: str


REMOVED = {
    "de-en": Origin("recipes/tatoeba-de-en.toml", "finetune"),
    "en-de": Origin("recipes/tatoeba-en-de-students.toml", "finetune-shipped"),
    "en-de-fast": Origin("recipes/tatoeba-en-de-students.toml", "finetune-fast"),
}
"""Models that version 0.1 had."""


def shipped_models() -> dict[str, Path]:
    """The bundle of each shipped model, by name, such as "en-pt"."""
    return {path.parent.name: path.parent for path in sorted(FOLDER.glob(f"*/{MANIFEST}"))}


def usual_models() -> list[str]:
    """The shipped models that are named for their direction alone: "en-pt", but not "en-pt-fast"."""
    return [name for name in shipped_models() if name.count("-") == 1]


def find_model(model: str | Path, *, revision: str | None = None) -> Path:
    """The directory of a bundle: of a shipped model, the directory itself, or one of the hub, fetched.

    Args:
        model: a shipped model's name, a directory, or `user/model` on the Hugging Face hub, also as
            `user/model@REVISION` and `hf:user/model`.
        revision: branch, tag or commit of a model of the hub.

    Raises:
        ModelError: there is none, or it cannot be fetched.
        UsageError: an earlier version had it; something else than a model of the hub has a revision.
    """
    shipped, name = shipped_models(), str(model)
    known = ", ".join(shipped) or "no shipped model"
    is_bundle = (Path(model) / MANIFEST).exists()  # a corpus may have that name
    is_shipped = name in shipped and not is_bundle
    if name in REMOVED and not is_shipped and not is_bundle:
        origin = REMOVED[name]
        raise UsageError(
            "This model does not come with the package",
            where=name,
            allowed=known,
            fix=f"make it: `onepass run {origin.recipe} --to RUN`, then "
            f"`onepass export RUN --stage {origin.stage} --to DIR`",
        )
    if not is_shipped and not Path(model).is_dir():
        if isinstance(model, str) and is_hub_name(model):
            return fetch(HubName.parse(model, revision))
        raise ModelError(
            "There is no such model",
            where=model,
            allowed=f"a bundle directory, OWNER/NAME on the Hugging Face hub, or one of: {known}",
        )
    if revision is not None:
        raise UsageError("Only models of the hub have revisions", where="revision", value=revision)
    return shipped[name] if is_shipped else Path(model)
