"""Text that a model can read, and what a translation must not have."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onepass.text.validity import cleaned, has_letters, is_valid_output, with_end_marks

ANY_TEXT = st.text(st.characters(codec=None, exclude_categories=()))
UNSEEN = "\x00\x08\x0b\x0c\x1b\x1c\x1d\x1e\x1f\x7f\x85\x9f\u115f\u1160\u180e\u2800\u3164\uffa0\ud800\udfff"


@pytest.mark.parametrize("char", UNSEEN)
def test_what_nobody_sees_is_a_space(char: str) -> None:
    assert cleaned(f"one{char}two") == "one two"
    assert cleaned(f"one. {char}  {char}Two  three") == "one. Two  three"


def test_tabs_line_ends_and_joiners_stay() -> None:
    text = "a\tb\nc\r\n👩\u200d🚀 e\u0301 soft\u00adhyphen \ufffd\u2028"
    assert cleaned(text) == text


def test_halves_of_a_surrogate_pair_become_their_character() -> None:
    assert cleaned("x \ud83d\ude00 y \ude00\ud83d") == "x 😀 y "
    assert cleaned("\udbff\udfff") == "\U0010ffff"


@given(ANY_TEXT)
def test_cleaned_text_can_be_encoded_and_stays_clean(text: str) -> None:
    clean = cleaned(text)
    clean.encode()
    assert {c for c in clean if unicodedata.category(c) == "Cc"} <= set("\t\n\r")
    assert cleaned(clean) == clean


@given(st.text(st.characters(categories=["L", "N", "P", "Zs"], exclude_characters=UNSEEN)))
def test_ordinary_text_is_not_touched(text: str) -> None:
    assert cleaned(text) == text


def test_digits_and_marks_are_no_letters() -> None:
    assert not has_letters("12:30 – 5 € ... 😀 ½ ²")
    assert not has_letters("")
    assert all(map(has_letters, ["1 a", "茶", "чай", "ª"]))


@pytest.mark.parametrize("char", ["\ufffd", "\x00", "\x1b", "\x85", chr(0xD800)])
def test_an_output_has_no_broken_character_that_its_source_lacks(char: str) -> None:
    assert not is_valid_output("tea", f"chá{char}")
    assert is_valid_output(f"{char}tea", f"chá{char}")
    assert not is_valid_output("tea\x01", f"chá{char}")


def test_letters_tabs_and_line_ends_are_valid_output() -> None:
    assert is_valid_output("tea", "chá\t茶\n😀\r")


@pytest.mark.parametrize(
    ("source", "hyp", "found"),
    [
        ("So tired??", "Tão cansados?", "Tão cansados??"),
        ("So tired!!!", "Tão cansados!!!!", "Tão cansados!!!"),
        ("Really?!", "Sério?", "Sério?!"),
        ("Really?", "Sério??", "Sério??"),  # not a run of the source
        ("So tired??", "Tão cansados.", "Tão cansados."),
        ("So tired??", "", ""),
        ("So?? Yes.", "E? Sim?", "E? Sim?"),
    ],
)
def test_a_run_of_end_marks_is_as_long_as_in_the_source(source: str, hyp: str, found: str) -> None:
    assert with_end_marks(source, hyp) == found
