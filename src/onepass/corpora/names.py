"""Names that are written alike in the languages of Europe."""

from __future__ import annotations

from functools import cache

from onepass.text.tables import packaged, read_lists


@cache
def names() -> tuple[tuple[str, ...], ...]:
    """Names of women, of men, of places and of families: one may take the place of another of its group."""
    return tuple(read_lists(packaged("onepass.corpora", "names"), str).values())
