"""Exercises in capitals: both sides get the same ones, words by what the teacher makes of them alone."""

from collections.abc import Callable

import numpy as np
import pytest

from onepass.corpora.capitals import (
    capitals,
    in_capitals,
    in_title_case,
    place_of,
    title_case,
    with_capital_words,
)
from onepass.corpora.exercises import Exercise, Maker, make_sources
from onepass.text.pair import Pair

SENTENCE = "The red cat never sleeps here."
TEACHER = {
    SENTENCE: "O gato vermelho nunca dorme aqui.",
    "red": "vermelho",
    "cat": "Gato",
    "never": "nunca",
    "sleeps": "está a dormir",
    "red cat": "gato vermelho",
    "never sleeps": "nunca dorme",
}


def pairs_of(make: Maker[Exercise], count: int, teacher: Callable[[str], str]) -> list[Pair | None]:
    made = make_sources([SENTENCE] * count, make, count, seed=[1])
    assert len(made) == count
    return [each.learnt([teacher(text) for text in each.shown]) for each in made]


def teach(text: str) -> str:
    return TEACHER.get(text, "?")


def test_a_sentence_in_capitals_is_the_ordinary_one_in_capitals() -> None:
    (found,) = pairs_of(in_capitals("en", "pt"), 1, teach)
    assert found == Pair("THE RED CAT NEVER SLEEPS HERE.", "O GATO VERMELHO NUNCA DORME AQUI.")


def test_title_case_has_small_words_or_none() -> None:
    found = set(pairs_of(in_title_case("en", "pt"), 30, teach))
    assert found == {
        Pair("The Red Cat Never Sleeps Here.", "O Gato Vermelho Nunca Dorme Aqui."),
        Pair("The red cat Never Sleeps Here.", "O Gato Vermelho Nunca Dorme Aqui."),
    }


def test_words_in_capitals_are_those_whose_translation_is_clear() -> None:
    found = set(pairs_of(with_capital_words("en", "pt"), 200, teach)) - {None}
    assert found == {
        Pair("The RED cat never sleeps here.", "O gato VERMELHO nunca dorme aqui."),
        Pair("The red CAT never sleeps here.", "O GATO vermelho nunca dorme aqui."),
        Pair("The red cat NEVER sleeps here.", "O gato vermelho NUNCA dorme aqui."),
        Pair("The RED CAT never sleeps here.", "O GATO VERMELHO nunca dorme aqui."),
        Pair("The red cat NEVER SLEEPS here.", "O gato vermelho NUNCA DORME aqui."),
    }


@pytest.mark.parametrize("make", [in_capitals, in_title_case, with_capital_words])
@pytest.mark.parametrize(
    "translation",
    [
        SENTENCE,  # copied
        "O gato vermelho nunca dorme aqui",  # no mark
        "O gato gato vermelho nunca dorme aqui.",
        "O gato vermelho nunca dorme aqui (.",
        "O gato vermelho nunca dorme às 3.",
        "",
    ],
)
def test_a_bad_translation_of_the_sentence_is_no_pair(
    make: Callable[[str, str], Maker[Exercise]], translation: str
) -> None:
    found = pairs_of(make("en", "pt"), 5, lambda text: translation if text == SENTENCE else teach(text))
    assert found == [None] * 5


@pytest.mark.parametrize(
    "sentence", ["Too short.", "See https://a.example for the red cat.", "The NASA cat never sleeps here."]
)
def test_what_is_unfit_is_left(sentence: str) -> None:
    random = np.random.default_rng(1)
    for make in (in_capitals, in_title_case, with_capital_words):
        assert make("en", "pt")(sentence, random) is None


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("Größe straße", "de", "GRÖSSE STRASSE"),
        ("não, coração", "pt", "NÃO, CORAÇÃO"),
        ("iki ılık", "tr", "İKİ ILIK"),
        ("iki", "en", "IKI"),
        ("don’t", "en", "DON’T"),
    ],
)
def test_capitals_are_those_of_the_language(text: str, language: str, expected: str) -> None:
    assert capitals(text, language) == expected


def test_title_case_leaves_what_follows_an_apostrophe() -> None:
    assert title_case("don't stop, l’amour of my life", small=False) == "Don't Stop, L’amour Of My Life"
    assert title_case("a day of joy", small=True) == "A day of joy"
    assert title_case("“the longest day” of mine", small=True) == "“The Longest day” of Mine"


def test_a_phrase_has_a_place_only_where_it_is_once() -> None:
    assert place_of("Ano.", "um ano bom") == slice(3, 6)
    assert place_of("ano", "um anoitecer") is None
    assert place_of("ano", "ano a ano") is None
    assert place_of("?", "não?") is None
