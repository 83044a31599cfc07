"""Exercises: sources with placeholders and with repeats, and which translations can be learnt from."""

import numpy as np
import pytest

from onepass.corpora.exercises import (
    has_same_repeats,
    is_carried,
    make_sources,
    with_placeholders,
    with_repeats,
)
from onepass.corpora.translations import most_repeats
from onepass.text.pair import Pair
from onepass.text.placeholders import pieces, placeholder

SENTENCES = [
    f"Every Sunday my {kind} friend Maria is very happy to see us." for kind in ("old", "new", "best")
]


def test_placeholders_are_put_between_the_words_each_once() -> None:
    made = make_sources(SENTENCES * 50, with_placeholders, 100, seed=[1])
    assert len(made) == 100
    kinds = set()
    for source in made:
        slots = [piece for piece in pieces(source) if isinstance(piece, int)]
        assert 1 <= len(slots) == len(set(slots)) <= 6
        kinds.add(len(slots))
    assert len(kinds) > 3


def test_a_sentence_that_has_spans_or_is_too_short_is_left() -> None:
    random = np.random.default_rng(1)
    assert [with_placeholders(text, random) for text in ("I have 2 cats at home.", "Too short.")] == [
        None,
        None,
    ]


def test_repeats_are_words_that_people_repeat_or_spelled_names() -> None:
    made = make_sources(SENTENCES * 50, with_repeats("en"), 100, seed=[1])
    assert len(made) == 100
    spelled = [
        source for source in made if "-" in source or (" very happy" in source and "Maria" not in source)
    ]
    assert 0 < len(spelled) < 60
    for source in set(made) - set(spelled):
        words = source.replace(",", "").split()
        assert most_repeats(words) > 1
    assert make_sources(SENTENCES * 50, with_repeats("en"), 100, seed=[2]) != made


@pytest.mark.parametrize(
    ("src", "tgt", "same"),
    [
        ("very, very cold", "muito, muito frio", True),
        ("very, very cold", "muito frio", False),
        ("no no no", "não não", False),
        ("I am A-N-N-A now", "Agora sou A-N-N-A", True),
        ("I am A-N-N-A now", "Agora sou A-N-A", False),
    ],
)
def test_a_translation_repeats_what_its_source_repeats(src: str, tgt: str, same: bool) -> None:
    assert has_same_repeats(Pair(src, tgt)) is same


def test_a_translation_carries_each_placeholder_once() -> None:
    a, b = placeholder(4), placeholder(5)
    assert is_carried(Pair(f"x {a} y {b}", f"{b} {a}"))
    assert not is_carried(Pair(f"x {a} y {b}", f"{b}"))
    assert not is_carried(Pair(f"x {a}", f"{a} {a}"))
