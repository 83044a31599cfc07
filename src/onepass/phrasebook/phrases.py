"""The phrases of `phrases.txt`, which never change their form: times, degrees, cities, ailments ..."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from onepass.phrasebook.meaning import Fixed
from onepass.phrasebook.source_files import table
from onepass.text.tables import Row, alternatives, read_records


class _Member(NamedTuple):
    """A phrase and its groups, that of its section first."""

    phrase: Fixed
    groups: tuple[str, ...]


@cache
def phrases(group: str) -> tuple[Fixed, ...]:
    """Return the phrases of a group, in the order of the table.

    Raises:
        KeyError: there is no such group.
    """
    return _by_group()[group]


def phrase_groups() -> frozenset[str]:
    """Return the names of all groups."""
    return frozenset(_by_group())


@cache
def phrase(group: str, en: str) -> Fixed:
    """Return the phrase of a group with this English."""
    return next(phrase for phrase in phrases(group) if phrase.en == en)


@cache
def numeral(en: str) -> str | None:
    """Return the German word of a number from two to twelve; None if it is no such word."""
    return next((small.de[0] for small in phrases("small") if small.en == en), None)


@cache
def _by_group() -> dict[str, tuple[Fixed, ...]]:
    found: dict[str, list[Fixed]] = {}
    for phrase, groups in read_records(table("phrases"), _member, columns=3, least=2):
        for group in groups:
            found.setdefault(group, []).append(phrase)
    return {group: tuple(members) for group, members in found.items()}


def _member(row: Row) -> _Member:
    en, de, groups = row.cells
    return _Member(Fixed(en, alternatives(de)), (row.section, *groups.split()))
