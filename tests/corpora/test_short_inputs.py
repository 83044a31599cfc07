"""Exercises of a few words: what the teacher says twice, in the case and with the mark of the source."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import pytest

from onepass.corpora.exercises import Exercise
from onepass.corpora.short_inputs import FORMS, SAID_ALONE, short_inputs
from onepass.text.pair import Pair

HELLO = {"hello": "olá", "Hello": "Olá,", "Hello.": "Olá.", "Hello!": "Olá!"}


def learnt(exercises: Sequence[Exercise], teacher: Callable[[str], str]) -> list[Pair]:
    found = [each.learnt([teacher(text) for text in each.shown]) for each in exercises]
    return [pair for pair in found if pair is not None]


def all_forms(sentence: str, teacher: Mapping[str, str]) -> set[Pair]:
    """What is learnt of a phrase in all its forms; of a language of which nothing is known."""
    exercises = short_inputs([sentence] * 500, 50, src="xx", tgt="pt", seed=[1])
    assert len(exercises) == len(FORMS)
    return set(learnt(exercises, lambda text: teacher[text]))


def test_a_word_is_learnt_in_every_form() -> None:
    assert all_forms("Hello.", HELLO) == {
        Pair("hello", "olá"),
        Pair("hello.", "olá."),
        Pair("hello!", "olá!"),
        Pair("Hello", "Olá"),
        Pair("Hello.", "Olá."),
        Pair("Hello!", "Olá!"),
        Pair("HELLO", "OLÁ"),
        Pair("HELLO.", "OLÁ."),
        Pair("HELLO!", "OLÁ!"),
    }


def test_marks_are_those_of_the_language() -> None:
    marked = all_forms("Hello", {**HELLO, "Hello!": "¡Olá!", "Hello.": "Olá。"})
    assert {Pair("HELLO!", "¡OLÁ!"), Pair("hello.", "olá。")} < marked


def test_what_is_said_but_once_is_not_learnt() -> None:
    said = {**HELLO, "hello": "viva", "Hello.": "Bom dia.", "Hello!": "Olá!"}
    assert all_forms("Hello", said) == {Pair("Hello!", "Olá!"), Pair("HELLO!", "OLÁ!")}


def test_a_capital_of_the_teacher_is_not_learnt_for_small_letters() -> None:
    assert {pair.src for pair in all_forms("Hello", {**HELLO, "hello": "Olá"})} == {
        form.of("hello", "en") for form in FORMS if form.case != "small"
    }


@pytest.mark.parametrize("bad", ["hello", "olá olá", "uma palavra que se diz", "...", ""])
def test_copies_repeats_and_explanations_are_not_learnt(bad: str) -> None:
    assert all_forms("Hello", dict.fromkeys(HELLO, bad)) == set()


def test_a_mark_that_the_translation_lacks_is_no_pair() -> None:
    found = all_forms("Hello", {**HELLO, "Hello!": "Olá", "Hello.": "Olá. ("})
    assert {pair.src for pair in found} == {"hello", "Hello", "HELLO"}


def test_they_are_distinct_of_short_sentences_words_and_what_is_said_alone() -> None:
    sentences = [
        "Open windows!",
        "The cat sleeps in seven houses.",
        "RUN",
        "Is it?",
        "at 3",
        "One day goes by",
    ] * 99
    exercises = short_inputs(sentences, 60, src="en", tgt="pt", seed=[1])
    pairs = learnt(exercises, lambda text: text[0] + "x" + text[1:])
    assert len(pairs) == len(set(pairs)) > 40
    said = set(SAID_ALONE["en"].split(", "))
    kinds = Counter("said" if (bare := pair.src.rstrip(".!").lower()) in said else bare for pair in pairs)
    assert kinds.pop("said") == 20
    words = " ".join(sentences[:6]).lower().replace(".", "").split()
    assert set(kinds) <= {"open windows", *words} - {"run", "is", "it?", "at", "3"}
    assert kinds["open windows"] > 3
    other = short_inputs(sentences, 60, src="en", tgt="pt", seed=[2])
    assert [each.shown for each in other] != [each.shown for each in exercises]
