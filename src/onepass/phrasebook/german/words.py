"""Small German words by section: those of `german_words.txt`, and the pronouns of `german_pronouns.txt`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from onepass.phrasebook.source_files import table
from onepass.text.tables import Row, alternatives, read_sections

CASES = "nadg"


@cache
def german_words(section: str) -> Mapping[str, str]:
    """Return German words by what they are said for, such as determiners by the English one."""
    return dict(_words()[section])


@cache
def pronoun(section: str, who: str, case: str) -> str:
    """Return a pronoun of a section in its case; it has no genitive."""
    return _pronouns()[section][who][CASES.index(case)]


@cache
def modals(form: str) -> tuple[str, ...]:
    """Return the German modals of a form of English clauses; none if it is no modal."""
    return alternatives(german_words("modal").get(form, ""))


@cache
def _words() -> dict[str, tuple[tuple[str, str], ...]]:
    return read_sections(table("german_words"), _pair, columns=2)


def _pair(row: Row) -> tuple[str, str]:
    name, word = row.cells
    return name, word


@cache
def _pronouns() -> dict[str, dict[str, tuple[str, ...]]]:
    sections = read_sections(table("german_pronouns"), lambda row: row.cells, columns=4)
    return {section: {row[0]: row[1:] for row in rows} for section, rows in sections.items()}
