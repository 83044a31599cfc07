"""People: who does something, to whom it is done, and what English says of them."""

from __future__ import annotations

from collections.abc import Set
from functools import cache

from onepass.phrasebook.meaning import NP, Both, Name, Nominal, Pronoun
from onepass.phrasebook.nouns import noun_group, nouns_of
from onepass.phrasebook.sampler import Sampler
from onepass.phrasebook.source_files import table
from onepass.text.tables import read_lists

ME, YOU, HE, SHE, WE, THEY, WHO = (Pronoun(word) for word in ("I", "you", "he", "she", "we", "they", "who"))
POSSESSIVE = {"I": "my", "you": "your", "he": "his", "she": "her", "we": "our", "they": "their"}
SPOUSES = {
    # whose they are not, as in `my and her wife`
    "husband": ("our", "your", "their", "his"),
    "wife": ("our", "your", "their", "her"),
}


@cache
def first_names(sex: str) -> tuple[str, ...]:
    """Return the first names of `women` or of `men`."""
    return _names()[sex]


def name(s: Sampler) -> Name:
    """Return a first name or a surname with its title."""
    if s.chance(0.6):
        return Name(s.one(first_names("women" if s.chance(0.5) else "men")))
    return Name(s.one(_names()["surnames"]), s.one(("Mr", "Mrs")))


def relative(s: Sampler, *, singular: bool = False, adult: bool = False) -> NP:
    """Return `my sister`, `our grandparents`."""
    found = s.one(nouns_of("family"))
    while (singular and not found.en) or (adult and "young" in found.classes):
        found = s.one(nouns_of("family"))
    return NP(found, s.one(("my", "my", "our")) if found.en not in SPOUSES else "my")


def subject(s: Sampler) -> Nominal:
    """Return somebody who does something."""
    roll = s.random.random()
    if roll < 0.28:
        return ME
    if roll < 0.45:
        return WE
    if roll < 0.62:
        return s.one((HE, SHE, THEY))
    if roll < 0.75:
        return name(s)
    if roll < 0.92:
        return relative(s)
    if roll < 0.96:
        return NP(s.one(nouns_of("work")), s.one(("my", "our")), plural=False)
    if s.chance(0.5):
        return Both(relative(s, singular=True), ME)
    return Both(Name(s.one(first_names("women"))), Name(s.one(first_names("men"))))


def possessive(who: Nominal) -> str:
    """Return the possessive that fits a subject: her key, my key; `the` if English does not tell."""
    if isinstance(who, Pronoun):
        return POSSESSIVE.get(who.en, "the")
    if isinstance(who, Both):
        return "our" if who.second == ME else "their"
    return {"f": "her", "m": "his"}.get(sex(who), "the")


def person(s: Sampler, classes: Set[str], who: Nominal) -> Nominal:
    """Return a person of one of the classes to whom the subject does something."""
    if "mine" in classes and s.chance(0.2):
        found_name = name(s)
        return found_name if found_name != who else Name("Tim")
    if "mine" in classes and s.chance(0.15) and isinstance(who, NP | Name):
        return s.one((ME, WE))
    found = s.one(nouns_of(*classes))
    det = "the"
    if "mine" in found.classes or "work" in found.classes:
        theirs = possessive(who)
        det = theirs if theirs != "the" and s.chance(0.6) else "my"
        if who in (YOU, WE):
            det = possessive(who)
        if det in SPOUSES.get(found.en, ()):
            return person(s, classes, who)
    return NP(found, det, plural=not found.en)


def somebody(s: Sampler, classes: Set[str], who: Nominal) -> Nominal:
    """Return a person of one of the classes who is not the subject, nor part of it."""
    parts = (who.first, who.second) if isinstance(who, Both) else (who,)
    taken = {part.noun for part in parts if isinstance(part, NP)}
    found = person(s, classes, who)
    while (isinstance(found, NP) and found.noun in taken) or found in parts:
        found = person(s, classes, who)
    return found


def sex(who: Name | NP) -> str:
    """Return m, f or nothing if English does not tell."""
    if isinstance(who, NP):
        sexes = {"m": "male", "f": "female"}
        return next((sex for sex, group in sexes.items() if who.noun in noun_group(group)), "")
    if who.title:
        return "m" if who.title == "Mr" else "f"
    return "f" if who.name in first_names("women") else "m"


def pronoun(who: Name | NP) -> Pronoun | None:
    """Return the pronoun for a person; None if English does not tell he from she."""
    if isinstance(who, NP) and not who.noun.en:
        return THEY
    return {"m": HE, "f": SHE}.get(sex(who))


@cache
def _names() -> dict[str, tuple[str, ...]]:
    return read_lists(table("names"), str)
