"""German word order by the topological fields.

They are one phrase, the finite verb, the middle field and the rest of the verb. `clause` fills them in for
a main clause, a question, a subordinate clause or a zu-infinitive.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from onepass.phrasebook.german.conjugation import imperative, participle, past, present, zu_infinitive
from onepass.phrasebook.german.noun_phrase import (
    is_indefinite,
    nominal,
    person,
    phrase,
    prepositional,
    relative,
    takes_kein,
)
from onepass.phrasebook.german.words import german_words, modals, pronoun
from onepass.phrasebook.meaning import NP, Clause, GermanVerb, Nominal, Pronoun, Slot
from onepass.phrasebook.phrases import phrase as fixed_phrase
from onepass.phrasebook.voice import Voice

WITHOUT_SUBJECT = ("zu", "infinitive", "imperative")
OBJECTS = ("pointer", "object", "definite-object", "kein-object")


class VerbGroup(NamedTuple):
    """The finite verb of a clause, what closes the clause, and whether that is a separable prefix."""

    finite: str
    end: str
    split: bool


class Constituent(NamedTuple):
    """A part of a clause before it is put in order: the middle field goes by rank, low ones first.

    Attributes:
        rank: the place.
        role: what it is to the clause, such as subject, time, place or one of OBJECTS; `kein-object` negates
            the clause, a `pointer` (which jacket, den) must open it.
        words: what it says.
    """

    rank: float
    role: str
    words: str


def clause(c: Clause, voice: Voice, order: str = "main", *, opening: str = "") -> str:
    """Say a clause in German.

    Args:
        c: the meaning.
        voice: the choices of this translation.
        order: `main` (verb second), `question` (verb first, or second after a question word in `opening`),
            `last` (subordinate, after the conjunction), `zu` (infinitive with zu, no subject), `infinitive`
            (bare infinitive, no subject), `after` (verb first because something else, in `opening` or a
            clause before it, holds the first place) or `imperative`.
        opening: what stands first, in a question or after an outside element.
    """
    passive = c.form.startswith("passive-")
    verb = voice.pick(tuple(v for v in c.verb.de if _has_passive(v)) if passive else c.verb.de)
    who = person(c.subject, voice)
    group, found = VerbGroup("", "", False), list[Constituent]()
    if order not in WITHOUT_SUBJECT:
        group = _verb_group(c, verb, who, voice, question=order == "question")
        found.append(Constituent(0, "subject", nominal(c.subject, "n", voice)))
    if verb.reflexive and not passive:
        found.append(Constituent(1.5, "reflexive", pronoun("reflexive", who, verb.reflexive)))
    found += _arguments(c, verb, voice)
    roles = {part.role for part in found}
    negated = c.negated and "kein-object" not in roles
    kein = german_words("negated").get(verb.literal, "") if negated else ""
    if c.time is not None:
        after_object = "definite-object" in roles and voice.chance(0.3)
        found.append(Constituent(5.5 if after_object else 4, "time", phrase(c.time, voice)))
    if c.remark is not None:
        found.append(Constituent(3.5 if order == "imperative" else 6.5, "remark", voice.pick(c.remark.de)))
    found += _adverbs(c, voice)
    if c.form == "would like to" and group.finite.startswith("würd"):
        gern = voice.pick(fixed_phrase("gladly", "gladly").de)
        found.append(Constituent(9.2 if negated else 7.5, "adverb", gern))
    if negated and not kein:
        found.append(Constituent(8, "not", "nicht"))
    found += _adverbials(c, voice, has_object=not roles.isdisjoint(OBJECTS))
    if verb.literal:
        # mit dem Rad, zu Fuß stand before the goal; Rad, Fußball beside the verb.
        rank = 10 if verb.literal.startswith(("mit ", "zu Fuß")) else 13
        found.append(Constituent(rank, "literal", kein or verb.literal))
    found.sort(key=lambda part: part.rank)
    leading = _leading(c, found, voice, order, opening)
    first = " ".join(part.words for part in found if part.role == leading) or opening
    middle = [part.words for part in found if part.role != leading]
    return _arrange(verb, group, first, middle, order, voice.address)


def _has_passive(verb: GermanVerb) -> bool:
    return not verb.reflexive and any(
        slot.name == "O" and slot.case == "a" and not slot.preposition for slot in verb.slots
    )


def _verb_group(c: Clause, verb: GermanVerb, who: str, voice: Voice, *, question: bool) -> VerbGroup:
    if c.form.startswith("passive-"):
        return _passive_group(c, verb, who, voice)
    infinitive = verb.prefix + verb.infinitive
    if c.form == "must" and c.negated:  # mustn't is not a lack of need
        return VerbGroup(present("dürfen", who), infinitive, False)
    if modals(c.form):
        modal = voice.pick(modals(c.form))
        return VerbGroup(present("würde" if modal == "würde gern" else modal, who), infinitive, False)
    if c.form == "will" and voice.chance(0.5):
        return VerbGroup(present("werden", who), infinitive, False)
    if c.form == "past" and _takes_simple_past(c, verb, who, voice, question=question):
        return VerbGroup(past(verb.infinitive, who), verb.prefix, True)
    if c.form in ("past", "perfect"):
        return VerbGroup(present(verb.auxiliary, who), participle(verb), False)
    return VerbGroup(present(verb.infinitive, who), verb.prefix, True)


def _takes_simple_past(c: Clause, verb: GermanVerb, who: str, voice: Voice, *, question: bool) -> bool:
    if verb.infinitive in ("sein", "haben"):
        return True
    spoken = who in ("du", "ihr") or question or c.subject == Pronoun("you")
    return not spoken and voice.chance(0.4)


def _passive_group(c: Clause, verb: GermanVerb, who: str, voice: Voice) -> VerbGroup:
    form, done = c.form.removeprefix("passive-"), participle(verb)
    if modals(form):
        modal = "dürfen" if form == "must" and c.negated else voice.pick(modals(form))
        return VerbGroup(present(modal, who), f"{done} werden", False)
    if form == "perfect":
        return VerbGroup(present("sein", who), f"{done} worden", False)
    return VerbGroup(present("wurde" if form == "past" else "werden", who), done, False)


def _arguments(c: Clause, verb: GermanVerb, voice: Voice) -> Iterator[Constituent]:
    """What the verb governs; at most one of them, an indefinite object, takes the negation."""
    parts = {"O": c.object, "R": c.recipient}
    for slot in verb.slots:
        part = parts[slot.name]
        if part is None:
            continue
        rank, role = _place(slot, part)
        if role == "object" and c.negated and takes_kein(part):
            assert isinstance(part, NP)
            part, role = NP(part.noun, "no", part.adjective, part.plural), "kein-object"
        yield Constituent(rank, role, _argument(slot, part, voice))


def _place(slot: Slot, part: Nominal) -> tuple[float, str]:
    """Rank and role of an argument."""
    if isinstance(part, NP) and part.det in ("which", "that"):
        return -1, "pointer"
    if slot.preposition:
        return 11.7 if slot.name == "O" else 8.9, "argument"
    if isinstance(part, Pronoun):
        return {"a": 1, "d": 2}[slot.case], "argument"
    if slot.case == "d":
        return 3, "argument"
    return (9, "object") if is_indefinite(part) else (5, "definite-object")


def _argument(slot: Slot, part: Nominal, voice: Voice) -> str:
    if isinstance(part, NP) and part.det == "that":
        return f"{slot.preposition} {relative(part, slot.case, voice)}".strip()
    if slot.preposition:
        return prepositional(slot.preposition, slot.case, part, voice)
    return nominal(part, slot.case, voice)


def _adverbs(c: Clause, voice: Voice) -> Iterator[Constituent]:
    if c.adverb is not None:
        yield Constituent(7, "adverb", voice.pick(c.adverb.de))
    elif c.form == "progressive" and c.time is None and not c.negated and voice.chance(0.5):
        yield Constituent(4.5, "adverb", "gerade")


def _adverbials(c: Clause, voice: Voice, *, has_object: bool) -> Iterator[Constituent]:
    """With whom, where, where to."""
    if c.companion is not None:
        yield Constituent(10, "companion", phrase(c.companion, voice))
    if c.place is not None:
        wide = c.negated and has_object
        yield Constituent(6 if wide else 11.5, "place", phrase(c.place, voice))
    if c.direction is not None:
        yield Constituent(12, "direction", phrase(c.direction, voice))


def _leading(c: Clause, found: list[Constituent], voice: Voice, order: str, opening: str) -> str:
    """The role of what holds the first place; nothing if that is `opening`, or if the verb does."""
    if order == "question" and not opening:
        return "pointer"  # `which jacket` opens its question, with its preposition if it has one
    if order != "main":
        return ""
    role = _first_role(c, voice)
    gerade = any(part.role == "time" and part.words == "gerade" for part in found)
    return "subject" if role == "time" and gerade else role


def _first_role(c: Clause, voice: Voice) -> str:
    """What a main clause begins with: mostly the subject, often the time, sometimes the place."""
    if c.subject == Pronoun("who"):
        return "subject"
    if c.remark is not None:
        return "remark" if voice.chance(0.6) else "subject"
    if c.time is not None and voice.chance(0.6 if c.time_first else 0.35):
        return "time"
    if c.place is not None and not c.negated and c.object is not None and voice.chance(0.1):
        return "place"
    return "subject"


def _arrange(
    verb: GermanVerb, group: VerbGroup, first: str, middle: list[str], order: str, address: str
) -> str:
    """Put the fields together."""
    if order == "zu":
        words = [*middle, zu_infinitive(verb)]
    elif order == "infinitive":
        words = [*middle, verb.prefix + verb.infinitive]
    elif order == "imperative":
        words = [imperative(verb.infinitive, address), *middle, verb.prefix]
    elif order == "last":
        # A separable verb that is itself finite is written together: weil er anruft.
        words = [*middle, group.end + group.finite] if group.split else [*middle, group.end, group.finite]
    else:
        words = [first, group.finite, *middle, group.end]
    return " ".join(word for word in words if word)
