"""Set phrases: the templates with their slots filled, said in English and in German."""

from __future__ import annotations

import re
from dataclasses import replace

from onepass.phrasebook import english, german
from onepass.phrasebook.meaning import NP, Clause, Fixed, Name, Pronoun, Value
from onepass.phrasebook.sampler import Sampler
from onepass.phrasebook.scenes.utterance import Utterance
from onepass.phrasebook.slots import fill
from onepass.phrasebook.templates import SLOT, templates
from onepass.phrasebook.voice import Voice

ADDRESS = re.compile(r"\[([^|\]]*)\|([^|\]]*)\|([^|\]]*)\]")


def set_phrase(s: Sampler) -> Utterance:
    """A template with its slots filled."""
    template = s.one(s.one(templates()))
    values: dict[str, Value] = {}
    for name, filler in template.slots.items():
        values[name] = fill(s, filler, values)
    text = SLOT.sub(lambda m: _english(values[m[1]], m[2] or ""), template.en)

    def say(v: Voice) -> str:
        german_text = address(v.pick(template.de), v)
        return SLOT.sub(lambda m: _german(values[m[1]], m[2] or "", v), german_text)

    return Utterance(text, say)


def address(text: str, voice: Voice) -> str:
    """Resolve `[du|ihr|Sie]`."""
    return ADDRESS.sub(lambda m: m[("du", "ihr", "Sie").index(voice.address) + 1], text)


def _english(value: Value, spec: str) -> str:
    if isinstance(value, Clause):
        order = {"": "main", "inf": "infinitive", "ing": "ing"}[spec]
        return english.clause(value, order)
    if isinstance(value, Fixed):
        return value.en
    assert isinstance(value, NP | Pronoun | Name)
    if "|" in spec:
        singular, plural = spec.split("|")
        return plural if english.is_plural(value) else singular
    return english.nominal(value, subject=isinstance(value, Pronoun) and spec != "o")


def _german(value: Value, spec: str, voice: Voice) -> str:
    if isinstance(value, Clause):
        return german.clause(value, voice, spec)
    if isinstance(value, Fixed):
        return voice.pick(value.de)
    assert isinstance(value, NP | Pronoun | Name)
    if "|" in spec:
        singular, plural = spec.split("|")
        return plural if german.person(value, voice) == "sie" else singular
    if ":" in spec:
        det, spec = spec.split(":")
        assert isinstance(value, NP)
        value = replace(value, det=det)
    if "+" in spec:
        preposition, case = spec.split("+")
        return german.prepositional(preposition, case, value, voice)
    return german.nominal(value, spec, voice)
