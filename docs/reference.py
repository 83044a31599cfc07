"""The reference pages, from the code: every verb with its options, every setting of a recipe."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, get_args

from pydantic import BaseModel
from pydantic_core import PydanticUndefined
from typer.main import get_command
from typer.testing import CliRunner

from onepass.cli import app
from onepass.recipe import Recipe

WIDTH = {"COLUMNS": "80"}
SAME_AS = {"data.dev": "data.train", "data.test": "data.train", "data.phrases": "data.train"}
"""Sections whose keys are those of another one."""


def command_line() -> str:
    """The help of every verb, as the terminal shows it."""
    verbs = get_command(app).commands  # type: ignore[attr-defined]
    return "\n" + "\n".join(f"## onepass {verb}\n\n```text\n{_help(verb)}\n```\n" for verb in verbs)


def _help(verb: str) -> str:
    shown = CliRunner().invoke(app, [verb, "--help"], prog_name="onepass", env=WIDTH).stdout
    return "\n".join(line.rstrip() for line in shown.strip().splitlines())


def settings() -> str:
    """Every key of a recipe with its default and what it is."""
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
        about = " ".join((field.description or "").split()).replace("|", "\\|")
        rows.append(f"| `{prefix}{field.alias or name}` | {default} | {about} |")
    yield f"\n## {prefix.rstrip('.') or 'Top level'}\n"
    yield " ".join((model.__doc__ or "").split()) + "\n"
    if rows:
        yield "| key | default | what it is |\n|---|---|---|\n" + "\n".join(rows)
    for name, inner in sections:
        if name in SAME_AS:
            yield f"\n## {name}\n\nThe keys of `{SAME_AS[name]}`.\n"
        else:
            yield from _section(inner, f"{name}.")
