"""Clauses: who can do what to which things, where and when, so that sentences are sensible."""

from __future__ import annotations

from collections.abc import Sequence

from onepass.phrasebook import people, things
from onepass.phrasebook.adjectives import adjective_group, adjectives_of, feelings
from onepass.phrasebook.meaning import NP, Clause, Fixed, Located, Nominal, Phrase, Quality, Verb
from onepass.phrasebook.moments import moment
from onepass.phrasebook.nouns import nouns
from onepass.phrasebook.people import WHO
from onepass.phrasebook.phrases import phrase, phrases
from onepass.phrasebook.sampler import Sampler
from onepass.phrasebook.verbs import BE, actions, clashes, excuses, trips, verb_group

PEOPLE = frozenset({"person", "mine", "family", "client", "staff", "expert", "work"})
OWNED = frozenset({"clothes", "device", "furniture", "home", "vehicle"})
WITHOUT_QUALITY = frozenset({"person", "place", "body"})
FORMS_OF_LUCK = ("past", "perfect", "will", "can", "was able to")


def action(
    s: Sampler,
    form: str,
    *,
    who: Nominal | None = None,
    verbs: Sequence[Verb] = (),
    timed: bool = True,
    placed: bool = True,
    negative: float = 0.12,
) -> Clause:
    """Return a clause in which somebody does something.

    Args:
        s: draws.
        form: as in `Clause`, or `habit`.
        who: the subject; drawn if None.
        verbs: the verbs to choose from; all actions if empty.
        timed: whether it may say when.
        placed: whether it may say where.
        negative: how often it is negated.
    """
    verb = _verb(s, verbs or actions(), form)
    who = who if who is not None else people.subject(s)
    arguments = _arguments(s, verb, who)
    negated = form != "progressive" and s.chance(negative)
    adverb, time = _when(s, verb, form, negated=negated, timed=timed)
    if form == "habit":
        negated = False
        arguments = {name: things.generic(part) for name, part in arguments.items()}
        placed = placed or adverb is not None
    if negated:
        arguments = {name: things.countless(part) for name, part in arguments.items()}
    return Clause(
        verb,
        who,
        "present" if form == "habit" else form,
        object=arguments.get("O"),
        recipient=arguments.get("R"),
        negated=negated and form not in ("may", "could"),
        adverb=adverb,
        time=time,
        companion=_companion(s, verb, who, arguments.get("R")),
        time_first=time is not None and s.chance(0.2),
        place=things.place(s, verb.at) if placed and verb.at and s.chance(0.35) else None,
        direction=things.goal(s, verb.to) if verb.to else None,
    )


def _verb(s: Sampler, options: Sequence[Verb], form: str) -> Verb:
    """Return a verb; mishaps are only of the past, and luck is not planned."""
    while True:
        verb = s.one(options)
        mishap = verb.en in verb_group("mishap") and form not in ("past", "perfect")
        luck = verb.en in verb_group("luck") and form not in FORMS_OF_LUCK
        if not mishap and not luck:
            return verb


def _when(
    s: Sampler, verb: Verb, form: str, *, negated: bool, timed: bool
) -> tuple[Fixed | None, Fixed | None]:
    """Return an adverb and a time that fit the form."""
    if form == "perfect":
        roll = s.random.random()
        if negated:
            return phrase("perfect", "yet"), None
        adverb = "already" if roll < 0.6 else "just"
        return (phrase("perfect", adverb) if roll < 0.85 else None), None
    if form == "habit":
        if s.chance(0.5):
            return s.one(phrases("often")), None
        return None, s.one(phrases("habit"))
    time = moment(s, form) if timed else None
    while time is not None and any(part in time.en for part in clashes(verb.en)):
        time = moment(s, form)
    if form == "was able to" and not negated and time is None:
        time = s.one(phrases("past"))  # without a time `could` may also be polite
    return None, time


def _arguments(s: Sampler, verb: Verb, who: Nominal) -> dict[str, Nominal]:
    found: dict[str, Nominal] = {}
    if verb.recipients:
        found["R"] = people.somebody(s, verb.recipients, who)
    if verb.objects & PEOPLE:
        found["O"] = people.somebody(s, verb.objects, who)
    elif verb.objects:
        first_word = verb.en.split()[0]
        definite = " for " in verb.en or first_word in verb_group("definite")
        indefinite = 0.0 if definite else 1.0 if verb.en == "have O" else 0.35
        owner = WHO if first_word in verb_group("unowned") else who
        found["O"] = things.thing(s, verb.objects, owner, verb=verb.en, indefinite=indefinite)
    return found


