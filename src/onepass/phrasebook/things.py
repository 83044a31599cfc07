"""Things and places as noun phrases: with article, number, owner and an adjective that makes sense."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import replace
from typing import NamedTuple

from onepass.phrasebook import people
from onepass.phrasebook.adjectives import adjective_group, adjectives_of
from onepass.phrasebook.meaning import NP, Adjective, Located, Name, Nominal, Noun
from onepass.phrasebook.nouns import nouns, nouns_of
from onepass.phrasebook.people import WHO
from onepass.phrasebook.phrases import numeral
from onepass.phrasebook.sampler import Sampler
from onepass.phrasebook.verbs import verb_group

UNIQUE = frozenset({"installed", "transport", "place", "built", "animal", "event", "repairer", "meal"})
"""Classes of what there is one of: it is neither any one nor one of several."""
UNOWNED = frozenset(
    {"food", "drink", "cooked", "installed", "transport", "place", "built", "sight", "watched"}
)
GENERAL = frozenset({"food", "drink", "document", "plant", "leisure-read", "sight"})
COMPARED = frozenset({"clothes", "furniture", "vehicle", "device", "bag", "drink"})


class Comparison(NamedTuple):
    """Two things and the quality that one of them has more of."""

    first: NP
    second: NP
    adjective: Adjective


def thing(s: Sampler, classes: Set[str], who: Nominal, *, verb: str = "", indefinite: float = 0.35) -> NP:
    """Return a noun phrase of one of the classes, with article and perhaps an adjective and an owner.

    Args:
        s: draws.
        classes: of noun.
        who: the subject, who may be the owner.
        verb: the English frame of what is done to it.
        indefinite: how often it is any one.
    """
    found = s.one(nouns_of(*classes))
    roll = s.random.random()
    if found.classes & {"person", "family"}:
        person = people.person(s, found.classes, who)
        assert isinstance(person, NP)
        return person
    plural, owner = not found.en, None
    unique = bool(found.classes & UNIQUE)
    many = bool(found.en_plural) and "many" in found.classes
    det = "the"
    if not unique and roll < indefinite and may_be_bare(found):
        det, plural = _indefinite(s, found)
    elif roll < 0.55 and not found.classes & UNOWNED:
        det = people.possessive(who)
        if det == "the" and who != WHO and s.chance(0.5):
            owner = _owner(s)
    elif roll < 0.65 and not unique and "mass" not in found.classes:
        det, plural = "this", plural or many
    else:
        plural = plural or many or (bool(found.en_plural) and not unique and s.chance(0.15))
    plural = plural or (det == "the" and many)
    return NP(found, det, adjective(s, found, verb) if s.chance(0.3) else None, plural, owner)


def _indefinite(s: Sampler, found: Noun) -> tuple[str, bool]:
    """Return a determiner without definiteness, and whether the noun is plural."""
    if not found.en_plural or (found.classes & {"food", "drink"} and not found.en):
        return s.one(("some", "")), not found.en
    if not found.en:
        return "", True
    if "cooked" in found.classes:
        return "a", False
    if "many" in found.classes:
        return s.one(("some", "", "two", "three", "five", "ten")), True
    if "counted" in found.classes and s.chance(0.5):
        return s.one(("some", "two", "three", "four", "six")), True
    if s.chance(0.12) and "food" not in found.classes:
        return s.one(("two", "three")), True
    return "a", False


def _owner(s: Sampler) -> Name | NP:
    first_name = Name(s.one(people.first_names("women") + people.first_names("men")))
    relative = people.relative(s, singular=True)
    return first_name if s.chance(0.5) or "work" in relative.noun.classes else NP(relative.noun, "my")


def adjective(s: Sampler, found: Noun, verb: str = "") -> Adjective | None:
    """Return an adjective that suits the noun and does not clash with the verb."""
    options = adjectives_of(found)
    if not options:
        return None
    word = s.one(options)
    mending = verb.split(" ")[0] in verb_group("mending")
    unsuited = adjective_group("sound" if mending else "fault")
    return None if word.en in unsuited else word


def place(s: Sampler, classes: Set[str]) -> Located:
    """Return where something happens."""
    found = s.one(nouns_of(*classes))
    return Located(found.at, found.at_de, NP(found, "the"))


def goal(s: Sampler, classes: Set[str]) -> Located:
    """Return where somebody goes."""
    return to(s.one(nouns_of(*classes)))


def to(found: Noun) -> Located:
    """Return the way to a place."""
    return Located(found.to, found.to_de, NP(found, "the"))


def comparison(s: Sampler) -> Comparison:
    """Return two things of a class and what sets them apart."""
    while True:
        first = s.one(nouns())
        if first.classes & COMPARED and first.en:
            words = [a for a in adjectives_of(first) if a.comparative is not None]
            if words:
                break
    word = s.one(words)
    second = first
    while second is first or not second.en or word not in adjectives_of(second):
        second = s.one(nouns_of(*(first.classes & COMPARED)))
        if s.chance(0.05):
            return comparison(s)
    return Comparison(NP(first, s.one(("the", "this", "my"))), NP(second, s.one(("the", "your"))), word)


def may_be_bare(found: Noun) -> bool:
    """Trousers have an article that differs in number between the languages: leave them definite."""
    return bool(found.en) or all(word.gender == "p" for word in found.de)


def generic(part: Nominal) -> Nominal:
    """What one does as a habit is done to things in general: We often sign forms."""
    if isinstance(part, NP) and part.det == "a" and part.noun.en_plural:
        general = bool(part.noun.classes & GENERAL)
        return NP(part.noun, "" if general else "the", part.adjective, plural=general)
    return part


def countless(part: Nominal) -> Nominal:
    """Three of something that were not bought are `the` ones."""
    return replace(part, det="the") if isinstance(part, NP) and numeral(part.det) is not None else part
