"""Adjectives: what they suit, what they are compared by, and their groups."""

from onepass.phrasebook.adjectives import (
    adjective_group,
    adjective_named,
    adjectives,
    adjectives_of,
    feelings,
)
from onepass.phrasebook.nouns import noun
from onepass.phrasebook.source_files import table
from onepass.text.tables import read_lists


def test_adjectives_suit_classes_and_single_nouns() -> None:
    assert {"ripe", "sweet", "big"} <= {a.en for a in adjectives_of(noun("apple"))}
    assert "sharp" in {a.en for a in adjectives_of(noun("knife"))}
    assert "sharp" not in {a.en for a in adjectives_of(noun("spoon"))}


def test_comparatives() -> None:
    assert adjective_named("old").comparative == ("older", "älter")
    assert adjective_named("expensive").comparative == ("more expensive", "teurer")
    assert adjective_named("red").comparative is None


def test_feelings_suit_no_noun() -> None:
    assert all(not feeling.classes and feeling.comparative is None for feeling in feelings())


def test_every_word_of_the_groups_is_an_adjective() -> None:
    known = {a.en for a in (*adjectives(), *feelings())}
    for group, words in read_lists(table("adjective_groups"), str).items():
        assert set(words) <= known, group
    assert {"excuse", "gradable excuse"} <= read_lists(table("adjective_groups"), str).keys()
    assert adjective_group("gradable excuse") <= adjective_group("excuse") <= {a.en for a in feelings()}
