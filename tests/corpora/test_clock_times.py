"""Exercises of clock times: figures for the teacher, words for the student."""

from collections.abc import Sequence

import pytest

from onepass.corpora.clock_times import FRAMES, clock_times
from onepass.corpora.exercises import Exercise
from onepass.text.clock import ClockTime, ways
from onepass.text.pair import Pair

NO_TIME = ["The cat sleeps.", "She came home."]


def exercises(
    sentences: Sequence[str] = NO_TIME, count: int = 200, src: str = "en", tgt: str = "pt"
) -> list[Exercise]:
    return clock_times(sentences, count, src=src, tgt=tgt, seed=[1])


def learnt(teacher: dict[str, str], src: str = "en", tgt: str = "pt") -> set[Pair]:
    """What comes of the exercises whose sentence the teacher knows; it writes it with the same figures."""
    found = set()
    for each in exercises(src=src, tgt=tgt, count=2_000):
        frame = next((frame for frame in FRAMES[src] if each.shown[0].startswith(frame.split("{}")[0])), "")
        time = each.shown[0][len(frame.split("{}")[0]) : len(each.shown[0]) - len(frame.split("{}")[-1])]
        if frame in teacher:
            found.add(each.learnt([teacher[frame].format(time)]))
    return {pair for pair in found if pair is not None}


@pytest.mark.parametrize(
    ("time", "english", "portuguese"),
    [
        ((3, 30), ["half past three"], ["três e meia"]),
        ((1, 15), ["quarter past one", "a quarter past one"], ["uma e quinze"]),
        ((12, 45), ["quarter to one", "a quarter to one"], ["doze e quarenta e cinco", "quinze para a uma"]),
        ((8, 40), ["twenty to nine"], ["oito e quarenta", "vinte para as nove"]),
        ((7, 25), ["twenty-five past seven"], ["sete e vinte e cinco"]),
        ((9, 35), ["twenty-five to ten"], ["nove e trinta e cinco"]),
    ],
)
def test_times_are_said(time: tuple[int, int], english: list[str], portuguese: list[str]) -> None:
    assert ways(ClockTime(*time), "en") == english
    assert ways(ClockTime(*time), "pt") == portuguese


def test_every_time_has_words() -> None:
    times = [ClockTime(hour, minute) for hour in range(1, 13) for minute in range(5, 60, 5)]
    for language in FRAMES:
        said = [way for time in times for way in ways(time, language)]
        assert len(set(said)) == len(said)
        assert not any(letter.isdigit() for way in said for letter in way)


def test_a_teacher_sees_figures_and_a_student_words() -> None:
    found = exercises()
    assert len(found) == 200
    for each in found:
        assert sum(letter.isdigit() for letter in each.shown[0]) in (3, 4)
        pair = each.learnt([each.shown[0].replace("{}", "")])  # English words before it, so nothing is learnt
        assert pair is None


def test_words_stand_for_the_figures_on_both_sides() -> None:
    found = learnt({"Let's meet at {}.": "Vamos nos encontrar às {}."})
    assert Pair("Let's meet at half past three.", "Vamos nos encontrar às três e meia.") in found
    assert Pair("Let's meet at quarter to six.", "Vamos nos encontrar às cinco e quarenta e cinco.") in found


def test_one_hour_has_another_article_and_verb() -> None:
    found = learnt({"Let's meet at {}.": "Vamos nos encontrar às {}.", "It is {}.": "É o {}."})
    assert Pair("Let's meet at half past one.", "Vamos nos encontrar à uma e meia.") in found
    assert Pair("It is half past one.", "É uma e meia.") in found
    assert Pair("It is half past four.", "São quatro e meia.") in found


def test_portuguese_is_learnt_to_english() -> None:
    found = learnt({"Acordei às {} hoje.": "I woke up at {} today.", "São {}.": "It is {}."}, "pt", "en")
    assert Pair("Acordei às três e meia hoje.", "I woke up at half past three today.") in found
    assert Pair("Acordei à uma e quinze hoje.", "I woke up at quarter past one today.") in found
    assert Pair("Acordei às quinze para as nove hoje.", "I woke up at quarter to nine today.") in found
    assert Pair("São sete e vinte.", "It is twenty past seven.") in found
    assert Pair("É uma e vinte.", "It is twenty past one.") in found


@pytest.mark.parametrize(
    "bad",
    [
        "Vamos nos encontrar às três.",  # no time
        "Vamos às {0} e às {0}.",  # two
        "Vamos nos encontrar no número {}.",  # no time of day
        "Vamos às {} p.m. hoje.",  # a suffix that words cannot have
        "Vamos vamos às {} hoje.",
    ],
)
def test_what_words_do_not_fit_into_is_not_learnt(bad: str) -> None:
    assert learnt({"Let's meet at {}.": bad}) == set()


def test_sentences_of_the_corpus_are_used_where_a_preposition_is_before_one_time() -> None:
    good = "Tom gets up at 7:40 every day."
    bad = [
        "The score was 3:15.",
        "Tom came at 7:30 and left at 8:30.",
        "It began at 10:30 am.",
        "At 7:30:15 it ended.",
    ]
    sentences = {each.shown[0] for each in exercises([good, *bad], 300)}
    own = {frame.split("{}")[0] for frame in FRAMES["en"]}
    others = [text for text in sentences if not text.startswith(tuple(own))]
    assert len(others) > 50
    assert all(text.startswith("Tom gets up at ") and text.endswith(" every day.") for text in others)


def test_languages_without_words_have_no_exercises() -> None:
    assert exercises(src="en", tgt="de") == exercises(src="xx", tgt="pt") == []
    assert len(exercises(src="en", tgt="pt-BR", count=10)) == 10
