"""The slots of templates: draws what fills them, by the fillers that `templates.txt` describes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache

from onepass.errors import DataError
from onepass.phrasebook import clauses, people, things, times
from onepass.phrasebook.adjectives import adjective_group, adjectives
from onepass.phrasebook.german.declension import determiner
from onepass.phrasebook.meaning import NP, Both, Clause, Fixed, Nominal, Noun, Pronoun, Value, Verb
from onepass.phrasebook.moments import spoken_time, time_of_day
from onepass.phrasebook.nouns import noun_group, nouns_of
from onepass.phrasebook.people import ME, SHE, THEY, WE, WHO, YOU
from onepass.phrasebook.phrases import phrase_groups, phrases
from onepass.phrasebook.sampler import Sampler
from onepass.phrasebook.templates import Filler
from onepass.phrasebook.verbs import actions, favours, pastimes

Filled = Mapping[str, Value]
"""The slots of a template that are filled already."""

SUBJECTS = {"I": ME, "you": YOU, "we": WE, "they": THEY, "one": THEY}
WITHOUT_ADJECTIVE = frozenset({"place", "body", "transport", "person"})


def fill(s: Sampler, filler: Filler, filled: Filled) -> Value:
    """Return a value for a slot.

    Args:
        s: draws.
        filler: what fills it.
        filled: the slots before it.

    Raises:
        DataError: there is no such filler.
    """
    if filler.name in FILLERS:
        return FILLERS[filler.name](s, filler, filled)
    if filler.name not in phrase_groups():
        allowed = ", ".join(sorted({*FILLERS, *phrase_groups()}))
        raise DataError("A template has a slot that nothing fills", value=filler.name, allowed=allowed)
    return s.one(phrases(filler.name))


# --- noun phrases ------------------------------------------------------------------------


def _noun_phrase(s: Sampler, filler: Filler, filled: Filled) -> NP:
    np = _plain_noun_phrase(s, filler, filled)
    if np.det and s.chance(0.2) and not np.noun.classes & WITHOUT_ADJECTIVE:
        return NP(np.noun, np.det, things.adjective(s, np.noun), np.plural)
    return np


def _plain_noun_phrase(s: Sampler, filler: Filler, _: Filled) -> NP:
    det = s.one(filler.choices)
    options = _options(filler.of)
    found = s.one(options)
    while (det in ("a", "bare-plural", "order") and not things.may_be_bare(found)) or (
        det == "bare-plural" and not found.en_plural
    ):
        found = s.one(options)
    if det in ("bare", "bare-plural"):
        return NP(found, "", plural=_plural_of_bare(found, always=filler.choices == ("bare-plural",)))
    if det == "a":
        return _any(found)
    many = "many" in found.classes
    if det == "order":  # as on a menu
        return NP(found, "a" if found.en_plural and not many else "", plural=many or not found.en)
    several = many or ("counted" in found.classes and det == "the")
    return NP(found, det, plural=not found.en or (several and bool(found.en_plural)))


@cache
def _options(names: tuple[str, ...]) -> tuple[Noun, ...]:
    """The nouns of groups and, after them, of the classes that are no groups."""
    classes = [name for name in names if not noun_group(name)]
    grouped = (noun for name in names for noun in noun_group(name))
    return (*grouped, *(nouns_of(*classes) if classes else ()))


def _plural_of_bare(found: Noun, *, always: bool) -> bool:
    """Whether a noun without article is plural."""
    if always:
        return bool(found.en_plural)
    classes = found.classes
    if classes & {"many", "counted"} and not classes & {"body", "bag", "home"}:
        return bool(found.en_plural)
    food = "food" in classes and "dish" not in classes
    return not found.en or (bool(found.en_plural) and food)


def _any(found: Noun) -> NP:
    """Any one of what can be counted, some of the rest."""
    if "many" in found.classes:
        return NP(found, "some", plural=True)
    if not found.en_plural and found.classes & {"food", "drink", "mass", "cooked"}:
        return NP(found, "" if "dish" in found.classes else "some", plural=not found.en)
    return NP(found, "a", plural=not found.en)


def _it(_: Sampler, filler: Filler, filled: Filled) -> Pronoun:
    np = filled[filler.of[0]]
    assert isinstance(np, NP)
    return Pronoun("they" if np.plural or not np.noun.en else "it", np.noun)


# --- people ------------------------------------------------------------------------------


def _he(_: Sampler, filler: Filler, filled: Filled) -> Pronoun:
    np = filled[filler.of[0]]
    assert isinstance(np, NP)
    return people.pronoun(np) or SHE


def _relative(s: Sampler, filler: Filler, _: Filled) -> NP:
    """Somebody of whom English tells he from she, or several."""
    adult = filler.name == "adult"
    found = people.relative(s, adult=adult)
    while not people.sex(found) and found.noun.en:
        found = people.relative(s, adult=adult)
    return NP(found.noun, found.det, plural=not found.noun.en)


def _name_or_person(s: Sampler, _: Filler, __: Filled) -> Nominal:
    return people.relative(s, singular=True) if s.chance(0.3) else people.name(s)


# --- clauses -----------------------------------------------------------------------------


def _clause(s: Sampler, filler: Filler, _: Filled) -> Clause:
    wanted = filler.of[0]
    form = s.one(filler.choices)
    who: Nominal | None = SUBJECTS.get(wanted)
    while who is None or (wanted == "third" and (who in (ME, WE) or isinstance(who, Both))):
        who = people.subject(s)
    return clauses.declare(s, form, who, negative=0.0 if wanted == "third" else 0.12)


def _act(s: Sampler, filler: Filler, _: Filled) -> Clause:
    who = filler.of[0]
    negative = float(filler.name == "unneeded")
    verbs = _acts(filler.name)
    c = clauses.action(s, "infinitive", who=SUBJECTS[who], verbs=verbs, timed=False, negative=negative)
    return clauses.impersonal(c) if who in ("they", "one") else c


def _acts(name: str) -> tuple[Verb, ...]:
    if name in ("office-act", "pleasure", "chore"):
        return pastimes(name.removesuffix("-act"))
    return favours() if name == "favour" else actions()


def _plan(s: Sampler, filler: Filler, _: Filled) -> Clause:
    form = s.one(("will", "can", "want to"))
    return clauses.action(s, form, who=WE, verbs=pastimes(filler.of[0]), timed=False, negative=0)


def _untimed(s: Sampler, filler: Filler, _: Filled) -> Clause:
    who = WHO if filler.name == "who" else None
    return clauses.action(s, s.one(filler.choices), who=who, timed=False, negative=0)


# --- numbers and phrases -----------------------------------------------------------------


def _price(s: Sampler, _: Filler, __: Filled) -> Fixed:
    cents = s.one((0, 0, 50, 90, 99))
    return times.price(s.number(2, 90), cents)


def _date(s: Sampler, _: Filler, __: Filled) -> Fixed:
    return times.date(s.one(phrases("ordinal")), s.one(phrases("month")))


def _period(s: Sampler, _: Filler, __: Filled) -> Fixed:
    month = s.one(phrases("month"))
    first = s.number(1, 20)
    return times.period(first, first + s.number(2, 9), month)


def _phone(s: Sampler, _: Filler, __: Filled) -> Fixed:
    return _figures("555 " + "".join(str(s.number(0, 10)) for _ in range(3)))


def _other_phrase(s: Sampler, filler: Filler, filled: Filled) -> Fixed:
    """`city2`: another city than those in the slots before it."""
    taken = {part.en for part in filled.values() if isinstance(part, Fixed)}
    return s.one([part for part in phrases(filler.name.removesuffix("2")) if part.en not in taken])


def _beside(s: Sampler, _: Filler, __: Filled) -> Fixed:
    """Where a building stands."""
    near = s.one(nouns_of("city", "sight"))
    preposition = s.one(phrases("beside-building"))
    building = near.de[0]
    de = f"{preposition.de[0]} {determiner('der', building.gender, 'd')}".replace("von dem", "vom")
    return Fixed(f"{preposition.en} the {near.en}", (f"{de} {building.singular}",))


def _adjective(s: Sampler, filler: Filler, _: Filled) -> Fixed:
    """A quality of a group of adjectives; a colour is a noun in German."""
    word = s.one([word for word in adjectives() if word.en in adjective_group(filler.name)])
    return Fixed(word.en, (word.de[0].capitalize(),) if filler.name == "colour" else word.de)


def _figures(number: object) -> Fixed:
    return Fixed(str(number), (str(number),))


ROOM_NUMBERS = (*range(101, 120), *range(201, 220), *range(301, 320))

FILLERS: Mapping[str, Callable[[Sampler, Filler, Filled], Value]] = {
    "np": _noun_phrase,
    "plain-np": _plain_noun_phrase,
    "it": _it,
    "he": _he,
    "family": _relative,
    "adult": _relative,
    "name": lambda s, *_: people.name(s),
    "owner": lambda s, *_: people.relative(s),
    "name-or-person": _name_or_person,
    "repairer": lambda s, *_: NP(s.one(noun_group("handyman")), "the"),
    "clause": _clause,
    "act": _act,
    "office-act": _act,
    "pleasure": _act,
    "chore": _act,
    "unneeded": _act,
    "favour": _act,
    "plan": _plan,
    "untimed": _untimed,
    "who": _untimed,
    "time": lambda s, *_: time_of_day(s),
    "clock": lambda s, *_: spoken_time(s),
    "morning-clock": lambda s, *_: spoken_time(s, 6, 10),
    "evening-clock": lambda s, *_: spoken_time(s, 8, 11),
    "morning": lambda s, *_: times.clock(s.one((6, 7)), s.one((0, 2))),
    "late-morning": lambda s, *_: times.clock(s.one((9, 10)), s.one((0, 2))),
    "price": _price,
    "date": _date,
    "period": _period,
    "phone": _phone,
    "count": lambda s, *_: _figures(s.one(range(1, 25))),
    "tens": lambda s, *_: _figures(s.one((5, 8, 10, 12, 15, 20, 25, 30))),
    "room-number": lambda s, *_: _figures(s.one(ROOM_NUMBERS)),
    "city2": _other_phrase,
    "day2": _other_phrase,
    "language2": _other_phrase,
    "beside": _beside,
    "colour": _adjective,
    "fit": _adjective,
    "praise": _adjective,
}
"""How each filler is drawn; any other is a group of phrases."""
