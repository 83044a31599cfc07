"""Locations: where things are, where they are put and what there is in a place."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

from onepass.phrasebook import english, german, people, things
from onepass.phrasebook.meaning import NP, Fixed, Noun
from onepass.phrasebook.nouns import noun, nouns_of
from onepass.phrasebook.people import ME, YOU
from onepass.phrasebook.phrases import numeral
from onepass.phrasebook.sampler import Sampler
from onepass.phrasebook.scenes.utterance import Utterance
from onepass.phrasebook.source_files import table
from onepass.phrasebook.voice import Voice
from onepass.text.tables import Row, alternatives, read_records


class Spot(NamedTuple):
    """A place for things: English and German preposition, and the nouns that they suit."""

    en: str
    de: str
    nouns: tuple[Noun, ...]


class Container(NamedTuple):
    """A place and the classes of noun that are found there."""

    place: Fixed
    classes: frozenset[str]


def whereabouts(s: Sampler) -> Utterance:
    """The keys are on the kitchen table."""
    spot = s.one(_spots())
    landmark = NP(s.one(spot.nouns), "the")
    lying = s.chance(0.6)
    found = s.one(nouns_of("lies" if lying else "stands"))
    covers = spot.en in ("on", "in", "under")
    while found is landmark.noun or (not lying and covers and "furniture" in found.classes):
        found, lying = s.one(nouns_of("lies")), True
    if "bag" in landmark.noun.classes and not (lying and _fits_into_a_bag(found)):
        found, lying = s.one(nouns_of("tiny")), True
    np = _one_or_several(s, found, ("the", "my", "your", "our"))
    stand = ("liegt", "liegen") if lying else ("steht", "stehen")
    question = s.chance(0.25)

    def say(v: Voice) -> str:
        many = german.person(np, v) == "sie"
        verb = v.pick((stand[many], ("ist", "sind")[many]))
        where = german.prepositional(spot.de, "d", landmark, v)
        what = german.nominal(np, "n", v)
        if question:
            return f"{verb} {what} {where}?"
        return f"{where} {verb} {what}." if v.chance(0.15) else f"{what} {verb} {where}."

    be = english.be(np)
    where = f"{spot.en} {english.nominal(landmark)}"
    text = f"{be} {english.nominal(np)} {where}?" if question else f"{english.nominal(np)} {be} {where}."
    return Utterance(text, say)


def putting(s: Sampler) -> Utterance:
    """Put the cups on the table, please."""
    spot = s.one(_spots())
    landmark = NP(s.one(spot.nouns), "the")
    in_bag = "bag" in landmark.noun.classes
    lying = s.chance(0.6)
    found = s.one(nouns_of("lies" if lying else "stands"))
    while found is landmark.noun or "furniture" in found.classes or (in_bag and not _fits_into_a_bag(found)):
        found, lying = s.one(nouns_of("lies")), True
    np = _one_or_several(s, found, ("the", "the", "my", "this"))
    past = s.chance(0.4)
    who = people.subject(s) if past else YOU
    what, where = english.nominal(np), f"{spot.en} {english.nominal(landmark)}"

    def say(v: Voice) -> str:
        goal = german.prepositional(spot.de, "a", landmark, v)
        thing = german.nominal(np, "a", v)
        if past:
            has = german.present("haben", german.person(who, v))
            return f"{german.nominal(who, 'n', v)} {has} {thing} {goal} {'gelegt' if lying else 'gestellt'}."
        put = german.imperative("legen" if lying else "stellen", v.address)
        return f"bitte {put} {thing} {goal}." if v.chance(0.5) else f"{put} {thing} bitte {goal}."

    asked = f"Please put {what} {where}."
    return Utterance(f"{english.nominal(who, subject=True)} put {what} {where}." if past else asked, say)


def there_is(s: Sampler) -> Utterance:
    """There are three bottles in the fridge."""
    place, classes = s.one(_containers())
    np = things.thing(s, classes, ME, indefinite=1.0)
    while np.det not in ("a", "some") and numeral(np.det) is None:
        np = things.thing(s, classes, ME, indefinite=1.0)
    still = s.chance(0.25)
    be = "are" if english.is_plural(np) else "is"

    def say(v: Voice) -> str:
        many = german.person(np, v) == "sie" and np.det != "a"
        noch = "noch " if still else ""
        what = german.nominal(np, "n", v)
        where, is_ = place.de[0], ("ist", "sind")[many]
        if v.chance(0.5):
            return f"{where} {is_} {noch}{what}."
        if v.chance(0.4):
            return f"es {is_} {noch}{what} {where}."
        return f"{where} gibt es {noch}{german.nominal(np, 'a', v)}."

    return Utterance(f"There {be} {'still ' if still else ''}{english.nominal(np)} {place.en}.", say)


def _one_or_several(s: Sampler, found: Noun, determiners: Sequence[str]) -> NP:
    plural = not found.en or (bool(found.en_plural) and ("many" in found.classes or s.chance(0.2)))
    return NP(found, s.one(determiners), plural=plural)


def _fits_into_a_bag(found: Noun) -> bool:
    return bool(found.classes & {"tiny", "clothes"})


@cache
def _spots() -> tuple[Spot, ...]:
    return read_records(table("spots"), _spot, columns=3)


def _spot(row: Row) -> Spot:
    en, de, nouns = row.cells
    return Spot(en, de, tuple(noun(name) for name in alternatives(nouns)))


@cache
def _containers() -> tuple[Container, ...]:
    return read_records(table("containers"), _container, columns=3)


def _container(row: Row) -> Container:
    en, de, classes = row.cells
    return Container(Fixed(en, (de,)), frozenset(classes.split()))
