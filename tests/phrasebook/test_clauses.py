"""Clauses that make sense: forms, times and negations that go together."""

from random import Random

from onepass.phrasebook.clauses import action, declare, excuse, impersonal, mood, trip
from onepass.phrasebook.forms import forms
from onepass.phrasebook.meaning import NP, Clause, Quality
from onepass.phrasebook.nouns import noun
from onepass.phrasebook.people import ME, THEY
from onepass.phrasebook.phrases import phrases
from onepass.phrasebook.sampler import Sampler
from onepass.phrasebook.verbs import clashes, verb


def actions_of(form: str, count: int = 1_500) -> list[Clause]:
    sampler = Sampler(Random(1))
    return [action(sampler, form) for _ in range(count)]


def test_mishaps_are_of_the_past() -> None:
    mishaps = {"lose O", "forget O", "leave O behind", "miss O", "fall asleep"}
    assert mishaps <= {c.verb.en for c in actions_of("past")}
    for form in ("will", "can", "habit"):
        assert not mishaps & {c.verb.en for c in actions_of(form)}
    assert "find O" in {c.verb.en for c in actions_of("will")}
    assert "find O" not in {c.verb.en for c in actions_of("must")}


def test_times_suit_form_and_verb() -> None:
    for c in actions_of("past"):
        assert c.time is None or c.time in phrases("past")
        assert not any(part in c.time.en for part in clashes(c.verb.en)) if c.time is not None else True
    assert all(c.time is not None or c.negated for c in actions_of("was able to"))
    for c in actions_of("habit"):
        assert (c.time is None) == (c.adverb in phrases("often"))
        assert (c.form, c.negated) == ("present", False)
    assert {c.adverb for c in actions_of("perfect") if c.negated} == {phrases("perfect")[2]}


def test_the_polite_forms_are_not_negated() -> None:
    assert not any(c.negated for form in ("may", "could", "progressive") for c in actions_of(form))


def test_motion_says_where_to() -> None:
    for c in actions_of("past"):
        assert (c.direction is not None) == bool(c.verb.to)


def test_trips_take_longer_than_minutes() -> None:
    sampler = Sampler(Random(1))
    times = [trip(sampler, "will").time for _ in range(500)]
    assert not any("minutes" in time.en or "hour" in time.en for time in times if time is not None)


def test_feelings_and_their_degrees() -> None:
    sampler = Sampler(Random(1))
    found = [mood(sampler).direction for _ in range(2_000)]
    degrees = {
        (q.adjective.en, q.degree.en) for q in found if isinstance(q, Quality) and q.degree is not None
    }
    assert ("tired", "too") in degrees
    assert not degrees & {("happy", "too"), ("happy", "a bit"), ("ready", "very"), ("in a hurry", "very")}


def test_statements_by_form() -> None:
    sampler = Sampler(Random(1))
    assert declare(sampler, "be", ME, negative=0).verb.en == "be"
    assert declare(sampler, "could", ME, negative=0).form == "was able to"
    assert declare(sampler, "not-past", ME, negative=0).negated
    assert excuse(sampler, ME).form == "past"


def test_nobody_in_particular_owns_nothing() -> None:
    c = Clause(verb("call O"), THEY, object=NP(noun("mother"), "their"))
    assert impersonal(c).object == NP(noun("mother"), "my")
    c = Clause(verb("wash O"), THEY, object=NP(noun("car"), "their"))
    assert impersonal(c).object == NP(noun("car"), "the")


def test_forms_come_as_often_as_the_table_says() -> None:
    assert forms("question") == (
        *("past", "past", "perfect", "will", "can", "can", "could", "could", "want to", "have to", "habit"),
    )
    assert forms("statement").count("past") == 6
