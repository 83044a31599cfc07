"""Complex sentences: reasons, conditions, purposes and relative clauses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import NamedTuple

from onepass.phrasebook import clauses, english, german, people, things
from onepass.phrasebook.adjectives import adjectives_of
from onepass.phrasebook.meaning import NP, Both, Clause, Name, Nominal, Quality, Verb
from onepass.phrasebook.moments import moment
from onepass.phrasebook.nouns import nouns_of
from onepass.phrasebook.people import ME, THEY, WE
from onepass.phrasebook.phrases import phrase
from onepass.phrasebook.sampler import Sampler
from onepass.phrasebook.scenes.set_phrases import address
from onepass.phrasebook.scenes.utterance import Utterance
from onepass.phrasebook.source_files import table
from onepass.phrasebook.verbs import actions, pastimes, verb, verbs, verbs_in
from onepass.phrasebook.voice import Voice
from onepass.text.tables import Row, alternatives, read_records


class Reason(NamedTuple):
    """A reason that is nobody's own.

    Attributes:
        en: English.
        last: German with the verb at the end.
        second: German with the verb in second place.
        groups: what it is a reason for.
    """

    en: str
    last: tuple[str, ...]
    second: tuple[str, ...]
    groups: frozenset[str]


class Condition(NamedTuple):
    """A condition in English and German (the verb at the end), and the group of verbs of what follows."""

    en: str
    de: tuple[str, ...]
    group: str


class Errand(NamedTuple):
    """What one goes to a place for: a verb and the classes of its object, none if it has no object."""

    place: str
    verb: Verb
    classes: frozenset[str]


def because(s: Sampler) -> Utterance:
    """I couldn't call you because I had no time."""
    who = _referable(s)
    form = s.one(("past", "was able to", "wanted to"))
    main = clauses.action(s, form, who=who, verbs=_deliberate(), negative=1.0)
    main = replace(main, time_first=False, remark=None)
    said: Callable[[Voice, str], str]
    if s.chance(0.6):
        own = clauses.excuse(s, _again(who))
        text = english.clause(own)
        said = lambda v, order: german.clause(own, v, order)  # noqa: E731
    else:
        reason = s.one(_reasons() if form == "was able to" else _reasons("unwilling"))
        text = reason.en
        said = lambda v, order: v.pick(reason.last if order == "last" else reason.second)  # noqa: E731
    reason_first = s.chance(0.3)
    mains = english.clause(main)

    def say(v: Voice) -> str:
        if reason_first or v.chance(0.1):
            return f"{v.pick(('weil', 'da'))} {said(v, 'last')}, {german.clause(main, v, 'after')}."
        if v.chance(0.3):
            return f"{german.clause(main, v)}, denn {said(v, 'main')}."
        return f"{german.clause(main, v)}, {v.pick(('weil', 'da'))} {said(v, 'last')}."

    return Utterance(f"Because {text}, {mains}." if reason_first else f"{mains} because {text}.", say)


def although(s: Sampler) -> Utterance:
    """We went for a walk although it was raining."""
    who = _referable(s)
    main = replace(clauses.action(s, "past", who=who, negative=0.0), time_first=False)
    own = clauses.excuse(s, _again(who))
    if isinstance(own.direction, Quality) and own.direction.degree == phrase("degree", "too"):
        own = replace(own, direction=replace(own.direction, degree=phrase("degree", "very")))
    other = s.one(_reasons("although"))
    is_own = s.chance(0.6)
    text = english.clause(own) if is_own else other.en
    first = s.chance(0.3)
    mains = english.clause(main)

    def say(v: Voice) -> str:
        sub = german.clause(own, v, "last") if is_own else v.pick(other.last)
        if first or v.chance(0.2):
            return f"obwohl {sub}, {german.clause(main, v, 'after')}."
        return f"{german.clause(main, v)}, {v.pick(('obwohl', 'auch wenn'))} {sub}."

    return Utterance(f"Although {text}, {mains}." if first else f"{mains} although {text}.", say)


def _referable(s: Sampler) -> Nominal:
    """Somebody whom he, she or they can refer back to; of a colleague English does not say which."""
    who = people.subject(s)
    while isinstance(who, NP) and people.pronoun(who) is None:
        who = people.subject(s)
    return who


def _again(who: Nominal) -> Nominal:
    """Refer back to a subject by its pronoun, if it has one in English."""
    if isinstance(who, Name | NP):
        return people.pronoun(who) or who
    if isinstance(who, Both):
        return WE if who.second == ME else THEY
    return who


