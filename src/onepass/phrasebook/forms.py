"""The forms of verbs by how often sentences have them, and which modals are of the past."""

from __future__ import annotations

from functools import cache

from onepass.phrasebook.source_files import table
from onepass.text.tables import Row, read_sections

PAST_MODALS = ("was able to", "had to", "wanted to")
PRESENT_MODALS = ("can", "must", "have to", "want to", "should", "would like to", "may", "could")


@cache
def forms(sentence: str) -> tuple[str, ...]:
    """Return the forms of a `statement` or a `question`, each as often as its weight says."""
    return tuple(form for form, weight in _weights()[sentence] for _ in range(weight))


@cache
def _weights() -> dict[str, tuple[tuple[str, int], ...]]:
    return read_sections(table("forms"), _weight, columns=2)


def _weight(row: Row) -> tuple[str, int]:
    form, weight = row.cells
    return form, int(weight)
