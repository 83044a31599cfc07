"""Questions: yes or no, when, where, why, who and which."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from onepass.phrasebook import clauses, english, german, people
from onepass.phrasebook.forms import forms
from onepass.phrasebook.meaning import NP, Both, Nominal, Verb
from onepass.phrasebook.people import ME, WE, WHO, YOU
from onepass.phrasebook.phrases import phrase, phrases
from onepass.phrasebook.sampler import Sampler
from onepass.phrasebook.scenes.utterance import Utterance, asked, said
from onepass.phrasebook.verbs import verbs


def yes_no(s: Sampler) -> Utterance:
    """Could you pick the children up tomorrow?"""
    form = s.one(forms("question"))
    who = YOU if s.chance(0.75) or form == "could" else _asked_about(s, form)
    options = _with_object() if form == "could" else ()
    c = clauses.action(s, form, who=who, verbs=options, negative=0.05)
    c = replace(c, time_first=False, negated=c.negated and form == "past")
    return asked(replace(c, adverb=phrase("perfect", "already")) if form == "perfect" else c)


def when_where_why(s: Sampler) -> Utterance:
    """Why did you sell the car?"""
    word = s.one(phrases("question-word"))
    done = ("past", "past", "want to")
    form = s.one(done if word.en == "Why" else ("past", "past", "will", "can", "want to", "have to"))
    who = YOU if s.chance(0.6) else _asked_about(s, form)
    where = word.en == "Where"
    options = _with_place() if where else ()
    timed = word.en != "When"
    c = clauses.action(s, form, who=who, verbs=options, timed=timed, placed=not where, negative=0.0)
    c = replace(c, time_first=False)
    return Utterance(
        english.clause(c, "question", opening=word.en) + "?",
        lambda v: german.clause(c, v, "question", opening=v.pick(word.de)) + "?",
    )


def who(s: Sampler) -> Utterance:
    """Who has repaired the printer?"""
    form = s.one(("past", "past", "will", "can", "want to", "must"))
    return said(replace(clauses.action(s, form, who=WHO, negative=0.0), time_first=False), "?")


def which(s: Sampler) -> Utterance:
    """Which jacket do you want to buy?"""
    form = s.one(("past", "past", "will", "want to"))
    who = YOU if s.chance(0.7) else _asked_about(s, form)
    while True:
        c = clauses.action(s, form, who=who, verbs=_with_choice(), timed=False, placed=False, negative=0)
        if isinstance(c.object, NP) and c.object.noun.en and c.object.noun.en_plural:
            break
        form = "past"
    np = NP(c.object.noun, "which", plural=False)
    c = replace(c, object=np, time=None, time_first=False)
    return Utterance(
        english.clause(c, "question", opening=f"Which {np.noun.en}", gap=True) + "?",
        lambda v: german.clause(c, v, "question") + "?",
    )


def _asked_about(s: Sampler, form: str) -> Nominal:
    """Somebody to ask about: one does not ask what one did or wants oneself."""
    found = people.subject(s)
    while form not in ("can", "have to") and (found in (ME, WE) or isinstance(found, Both)):
        found = people.subject(s)
    return found


@cache
def _with_object() -> tuple[Verb, ...]:
    return tuple(v for v in verbs() if v.objects and not v.stative)


@cache
def _with_place() -> tuple[Verb, ...]:
    return tuple(v for v in verbs() if v.at and not v.to)


@cache
def _with_choice() -> tuple[Verb, ...]:
    """The verbs that one of several things can be the object of."""
    return tuple(v for v in _with_object() if "O" in v.en.split() and not v.to and not v.recipients)