def _companion(s: Sampler, verb: Verb, who: Nominal, recipient: Nominal | None) -> Phrase | None:
    """Return with whom, or by what means, something is done."""
    if verb.to and verb.en in ("go", "come", "return") and s.chance(0.25):
        return s.one(phrases("everyday")) if verb.en != "go" else None
    together = recipient is None and "person" not in verb.objects and verb.en in verb_group("company")
    if together and s.chance(0.25):
        return Located("with", ("mit+d", "zusammen mit+d"), people.somebody(s, {"mine"}, who))
    return None


def trip(s: Sampler, form: str, who: Nominal | None = None) -> Clause:
    """Return a journey to a city or country."""
    verb = s.one(trips())
    if s.chance(0.65):
        city = s.one(phrases("city"))
        goal = Fixed(f"to {city.en}", (f"nach {city.de[0]}",))
    else:
        goal = s.one(phrases("abroad"))
    means = s.one(phrases("overland")) if verb.en in ("go", "travel") and s.chance(0.5) else None
    who = who if who is not None else people.subject(s)
    time = moment(s, form)
    while time is not None and ("hour" in time.en or "minutes" in time.en):
        time = moment(s, form)
    return Clause(verb, who, form, time=time, companion=means, direction=goal)


def mood(s: Sampler, form: str = "present", who: Nominal | None = None) -> Clause:
    """Return how somebody feels: I am very tired."""
    who = who if who is not None else people.subject(s)
    word = s.one(feelings())
    degree = None
    if s.chance(0.4) and " " not in word.en and word.en not in adjective_group("ungradable"):
        degree = s.one(phrases("degree"))
        too_much = degree.en == "too" and word.en not in adjective_group("unpleasant")
        if too_much or (degree.en == "a bit" and word.en in adjective_group("pleasant")):
            degree = phrase("degree", "very")
    when = s.one(phrases("recent")) if form == "past" and s.chance(0.4) else None
    negated = degree is None and s.chance(0.1)
    return Clause(BE, who, form, time=when, direction=Quality(degree, word), negated=negated)


def quality(s: Sampler, *, past: bool = False) -> Clause:
    """Return what something is like: The soup is too salty."""
    while True:
        found = s.one(nouns())
        options = adjectives_of(found)
        if options and not found.classes & WITHOUT_QUALITY:
            break
    word = s.one(options)
    det = s.one(("the", "this", "my", "your") if found.classes & OWNED else ("the", "this"))
    plural = not found.en or (bool(found.en_plural) and ("many" in found.classes or s.chance(0.12)))
    degree = None
    if word.en not in adjective_group("ungradable") and not s.chance(0.25):
        degree = s.one(phrases("degree"))
        if degree.en in ("too", "a bit") and word.en in adjective_group("pleasant"):
            degree = phrase("degree", "very")
    form = "past" if past else "present"
    return Clause(BE, NP(found, det, plural=plural), form, direction=Quality(degree, word))


def excuse(s: Sampler, who: Nominal) -> Clause:
    """Return a reason of one's own: I had no time."""
    if not s.chance(0.5):
        return Clause(s.one(excuses()), who, "past")
    word = s.one([word for word in feelings() if word.en in adjective_group("excuse")])
    gradable = word.en in adjective_group("gradable excuse")
    degree = s.one(phrases("plain-degree")) if gradable and s.chance(0.6) else None
    return Clause(BE, who, "past", direction=Quality(degree, word))


def declare(s: Sampler, form: str, who: Nominal, *, negative: float) -> Clause:
    """Return any statement about the subject; `be` asks for a mood, `not-FORM` for a negation."""
    if form == "be":
        return mood(s, who=who)
    negative = 1.0 if form.startswith("not-") else negative
    form = form.removeprefix("not-")
    if form == "could":
        form = "was able to"
    if form in ("past", "will") and s.chance(0.12) and negative < 1:
        return trip(s, form, who)
    return action(s, form, who=who, negative=negative)


def impersonal(c: Clause) -> Clause:
    """Take `their` out of a clause whose subject is nobody in particular."""

    def plain(part: Nominal | None) -> Nominal | None:
        if isinstance(part, NP) and part.det == "their":
            det = "my" if "mine" in part.noun.classes else "the"
            return NP(part.noun, det, part.adjective, part.plural)
        return part

    return Clause(
        c.verb,
        c.subject,
        c.form,
        object=plain(c.object),
        recipient=plain(c.recipient),
        place=c.place,
        direction=c.direction,
    )
