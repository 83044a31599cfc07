"""Requests: what somebody is asked to do."""

from __future__ import annotations

from dataclasses import replace

from onepass.phrasebook import clauses, english, german
from onepass.phrasebook.meaning import Fixed
from onepass.phrasebook.people import YOU
from onepass.phrasebook.phrases import phrases
from onepass.phrasebook.sampler import Sampler
from onepass.phrasebook.scenes.utterance import Utterance
from onepass.phrasebook.verbs import favours
from onepass.phrasebook.voice import Voice


def request(s: Sampler) -> Utterance:
    """Please switch off the heating."""
    c = clauses.action(s, "infinitive", who=YOU, verbs=favours(), timed=False, negative=0.08)
    c = replace(c, companion=None)
    if s.chance(0.25):
        c = replace(c, time=s.one(phrases("at-request")))
    wish = english.clause(c, "infinitive")
    if c.negated:
        wish = "don't " + wish
    shape = s.one(("please", "end", "plain")) if not c.negated else "please"
    text = {"please": f"Please {wish}.", "end": f"{wish}, please.", "plain": f"{wish}."}[shape]

    def say(v: Voice) -> str:
        if shape == "plain":
            return german.clause(c, v, "imperative") + "."
        if v.chance(0.6):
            return "bitte " + german.clause(c, v, "imperative") + "."
        return german.clause(replace(c, remark=Fixed("please", ("bitte",))), v, "imperative") + "."

    return Utterance(text, say)