def condition(s: Sampler) -> Utterance:
    """If you have time, we can go to the museum tomorrow."""
    found = s.one(_conditions())
    helping = found.group == "help"
    who, options = (ME, verbs_in("help")) if helping else (WE, pastimes(found.group))
    form = s.one(("can", "can", "will"))
    main = clauses.action(s, form, who=who, verbs=options, negative=0)
    main = replace(main, time_first=False, companion=None)
    if helping and isinstance(main.object, NP) and main.object.det == "my":
        main = replace(main, object=replace(main.object, det="your"))
    first = s.chance(0.6)
    mains = english.clause(main)

    def say(v: Voice) -> str:
        sub = f"{v.pick(('wenn', 'falls'))} {address(v.pick(found.de), v)}"
        if first or v.chance(0.3):
            return f"{sub}, {german.clause(main, v, 'after')}."
        return f"{german.clause(main, v)}, {sub}."

    return Utterance(f"If {found.en}, {mains}." if first else f"{mains} if {found.en}.", say)


def purpose(s: Sampler) -> Utterance:
    """My sister went to the market to buy some apples."""
    errand = s.one(_errands())
    place = s.one(nouns_of("place"))
    while place.en != errand.place:  # the place is known, but these draws are part of every corpus
        place = s.one(nouns_of("place"))
    who = people.subject(s)
    form = s.one(("past", "past", "will", "want to", "have to"))
    going = s.one(("go", "go", "drive"))
    at_home = errand.place in ("cellar", "garden")
    go = next(v for v in verbs() if v.en == ("go" if at_home else going) and ("room" in v.to) == at_home)
    main = Clause(go, who, form, time=moment(s, form), direction=things.to(place))
    obj: Nominal | None = None
    if errand.classes in ({"family"}, {"mine"}):
        obj = people.somebody(s, errand.classes, who)
    elif errand.classes:
        obj = things.thing(s, errand.classes, who, verb=errand.verb.en, indefinite=0.6)
    sub = Clause(errand.verb, who, "infinitive", object=obj)
    return Utterance(
        f"{english.clause(main)} to {english.clause(sub, 'infinitive')}.",
        lambda v: f"{german.clause(main, v)}, um {german.clause(sub, v, 'zu')}.",
    )


def relative(s: Sampler) -> Utterance:
    """The jacket that I bought yesterday is too small."""
    while True:
        c = clauses.action(s, "past", verbs=verbs_in("relative"), placed=False, negative=0.0)
        if isinstance(c.object, NP) and things.may_be_bare(c.object.noun):
            break
    found, plural = c.object.noun, c.object.plural
    head = NP(found, "the", plural=plural)
    c = replace(c, object=NP(found, "that", plural=plural), time_first=False)
    options = [adjective for adjective in adjectives_of(found) if adjective.en != "dry"]
    if not options:
        return relative(s)
    word = s.one(options)

    def say(v: Voice) -> str:
        subject, sub = german.nominal(head, "n", v), german.clause(c, v, "last")
        return f"{subject}, {sub}, {german.present('sein', german.person(head, v))} {v.pick(word.de)}."

    text = f"{english.nominal(head)} that {english.clause(c, gap=True)} {english.be(head)} {word.en}."
    return Utterance(text, say)


@cache
def _deliberate() -> tuple[Verb, ...]:
    """The actions that one may not have been able or willing to do."""
    return tuple(v for v in actions() if not v.en.startswith(("be", "forget", "lose", "fall")))


@cache
def _reasons(group: str = "") -> tuple[Reason, ...]:
    """The reasons of a group; all without one."""
    reasons = read_records(table("reasons"), _reason, columns=4, least=3)
    return tuple(reason for reason in reasons if not group or group in reason.groups)


def _reason(row: Row) -> Reason:
    en, last, second, groups = row.cells
    return Reason(en, alternatives(last), alternatives(second), frozenset(groups.split()))


@cache
def _conditions() -> tuple[Condition, ...]:
    return read_records(table("conditions"), _condition, columns=3)


def _condition(row: Row) -> Condition:
    en, de, group = row.cells
    return Condition(en, alternatives(de), group)


@cache
def _errands() -> tuple[Errand, ...]:
    return read_records(table("errands"), _errand, columns=3, least=2)


def _errand(row: Row) -> Errand:
    place, frame, classes = row.cells
    return Errand(place, verb(frame), frozenset(classes.split()))
