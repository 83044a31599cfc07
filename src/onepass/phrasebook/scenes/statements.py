"""Main clauses: what somebody does, needs, feels and likes, and what things are like."""

from __future__ import annotations

from dataclasses import replace

from onepass.phrasebook import clauses, english, german, people, things
from onepass.phrasebook.forms import forms
from onepass.phrasebook.meaning import NP, Clause, Nominal
from onepass.phrasebook.moments import moment
from onepass.phrasebook.people import ME, THEY, YOU
from onepass.phrasebook.phrases import phrase, phrases
from onepass.phrasebook.sampler import Sampler
from onepass.phrasebook.scenes.utterance import Utterance, asked, said
from onepass.phrasebook.verbs import pastimes, states, verbs_in
from onepass.phrasebook.voice import Voice


def statement(s: Sampler) -> Utterance:
    """We repaired the washing machine yesterday."""
    form = s.one(forms("statement"))
    who = YOU if form in ("can", "must", "have to", "should") and s.chance(0.3) else None
    travels = form in ("past", "will", "want to") and s.chance(0.12)
    c = clauses.trip(s, form) if travels else clauses.action(s, form, who=who)
    if s.chance(0.1) and form in ("past", "will", "was able to", "had to"):
        remark = phrase("remark", "Unfortunately") if c.negated else s.one(phrases("luck"))
        c = replace(c, remark=remark, time_first=False)
    return said(c)


def trip(s: Sampler) -> Utterance:
    """Tomorrow we are going to Vienna by train."""
    form = s.one(("past", "will", "will", "want to", "would like to", "have to", "wanted to"))
    return said(clauses.trip(s, form))


def state(s: Sampler) -> Utterance:
    """She needs a new umbrella."""
    c = clauses.action(s, "present", verbs=states(), timed=False)
    if c.verb.en in ("need O", "have O") and s.chance(0.3):
        c = replace(c, form="past")
    if s.chance(0.25):
        return asked(replace(c, subject=YOU, object=_yours(c.object), negated=False))
    return said(c)


def _yours(part: Nominal | None) -> Nominal | None:
    if isinstance(part, NP) and part.det in ("my", "his", "her", "our", "their"):
        return replace(part, det="your")
    return part


def mood(s: Sampler) -> Utterance:
    """My brother was very tired yesterday."""
    if s.chance(0.2):
        return asked(replace(clauses.mood(s, s.one(("present", "past")), YOU), negated=False))
    return said(clauses.mood(s, s.one(("present", "past"))))


def quality(s: Sampler) -> Utterance:
    """The soup is too salty."""
    return said(clauses.quality(s, past=s.chance(0.3)))


def passive(s: Sampler) -> Utterance:
    """The heating has to be repaired tomorrow."""
    c = clauses.action(s, "past", who=THEY, verbs=verbs_in("passive"), negative=0.0)
    assert isinstance(c.object, NP)
    np = c.object
    if np.det in ("their", "", "some", "a") or np.owner is not None:
        unowned = np.noun.classes & {"food", "built", "installed"}
        det = "the" if unowned else s.one(("the", "this", "our"))
        np = NP(np.noun, det, np.adjective, np.plural)
    form = s.one(("past", "past", "must", "have to", "can", "will", "should", "perfect"))
    time = moment(s, form) if form != "perfect" else None
    if form == "will":
        time = moment(s, "past")
    return said(
        Clause(
            c.verb,
            np,
            "passive-" + ("past" if form == "will" else form),
            adverb=phrase("perfect", "already") if form == "perfect" else None,
            time=time,
            negated=s.chance(0.1) and form in ("past", "can"),
        )
    )


def liking(s: Sampler) -> Utterance:
    """I like playing cards in the garden."""
    who = people.subject(s)
    c = clauses.action(s, "present", who=who, verbs=pastimes("pleasure"), timed=False, negative=0.0)
    c = replace(c, object=None if c.object is None else things.generic(c.object))
    gladly = replace(c, adverb=phrase("gladly", "gladly"))
    verb = "like" if english.is_plural(who) or who == ME else "likes"
    return Utterance(
        f"{english.nominal(who, subject=True)} {verb} {english.clause(replace(c, adverb=None), 'ing')}.",
        lambda v: german.clause(gladly, v) + ".",
    )


def comparing(s: Sampler) -> Utterance:
    """This table is heavier than the desk."""
    first, second, adjective = things.comparison(s)
    assert adjective.comparative is not None
    en, de = adjective.comparative
    more = s.one((None, None, *phrases("more")))

    def say(v: Voice) -> str:
        subject, rival = german.nominal(first, "n", v), german.nominal(second, "n", v)
        degree = f"{v.pick(more.de)} " if more is not None else ""
        return f"{subject} ist {degree}{de} als {rival}."

    degree = f"{more.en} " if more is not None else ""
    return Utterance(f"{english.nominal(first)} is {degree}{en} than {english.nominal(second)}.", say)
