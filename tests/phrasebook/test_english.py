"""English articles and verb forms."""

import pytest

from onepass.phrasebook import english


@pytest.mark.parametrize(
    ("word", "article"),
    [
        ("apple", "an"),
        ("uncle", "an"),
        ("umbrella", "an"),
        ("university", "a"),
        ("hour", "an"),
        ("pear", "a"),
    ],
)
def test_english_article(word: str, article: str) -> None:
    assert english.article(word) == article


@pytest.mark.parametrize(
    ("base", "forms"),
    [
        ("try", "tries tried trying"),
        ("play", "plays played playing"),
        ("wash", "washes washed washing"),
        ("cancel", "cancels cancelled cancelling"),
        ("bake", "bakes baked baking"),
        ("swim", "swims swam swimming"),
    ],
)
def test_english_verbs(base: str, forms: str) -> None:
    assert f"{english.third(base)} {english.past(base)} {english.progressive(base)}" == forms
