"""Times that are drawn for a form of the verb."""

from random import Random

import pytest

from onepass.phrasebook.meaning import Fixed
from onepass.phrasebook.moments import moment, spoken_time, time_of_day
from onepass.phrasebook.phrases import phrases
from onepass.phrasebook.sampler import Sampler
from onepass.phrasebook.times import clock, digital


def drawn(form: str) -> set[Fixed | None]:
    sampler = Sampler(Random(1))
    return {moment(sampler, form) for _ in range(5_000)}


@pytest.mark.parametrize(("form", "group"), [("past", "past"), ("had to", "past"), ("progressive", "now")])
def test_a_form_has_the_times_of_its_group_or_none(form: str, group: str) -> None:
    assert drawn(form) == {None, *phrases(group)}


def test_a_habit_always_has_its_time_and_a_present_none() -> None:
    assert drawn("habit") == set(phrases("habit"))
    assert drawn("present") == drawn("perfect") == {None}


def test_a_clock_time_follows_some_days_always_and_others_sometimes() -> None:
    for form in ("will", "can", "could"):
        found = {time for time in drawn(form) if time is not None}
        clocks = {time for time in found if " at " in time.en}
        assert {time.en.split(" at ")[0] for time in clocks} == {
            *(day.en for day in (*phrases("with-clock"), *phrases("perhaps-with-clock")))
        }
        assert found - clocks == set(phrases("future")) - set(phrases("with-clock"))
    assert Fixed("tomorrow at half past one", ("morgen um halb zwei", "morgen um 1.30 Uhr")) in drawn("will")


def test_times_of_day_in_words_and_figures() -> None:
    sampler = Sampler(Random(1))
    evenings = {spoken_time(sampler, 8, 11) for _ in range(1_000)}
    assert evenings == {clock(hour, quarter) for hour in range(8, 12) for quarter in range(4)}
    found = {time_of_day(sampler) for _ in range(20_000)}
    words = {clock(hour, quarter) for hour in range(1, 13) for quarter in range(4)}
    assert found == words | {digital(hour, minute) for hour in range(6, 24) for minute in range(5, 60, 5)}
