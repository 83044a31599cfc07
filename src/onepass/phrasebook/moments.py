"""Times that are drawn: when something happens, by the form of its verb."""

from __future__ import annotations

from onepass.phrasebook import times
from onepass.phrasebook.forms import PAST_MODALS, PRESENT_MODALS
from onepass.phrasebook.meaning import Fixed
from onepass.phrasebook.phrases import phrases
from onepass.phrasebook.sampler import Sampler


def spoken_time(s: Sampler, low: int = 1, high: int = 12) -> Fixed:
    """Return a time of day in words, from `low` to quarter to after `high` o'clock."""
    return times.clock(low + int(s.random.random() * (high - low + 1)), int(s.random.random() * 4))


def time_of_day(s: Sampler) -> Fixed:
    """Return a time of day in words or figures."""
    if s.chance(0.7):
        return spoken_time(s)
    return times.digital(s.number(6, 24), s.one(range(5, 60, 5)))


def moment(s: Sampler, form: str) -> Fixed | None:
    """Return a time that fits the form of the verb."""
    if form == "past" or form in PAST_MODALS:
        when = s.one(phrases("past"))
        return when if s.chance(0.6) else None
    if form == "will" or form in PRESENT_MODALS:
        return _future(s) if s.chance(0.7 if form == "will" else 0.45) else None
    if form == "progressive":
        return s.one(phrases("now")) if s.chance(0.4) else None
    return s.one(phrases("habit")) if form == "habit" else None


def _future(s: Sampler) -> Fixed:
    when = s.one(phrases("future"))
    if when in phrases("with-clock") or (when in phrases("perhaps-with-clock") and s.chance(0.4)):
        clock = spoken_time(s)
        return Fixed(f"{when.en} at {clock.en}", tuple(f"{when.de[0]} um {time}" for time in clock.de))
    return when
