"""The verbs of `verbs.txt`, by English frame, by what they do and by the groups of `verb_groups.txt`."""

from __future__ import annotations

from functools import cache

from onepass.phrasebook.meaning import GermanVerb, Slot, Verb
from onepass.phrasebook.source_files import table
from onepass.text.tables import Row, alternatives, read_lists, read_records, read_sections

BE = Verb("be", (GermanVerb("sein", auxiliary="sein"),), stative=True)
SECTIONS = {"action": False, "motion": False, "state": True, "trip": False, "excuse": True}
"""The sections of the table, and whether their verbs are stative."""


@cache
def verbs() -> tuple[Verb, ...]:
    """Return all verbs with noun phrases of their own: actions, motions and states."""
    sections = _sections()
    return (*sections["action"], *sections["motion"], *sections["state"])


@cache
def actions() -> tuple[Verb, ...]:
    """Return every action but those that only the passive uses."""
    return tuple(v for v in verbs() if not v.stative and v.en not in verb_group("passive only"))


@cache
def states() -> tuple[Verb, ...]:
    """Return the verbs without imperative, progressive and passive."""
    return tuple(verb for verb in verbs() if verb.stative)


@cache
def favours() -> tuple[Verb, ...]:
    """Return what one asks of others: something is done to something."""
    return tuple(v for v in actions() if (v.objects or v.to) and v.en not in verb_group("no favour"))


def trips() -> tuple[Verb, ...]:
    """Return the verbs of travelling to a city or a country."""
    return _sections()["trip"]


def excuses() -> tuple[Verb, ...]:
    """Return what one says of oneself to explain something."""
    return _sections()["excuse"]


@cache
def verb(en: str) -> Verb:
    """Return the first verb with this English frame.

    Raises:
        ValueError: there is none.
    """
    for found in (*verbs(), BE):
        if found.en == en:
            return found
    raise ValueError(f"there is no verb {en!r}")


@cache
def verb_group(name: str) -> frozenset[str]:
    """Return the English frames, or first words of frames, of a group."""
    return frozenset(_groups()[name])


@cache
def verbs_in(group: str) -> tuple[Verb, ...]:
    """Return the verbs whose frame is in a group."""
    return tuple(v for v in verbs() if v.en in verb_group(group))


@cache
def pastimes(group: str) -> tuple[Verb, ...]:
    """Return the verbs of a group; reading for pleasure leaves contracts out."""
    return tuple(v for v in verbs_in(group) if group == "office" or "document" not in v.objects)


@cache
def clashes(en: str) -> tuple[str, ...]:
    """Return the parts of an English time that do not suit a verb."""
    return _clashes().get(en, ())


@cache
def _sections() -> dict[str, tuple[Verb, ...]]:
    return read_sections(table("verbs"), _verb, columns=6, least=2)


@cache
def _groups() -> dict[str, tuple[str, ...]]:
    return read_lists(table("verb_groups"), str)


@cache
def _clashes() -> dict[str, tuple[str, ...]]:
    return dict(read_records(table("clashes"), _clash, columns=2))


def _clash(row: Row) -> tuple[str, tuple[str, ...]]:
    en, parts = row.cells
    return en, tuple(part.replace("_", " ") for part in alternatives(parts))


def _verb(row: Row) -> Verb:
    if row.section not in SECTIONS:
        raise ValueError(f"its section is not one of {', '.join(SECTIONS)}")
    en, de, *classes = row.cells
    objects, recipients, at, to = (frozenset(cell.split()) for cell in classes)
    german = tuple(_german(frame) for frame in alternatives(de))
    return Verb(en, german, objects, recipients, at, to, SECTIONS[row.section])


def _german(frame: str) -> GermanVerb:
    """Parse one German frame, such as `sich mit+O:d treffen`."""
    *parts, verb = frame.split()
    slots, literal, reflexive = [], [], ""
    for part in parts:
        if part in ("sich", "sich:d"):
            reflexive = "d" if part.endswith(":d") else "a"
        elif ":" in part:
            slots.append(_slot(part))
        else:
            literal.append(part.replace("|", ""))  # einkaufen gehen: the infinitive keeps its prefix
    prefix, _, infinitive = verb.rstrip("*").rpartition("|")
    auxiliary = "sein" if verb.endswith("*") else "haben"
    return GermanVerb(infinitive, prefix, " ".join(literal), auxiliary, reflexive, tuple(slots))


def _slot(text: str) -> Slot:
    """Parse `O:a` or `mit+R:d`."""
    preposition, _, rest = text.rpartition("+")
    name, _, case = rest.partition(":")
    if name not in ("O", "R") or case not in ("a", "d"):
        raise ValueError(f"{text!r} is not O or R with its case, a or d")
    return Slot(name, case, preposition)
