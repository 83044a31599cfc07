"""Capitals that a vocabulary lacks: how they are read, and how they are written."""

import threading
import time
import unicodedata
from collections.abc import Iterator

import pytest

from onepass import Translator
from onepass.runtime.letters import Letters, with_lacking_capitals

USUAL = {"ótimo", "às", "India", "Oscar", "é"}
"""Words of one subword; of others each letter is one."""


def encode(text: str) -> list[int]:
    return [0] * (1 if text in USUAL else len(text))


ONLY_SMALL = Letters(lambda: ["▁ótimo", "índia", "<Ú>", "às", "É", "é", "ß", "µ"], encode)
EVERY = Letters(lambda: ["ÓóÍíÀàÉé"], encode)


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("Ótimo!", "ótimo!"),
        ("A Índia", "A India"),
        ("Às vezes", "às vezes"),
        ("É Óscar", "É Oscar"),
        ("São Ó", "São ó"),
        (unicodedata.normalize("NFD", "Ótimo"), "ótimo"),
        ("Última", "Última"),  # what no subword has in small letters is no letter of the vocabulary
        ("Great SS", "Great SS"),
        ("", ""),
    ],
)
def test_a_capital_is_read_as_what_has_fewer_subwords(text: str, read: str) -> None:
    assert ONLY_SMALL.readable(text) == read


def test_what_the_vocabulary_has_is_read_as_it_is() -> None:
    assert EVERY.readable("Ótimo, Índia, Às") == "Ótimo, Índia, Às"


def test_such_capitals_are_known_and_others_are_not() -> None:
    assert [ONLY_SMALL.has(letter) for letter in "ÓÍÀÚúÉ漢"] == [True, True, True, False, False, True, False]
    assert [ONLY_SMALL.lack_capital(letter) for letter in "óíàéußµ"] == [
        True,
        True,
        True,
        False,
        False,
        False,
        False,
    ]


def test_a_thread_that_asks_while_another_one_learns_has_the_same_answer() -> None:
    halfway = threading.Event()

    def vocabulary() -> Iterator[str]:
        yield "í"
        halfway.set()
        time.sleep(0.2)
        yield "ó"

    letters = Letters(vocabulary, encode)
    first = threading.Thread(target=letters.has, args=("a",))
    first.start()
    assert halfway.wait(5)
    assert [letters.has(letter) for letter in "íóÍÓ"] == [True] * 4
    assert letters.readable("Ótimo") == "ótimo"
    assert letters.lack_capital("ó")
    first.join()


@pytest.mark.parametrize(
    ("source", "translation", "expected"),
    [
        ("Great!", "ótimo!", "Ótimo!"),
        ("It is India.", "É a índia.", "É a Índia."),
        ("India is big, India.", "índia é grande, índia.", "Índia é grande, índia."),
        ("great!", "ótimo!", "ótimo!"),
        ("It is an index of India", "É um índice da índia", "É um índice da Índia"),
        ("The indian", "o índio", "o índio"),
        ("42 Great!", "42 ótimo!", "42 Ótimo!"),
        ("", "ótimo", "ótimo"),
        ("Yes", "", ""),
    ],
)
def test_what_is_written_gets_the_capitals_of_the_source(
    source: str, translation: str, expected: str
) -> None:
    assert with_lacking_capitals(source, translation, EVERY, ONLY_SMALL) == expected
    assert with_lacking_capitals(source, translation, EVERY, EVERY) == translation


def test_a_first_word_that_was_read_in_small_letters_begins_with_a_capital() -> None:
    assert with_lacking_capitals("Ótimo!", "great!", ONLY_SMALL, EVERY) == "Great!"
    assert with_lacking_capitals("Ótimo iPhone", "iPhone good", ONLY_SMALL, EVERY) == "iPhone good"


@pytest.mark.parametrize(
    ("model", "text", "translation"),
    [
        ("pt-en", "Ótimo!", "Great!"),
        ("pt-en", "A Índia é um país.", "India is a country."),
        ("pt-en", "Ângela chegou.", "Angela has arrived."),
        ("pt-en", "Às vezes eu durmo.", "Sometimes I sleep."),
        ("en-pt", "It is India.", "É a Índia."),
    ],
)
def test_the_shipped_models_know_them(model: str, text: str, translation: str) -> None:
    [found] = Translator.load(model).translate([text], alignment=True)
    assert found.text == translation
    assert found.alignment
    for word in found.alignment:
        assert all(text[place.start : place.end].strip() for place in word.sources)
