"""The explanation of a translation adds up."""

import pytest

from onepass.text.explain import explain


def test_each_source_token_stands_with_what_it_became() -> None:
    line = explain(["▁the", "▁house", "▁keys"], [1, 0, 2], ["▁die", "▁Haus", "schlüssel"])
    assert line == "▁the ×1 → ▁die | ▁house ×0 | ▁keys ×2 → ▁Haus schlüssel"


def test_a_translation_without_tokens_has_an_empty_explanation() -> None:
    assert explain([], [], []) == ""


def test_every_source_token_needs_a_fertility() -> None:
    with pytest.raises(ValueError, match="zip"):
        explain(["▁a", "▁b"], [1], ["▁x"])
