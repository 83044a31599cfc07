"""German declension: determiners, attributive adjectives and nouns, by `german_endings.txt`."""

from __future__ import annotations

from functools import cache

from onepass.phrasebook.german.words import CASES, german_words
from onepass.phrasebook.meaning import GermanNoun
from onepass.phrasebook.source_files import table
from onepass.text.tables import read_sections

GENITIVE_ES = {"Freund", "Arzt", "Zahnarzt", "Sohn", "Mann", "Ehemann", "Kind", "Gast"}


@cache
def determiner(word: str, gender: str, case: str) -> str:
    """Return a German determiner (`der`, `ein`, `mein`, `dies`, `euer`, ...) with its ending."""
    if word == "der":
        return _ending("article", gender, case)
    if word in _der_words():
        return word + _ending("der", gender, case)
    ending = _ending("ein", gender, case)
    return ("eur" if word == "euer" and ending else word) + ending


@cache
def adjective(word: str, gender: str, case: str, before: str) -> str:
    """Return an attributive adjective after `before`: a der-word, an ein-word, or nothing (strong)."""
    stem = word
    if word == "hoch":
        stem = "hoh"
    elif word.endswith(("uer", "bel", "kel", "xibel")):  # teuer -> teure, dunkel -> dunkle
        stem = word[:-2] + word[-1]
    elif word.endswith("e"):
        stem = word[:-1]
    if before == "der" or before in _der_words():
        declension = "weak"
    elif before in german_words("ein").values() or before in german_words("your").values():
        declension = "mixed"
    else:
        declension = "strong"
    return stem + _ending(declension, gender, case)


@cache
def noun_form(noun: GermanNoun, plural: bool, case: str) -> str:
    """Return the noun in its case: dative plural -n, weak masculines -(e)n, genitive -(e)s."""
    if plural or noun.gender == "p":
        needs_n = case == "d" and not noun.plural.endswith(("n", "s"))
        return noun.plural + ("n" if needs_n else "")
    if noun.weak and case != "n":
        return noun.singular + ("n" if noun.singular[-1] in "er" else "en")
    if case == "g" and noun.gender in "mn":
        return noun.singular + ("es" if noun.singular in GENITIVE_ES or noun.singular[-1] in "sßxz" else "s")
    return noun.singular


def _der_words() -> frozenset[str]:
    return frozenset(german_words("der").values())


def _ending(declension: str, gender: str, case: str) -> str:
    return _endings()[declension][gender][CASES.index(case)]


@cache
def _endings() -> dict[str, dict[str, tuple[str, ...]]]:
    """The endings by declension and gender, in the order of CASES."""
    sections = read_sections(table("german_endings"), lambda row: row.cells, columns=5)
    return {declension: {row[0]: row[1:] for row in rows} for declension, rows in sections.items()}
