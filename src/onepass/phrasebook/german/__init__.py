"""German as this phrasebook speaks it: endings, verb paradigms and word order.

Cases are n, a, d, g; genders m, f, n and p for the plural; persons are ich, du, er, wir, ihr, sie (the polite
Sie conjugates as sie).
"""

from onepass.phrasebook.german.conjugation import imperative, participle, past, present, zu_infinitive
from onepass.phrasebook.german.declension import adjective, determiner, noun_form
from onepass.phrasebook.german.noun_phrase import nominal, person, phrase, prepositional, relative
from onepass.phrasebook.german.word_order import clause

__all__ = [
    "adjective",
    "clause",
    "determiner",
    "imperative",
    "nominal",
    "noun_form",
    "participle",
    "past",
    "person",
    "phrase",
    "prepositional",
    "present",
    "relative",
    "zu_infinitive",
]
