"""English as this phrasebook speaks it: a/an, plurals, verb forms and clause order."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import NamedTuple

from onepass.phrasebook.meaning import NP, Both, Clause, Fixed, Name, Nominal, Phrase, Pronoun, Quality
from onepass.phrasebook.source_files import table
from onepass.text.tables import read_lists, read_records

OBJECTS = {
    "I": "me",
    "he": "him",
    "she": "her",
    "we": "us",
    "they": "them",
    "you": "you",
    "it": "it",
    "who": "who",
}
PLURAL_DETERMINERS = {"this": "these", "a": ""}
PLAIN_MODALS = frozenset({"can", "must", "should", "may", "could", "will"})
NEGATIVE = {"can": "can't", "will": "won't", "must": "mustn't", "should": "shouldn't", "could": "couldn't"}
A_DESPITE_VOWEL = ("u-", "uni", "use", "euro", "one", "used")


class Irregular(NamedTuple):
    """The forms of an irregular verb."""

    past: str
    participle: str


def article(word: str) -> str:
    """Return `an` before a vowel sound."""
    vowel = word[0].lower() in "aeiou" and not word.lower().startswith(A_DESPITE_VOWEL)
    return "an" if vowel or word.startswith(("hour", "honest")) else "a"


def is_plural(part: Nominal) -> bool:
    """Return whether the verb takes its plural form (`you` included)."""
    if isinstance(part, Pronoun):
        return part.en in ("we", "they", "you")
    if isinstance(part, NP):
        return part.plural or not part.noun.en
    return isinstance(part, Both)


def nominal(part: Nominal, *, subject: bool = False) -> str:
    """Return a pronoun, name or noun phrase; pronouns have a subject and an object form."""
    if isinstance(part, Pronoun):
        return part.en if subject else OBJECTS[part.en]
    if isinstance(part, Name):
        return f"{part.title} {part.name}".strip()
    if isinstance(part, Both):
        return f"{nominal(part.first, subject=subject)} and {nominal(part.second, subject=subject)}"
    plural = is_plural(part)
    words = [part.adjective.en] if part.adjective else []
    words.append(part.noun.en_plural if plural else part.noun.en)
    det = PLURAL_DETERMINERS.get(part.det, part.det) if plural else part.det
    if part.owner is not None:
        det = nominal(part.owner) + "'s"
    elif det == "a":
        det = article(words[0])
    return " ".join(word for word in (det, *words) if word)


def phrase(part: Phrase) -> str:
    """Return an adverbial or predicate."""
    if isinstance(part, Fixed):
        return part.en
    if isinstance(part, Quality):
        return f"{part.degree.en} {part.adjective.en}" if part.degree else part.adjective.en
    return f"{part.en} {nominal(part.noun)}"


def third(verb: str) -> str:
    """Return the third person singular: goes, washes, tries."""
    if verb in ("be", "have"):
        return {"be": "is", "have": "has"}[verb]
    if verb.endswith(("s", "sh", "ch", "x", "o")):
        return verb + "es"
    return verb[:-1] + "ies" if verb.endswith("y") and verb[-2] not in "aeiou" else verb + "s"


@cache
def past(verb: str) -> str:
    """Return the simple past."""
    if verb in _irregular():
        return _irregular()[verb].past
    if verb.endswith("e"):
        return verb + "d"
    if verb.endswith("y") and verb[-2] not in "aeiou":
        return verb[:-1] + "ied"
    return verb + (verb[-1] if verb in _doubling() else "") + "ed"


def participle(verb: str) -> str:
    """Return the past participle."""
    return _irregular()[verb].participle if verb in _irregular() else past(verb)


@cache
def progressive(verb: str) -> str:
    """Return the -ing form."""
    if verb.endswith("ie"):
        return verb[:-2] + "ying"
    if verb.endswith("e") and not verb.endswith(("ee", "be")):
        return verb[:-1] + "ing"
    return verb + (verb[-1] if verb in _doubling() else "") + "ing"


def be(subject: Nominal, *, was: bool = False) -> str:
    """Return the form of `be` that agrees with the subject."""
    if isinstance(subject, Pronoun) and subject.en == "I":
        return "was" if was else "am"
    if is_plural(subject):
        return "were" if was else "are"
    return "was" if was else "is"


@cache
def _irregular() -> dict[str, Irregular]:
    rows = read_records(table("english_verbs"), lambda row: row.cells, columns=3)
    return {base: Irregular(past, participle) for base, past, participle in rows}


@cache
def _doubling() -> frozenset[str]:
    """The verbs that double their last letter before -ed and -ing."""
    return frozenset(read_lists(table("english_doubling"), str)[""])


def _auxiliary(c: Clause) -> tuple[str, str]:
    """Return the auxiliary (`` for none) and the form of the main verb."""
    verb = c.verb.en.split()[0]
    passive = c.form.startswith("passive-")
    form = c.form.removeprefix("passive-")
    singular = not is_plural(c.subject) and c.subject != Pronoun("I")
    main = "be " + participle(verb) if passive else verb
    if form == "was able to":
        return "could", main
    if form in PLAIN_MODALS:
        return form, main
    if form == "perfect":
        return ("has" if singular else "have"), ("been " + participle(verb) if passive else participle(verb))
    if passive and form in ("present", "past"):
        return be(c.subject, was=form == "past"), participle(verb)
    if verb == "be" and form in ("present", "past"):
        return be(c.subject, was=form == "past"), ""
    if form == "progressive":
        return be(c.subject), progressive(verb)
    if form == "would like to":
        return "would", f"like to {main}"
    if form in ("had to", "wanted to"):
        return "did", f"{form.replace('had', 'have').replace('wanted', 'want')} {main}"
    if form in ("have to", "want to"):
        return ("does" if singular else "do"), f"{form} {main}"
    return "did" if form == "past" else ("does" if singular else "do"), main


def _finite(auxiliary: str, main: str) -> list[str]:
    """Melt do-support into the main verb: did + buy -> bought."""
    verb, _, rest = main.partition(" ")
    form = {"do": verb, "does": third(verb), "did": past(verb)}[auxiliary]
    return [form, rest] if rest else [form]


def _negative(auxiliary: str) -> str:
    if auxiliary in ("am", "may"):
        return f"{auxiliary} not"
    return NEGATIVE.get(auxiliary, auxiliary + "n't")


def _any(part: Nominal) -> Nominal:
    """Turn `some` into the `any` of negated clauses."""
    return replace(part, det="any") if isinstance(part, NP) and part.det == "some" else part


def _tail(c: Clause, skip_object: bool = False) -> list[str]:
    """Everything after the main verb, in English order."""
    words = []
    for word in c.verb.en.split()[1:]:
        if word == "O":
            if c.object is not None and not skip_object and not c.form.startswith("passive-"):
                words.append(nominal(_any(c.object) if c.negated else c.object))
        elif word == "R":
            if c.recipient is not None:
                words.append(nominal(c.recipient))
        else:
            words.append(word)
    words += [phrase(part) for part in (c.direction, c.companion, c.place) if part is not None]
    return words


def clause(c: Clause, order: str = "main", *, opening: str = "", gap: bool = False) -> str:
    """Say a clause in English.

    Args:
        c: the meaning.
        order: `main` (also after a conjunction), `question`, `infinitive` or `ing` (no subject).
        opening: a question word.
        gap: leave the object out, as a relative clause does.
    """
    tail = _tail(c, gap)
    late = "" if c.adverb is None or c.adverb.en != "yet" else "yet"
    adverb = c.adverb.en if c.adverb is not None and not late else ""
    time = phrase(c.time) if c.time is not None else ""
    verb = c.verb.en.split()[0]
    if order in ("infinitive", "ing"):
        words = [adverb, verb if order == "infinitive" else progressive(verb), *tail, time]
        return " ".join(word for word in words if word)
    auxiliary, main = _auxiliary(c)
    subject = nominal(c.subject, subject=True)
    if order == "question":
        lead = _negative(auxiliary) if c.negated else auxiliary
        words = [opening, lead, subject, adverb, main, *tail, time, late]
        return " ".join(word for word in words if word)
    front = ""
    if c.time_first and time:
        front, time = time, ""
    if c.remark is not None:
        front = c.remark.en + ","
    if c.negated:
        group = [_negative(auxiliary), adverb, main]
    elif auxiliary in ("do", "does", "did"):
        group = [adverb, *_finite(auxiliary, main)]
    else:
        group = [auxiliary, adverb, main]
    words = [front, subject, *group, *tail, time, late]
    return " ".join(word for word in words if word)
