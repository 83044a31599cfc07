"""The nouns of `nouns.txt`, by name, by semantic class and by the groups of `noun_groups.txt`."""

from __future__ import annotations

from functools import cache

from onepass.errors import DataError
from onepass.phrasebook.meaning import GermanNoun, Noun
from onepass.phrasebook.source_files import table
from onepass.text.tables import Row, alternatives, read_lists, read_records

GENDERS = {"der": "m", "die": "f", "das": "n"}


@cache
def nouns() -> tuple[Noun, ...]:
    """Return all nouns."""
    return read_records(table("nouns"), _noun, columns=8, least=3)


@cache
def nouns_of(*classes: str) -> tuple[Noun, ...]:
    """Return the nouns that belong to any of the classes.

    Raises:
        DataError: there is none.
    """
    found = tuple(noun for noun in nouns() if not noun.classes.isdisjoint(classes))
    if not found:
        raise DataError("No noun belongs to these classes", value=", ".join(classes))
    return found


@cache
def noun(en: str) -> Noun:
    """Return the noun with this English singular or plural.

    Raises:
        ValueError: there is none.
    """
    for found in nouns():
        if en in (found.en, found.en_plural):
            return found
    raise ValueError(f"there is no noun {en!r}")


def noun_group(name: str) -> tuple[Noun, ...]:
    """Return the nouns of a group, in its order; none if there is no such group."""
    return _groups().get(name, ())


@cache
def _groups() -> dict[str, tuple[Noun, ...]]:
    return read_lists(table("noun_groups"), noun)


def _noun(row: Row) -> Noun:
    en, en_plural, de, classes, at, to, at_de, to_de = row.cells
    return Noun(
        en,
        en_plural,
        tuple(_german(word) for word in alternatives(de)),
        frozenset(row.section.split()) | frozenset(classes.split()),
        at,
        to,
        alternatives(at_de),
        alternatives(to_de),
    )


def _german(text: str) -> GermanNoun:
    """Parse `der Apfel/Äpfel` or `der Kollege/Kollegen*`."""
    article, _, forms = text.partition(" ")
    singular, slash, plural = forms.rstrip("*").partition("/")
    if article not in GENDERS or not slash:
        raise ValueError(f"{text!r} is not `article singular/plural`")
    gender = GENDERS[article] if singular != "-" else "p"
    return GermanNoun(
        gender, "" if singular == "-" else singular, "" if plural == "-" else plural, forms.endswith("*")
    )
