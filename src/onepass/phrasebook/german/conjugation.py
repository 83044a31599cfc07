"""German conjugation: the finite forms of verbs, participles, imperatives and infinitives with zu."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from onepass.phrasebook.meaning import GermanVerb
from onepass.phrasebook.source_files import table
from onepass.text.tables import Row, read_sections

PERSONS = ("ich", "du", "er", "wir", "ihr", "sie")
INSEPARABLE = ("be", "emp", "ent", "er", "ver", "zer", "miss", "über", "unter", "wieder", "gehör")


class Irregular(NamedTuple):
    """The forms of an irregular verb that follow no rule; the Präteritum is that of ich."""

    du: str
    er: str
    past: str
    participle: str


@cache
def present(infinitive: str, who: str) -> str:
    """Return the present tense of a verb without its separable prefix."""
    if infinitive in _finite():
        return _finite()[infinitive][PERSONS.index(who)]
    if infinitive in _irregular() and who in ("du", "er"):
        forms = _irregular()[infinitive]
        return forms.du if who == "du" else forms.er
    stem = _stem(infinitive)
    if who in ("wir", "sie"):
        return infinitive
    if who == "ich":
        return stem[:-2] + "le" if stem.endswith("el") else stem + "e"
    e = "e" if _needs_e(stem) else ""
    if who == "du":
        return stem + ("t" if stem[-1] in "sßzx" else e + "st")
    return stem + e + "t"


@cache
def past(infinitive: str, who: str) -> str:
    """Return the Präteritum; du and ihr exist only for haben, sein and the modals, as in speech."""
    if infinitive in ("haben", "sein"):
        return present({"haben": "hatte", "sein": "war"}[infinitive], who)
    if who in ("du", "ihr"):
        raise ValueError(f"no Präteritum of {infinitive} for {who}")
    if infinitive in _irregular():
        form = _irregular()[infinitive].past
        plural = "n" if form.endswith("e") else "en"
    else:
        stem = _stem(infinitive)
        form, plural = stem + ("ete" if _needs_e(stem) else "te"), "n"
    return form + (plural if who in ("wir", "sie") else "")


@cache
def participle(verb: GermanVerb) -> str:
    """Return the past participle with its separable prefix: angerufen, vorbereitet, telefoniert."""
    infinitive = verb.infinitive
    if infinitive in _irregular():
        return verb.prefix + _irregular()[infinitive].participle
    stem = _stem(infinitive)
    ge = "" if infinitive.endswith("ieren") or infinitive.startswith(INSEPARABLE) else "ge"
    return verb.prefix + ge + stem + ("et" if _needs_e(stem) else "t")


def zu_infinitive(verb: GermanVerb) -> str:
    """Return the infinitive with zu: anzurufen, zu kaufen."""
    return f"{verb.prefix}zu{verb.infinitive}" if verb.prefix else f"zu {verb.infinitive}"


@cache
def imperative(infinitive: str, address: str) -> str:
    """Return the imperative without its prefix: gib, warte, gebt, geben Sie."""
    if address == "Sie":
        return ("seien" if infinitive == "sein" else infinitive) + " Sie"
    if address == "ihr":
        return present(infinitive, "ihr")
    stem = _stem(infinitive)
    if infinitive in _irregular():
        er = _irregular()[infinitive].er
        if "e" in stem and "i" in er and er[:-1] != stem:  # geben -> gib, but fahren -> fahr
            return er[:-1]
    if stem.endswith("el"):
        return stem[:-2] + "le"
    return stem + ("e" if _needs_e(stem) or stem.endswith(("er", "ig")) else "")


def _stem(infinitive: str) -> str:
    return infinitive[:-2] if infinitive.endswith("en") else infinitive[:-1]


def _needs_e(stem: str) -> bool:
    """arbeit-et, öffn-et, but lern-t, wohn-t."""
    return stem[-1] in "dt" or (stem[-1] in "mn" and stem[-2] not in "aeiouäöülrhmn")


@cache
def _finite() -> dict[str, tuple[str, ...]]:
    """The verbs whose finite forms follow no rule, in the order of PERSONS."""
    return {row[0]: row[1:] for row in _sections()["finite"]}


@cache
def _irregular() -> dict[str, Irregular]:
    return {infinitive: Irregular(*forms) for infinitive, *forms in _sections()["irregular"]}


@cache
def _sections() -> dict[str, tuple[tuple[str, ...], ...]]:
    return read_sections(table("german_verbs"), _forms, columns=7, least=5)


def _forms(row: Row) -> tuple[str, ...]:
    wanted = {"irregular": 5, "finite": 7}.get(row.section, 0)
    forms = tuple(filter(None, row.cells))
    if len(forms) != wanted:
        raise ValueError(f"it has {len(forms)} forms instead of {wanted}")
    return forms
