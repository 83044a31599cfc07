"""The templates of `templates.txt`: whole sentences with slots, for what people say in set phrases."""

from __future__ import annotations

import re
from functools import cache
from typing import NamedTuple

from onepass.phrasebook.source_files import table
from onepass.text.tables import Row, read_sections

SLOT = re.compile(r"\{(\w+)(?::([^}]*))?\}")
"""A slot in a sentence: its name, and how it is said."""


class Filler(NamedTuple):
    """What fills a slot.

    Attributes:
        name: of a filler of `slots.py`, or of a group of phrases.
        of: classes of noun, the subject of a clause, another slot.
        choices: determiners of a noun phrase, forms of a clause.
    """

    name: str
    of: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()


class Template(NamedTuple):
    """A set phrase: English, its German alternatives, and what fills each slot."""

    en: str
    de: tuple[str, ...]
    slots: dict[str, Filler]


@cache
def templates() -> tuple[tuple[Template, ...], ...]:
    """Return the templates by situation."""
    return tuple(read_sections(table("templates"), _template, columns=2, least=1, continued=True).values())


def _template(row: Row) -> Template:
    en, fillers = row.cells
    slots = {}
    for text in filter(None, fillers.split("; ")):
        name, equals, filler = text.partition("=")
        if not equals or not filler:
            raise ValueError(f"{text!r} is not `slot=filler`")
        slots[name] = _filler(filler)
    if not row.below:
        raise ValueError("it has no German below it")
    for sentence in (en, *row.below):
        unknown = {slot[1] for slot in SLOT.finditer(sentence)} - slots.keys()
        if unknown:
            raise ValueError(f"nothing fills the slot {min(unknown)!r} of {sentence!r}")
    return Template(en, row.below, slots)


def _filler(text: str) -> Filler:
    """Parse `np dish,drink: a`, `clause we: will,can` or `city`."""
    head, _, choices = text.partition(": ")
    name, _, of = head.partition(" ")
    return Filler(name, tuple(of.split(",")) if of else (), tuple(choices.split(",")) if choices else ())
