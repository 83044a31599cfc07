"""What a sentence is about, before it is said in either language.

A `Clause` holds no word order and no endings: `english.py` and `german/` each say it in their own way.
Wherever German has several right words, the meaning carries all of them, and a `Voice` picks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class GermanNoun(NamedTuple):
    """One German word for a noun: gender m, f, n or p (plural only), and its forms."""

    gender: str
    singular: str
    plural: str
    weak: bool


@dataclass(frozen=True, slots=True, eq=False)
class Noun:
    """A thing, a person or a place; `classes` are the semantic classes that verbs and adjectives ask for.

    An empty `en` means plural only in English (trousers), an empty `en_plural` a mass noun (bread).
    """

    en: str
    en_plural: str
    de: tuple[GermanNoun, ...]
    classes: frozenset[str]
    at: str = ""
    to: str = ""
    at_de: tuple[str, ...] = ()
    to_de: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Adjective:
    """A quality, its German words, the classes of noun that can have it, and its comparative or None."""

    en: str
    de: tuple[str, ...]
    classes: frozenset[str]
    comparative: tuple[str, str] | None = None


class Slot(NamedTuple):
    """A place in a German verb's frame: `O` (object) or `R` (recipient), its case, maybe a preposition."""

    name: str
    case: str
    preposition: str = ""


class GermanVerb(NamedTuple):
    """A German verb; `prefix` is separable, `literal` a word that stays beside it (Rad fahren)."""

    infinitive: str
    prefix: str = ""
    literal: str = ""
    auxiliary: str = "haben"
    reflexive: str = ""
    slots: tuple[Slot, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Verb:
    """An English verb phrase such as `call O back` with the German verbs that translate it.

    Attributes:
        objects: classes of noun that `O` may be.
        recipients: classes of noun that `R` may be.
        at: classes of place where it happens.
        to: classes of place it leads to; a verb that has some always says one.
        stative: no imperative, no progressive, no passive.
    """

    en: str
    de: tuple[GermanVerb, ...]
    objects: frozenset[str] = frozenset()
    recipients: frozenset[str] = frozenset()
    at: frozenset[str] = frozenset()
    to: frozenset[str] = frozenset()
    stative: bool = False


@dataclass(frozen=True, slots=True)
class Pronoun:
    """A personal pronoun by its English subject form; `it` refers to a noun and takes its German gender."""

    en: str
    noun: Noun | None = None


@dataclass(frozen=True, slots=True)
class Name:
    """A person called by name, with `title` Mr, Mrs or nothing."""

    name: str
    title: str = ""


@dataclass(frozen=True, slots=True)
class NP:
    """A noun phrase. `det` is an English determiner, a number word, `` for none or `some`."""

    noun: Noun
    det: str
    adjective: Adjective | None = None
    plural: bool = False
    owner: Name | NP | None = None


@dataclass(frozen=True, slots=True)
class Both:
    """Two nominals joined by `and`."""

    first: Name | NP | Pronoun
    second: Name | NP | Pronoun


Nominal = Pronoun | Name | NP | Both


class Fixed(NamedTuple):
    """A phrase that never changes its form: an adverbial, a price, a clock time."""

    en: str
    de: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Located:
    """A prepositional phrase; each German option is `preposition+case`, such as `in+d` or `zu+d`."""

    en: str
    de: tuple[str, ...]
    noun: Nominal


@dataclass(frozen=True, slots=True)
class Quality:
    """A predicate adjective with a degree word: `too cold`."""

    degree: Fixed | None
    adjective: Adjective


Phrase = Fixed | Located | Quality


@dataclass(frozen=True, slots=True)
class Clause:
    """Who does what to whom, when and where.

    Attributes:
        form: past, perfect, present, progressive, will, infinitive, a modal, or one of these after
            `passive-`.
        adverb: stands in the middle of both sentences (already, often, never).
        remark: a comment on the whole (unfortunately), first in English.
        companion: with whom or by what means.
        direction: where to, or a predicate: whatever closes the German middle field.
    """

    verb: Verb
    subject: Nominal
    form: str = "present"
    object: Nominal | None = None
    recipient: Nominal | None = None
    negated: bool = False
    adverb: Fixed | None = None
    remark: Fixed | None = None
    time: Phrase | None = None
    time_first: bool = False
    companion: Phrase | None = None
    place: Phrase | None = None
    direction: Phrase | None = None


Value = Nominal | Phrase | Clause
"""What a slot of a template holds."""
