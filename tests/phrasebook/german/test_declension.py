"""German adjectives before nouns."""

import pytest

from onepass.phrasebook import german


@pytest.mark.parametrize(
    ("word", "form"),
    [("teuer", "teure"), ("dunkel", "dunkle"), ("sauber", "saubere"), ("müde", "müde"), ("hoch", "hohe")],
)
def test_adjective_stems(word: str, form: str) -> None:
    assert german.adjective(word, "f", "n", "der") == form
