"""The adjectives of `adjectives.txt`, by noun and by the groups of `adjective_groups.txt`."""

from __future__ import annotations

from functools import cache

from onepass.phrasebook.meaning import Adjective, Noun
from onepass.phrasebook.source_files import table
from onepass.text.tables import Row, alternatives, read_lists, read_sections


def adjectives() -> tuple[Adjective, ...]:
    """Return the qualities of things and persons."""
    return _sections()["quality"]


def feelings() -> tuple[Adjective, ...]:
    """Return how somebody may feel or be."""
    return _sections()["feeling"]


@cache
def adjectives_of(noun: Noun) -> tuple[Adjective, ...]:
    """Return the adjectives that suit a noun, by its classes or by its own name."""
    return tuple(a for a in adjectives() if a.classes & (noun.classes | {noun.en}))


def adjective_named(en: str) -> Adjective:
    """Return the quality with this English name."""
    return next(a for a in adjectives() if a.en == en)


@cache
def adjective_group(name: str) -> frozenset[str]:
    """Return the English adjectives of a group."""
    return frozenset(_groups()[name])


@cache
def _sections() -> dict[str, tuple[Adjective, ...]]:
    return read_sections(table("adjectives"), _adjective, columns=5, least=2)


@cache
def _groups() -> dict[str, tuple[str, ...]]:
    return read_lists(table("adjective_groups"), str)


def _adjective(row: Row) -> Adjective:
    en, de, classes, more_en, more_de = row.cells
    if bool(more_en) != bool(more_de):
        raise ValueError("a comparative needs both languages")
    comparative = (more_en, more_de) if more_en else None
    return Adjective(en, alternatives(de), frozenset(classes.split()), comparative)
