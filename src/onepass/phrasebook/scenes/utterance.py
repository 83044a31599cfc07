"""The utterance: an English sentence that can be said in German, each time with other choices."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from onepass.phrasebook import english, german
from onepass.phrasebook.meaning import Clause
from onepass.phrasebook.sampler import Sampler
from onepass.phrasebook.voice import Voice


@dataclass(frozen=True, slots=True)
class Utterance:
    """An English sentence and the way to say it in German, one correct translation a call."""

    english: str
    german: Callable[[Voice], str]


Scene = Callable[[Sampler], Utterance]


def said(c: Clause, mark: str = ".") -> Utterance:
    """A main clause."""
    return Utterance(english.clause(c) + mark, lambda v: german.clause(c, v) + mark)


def asked(c: Clause) -> Utterance:
    """A question to be answered with yes or no."""
    return Utterance(english.clause(c, "question") + "?", lambda v: german.clause(c, v, "question") + "?")
