"""The models that come with the package, by name."""

from __future__ import annotations

from pathlib import Path

from onepass.bundle import MANIFEST
from onepass.errors import ModelError

FOLDER = Path(__file__).parents[1] / "shipped"


def shipped_models() -> dict[str, Path]:
    """The bundle of each shipped model, by name, such as "en-de"."""
    return {path.parent.name: path.parent for path in sorted(FOLDER.glob(f"*/{MANIFEST}"))}


def find_model(model: str | Path) -> Path:
    """The bundle of a shipped model's name, or the directory itself.

    Raises:
        ModelError: there is neither.
    """
    shipped = shipped_models()
    if str(model) in shipped and not (Path(model) / MANIFEST).exists():  # a corpus may have that name
        return shipped[str(model)]
    if not Path(model).is_dir():
        raise ModelError(
            "There is no such model",
            where=model,
            allowed=f"a bundle directory, or one of: {', '.join(shipped) or 'no shipped model'}",
        )
    return Path(model)
