"""The voice of a translation: fixed probabilities, and one word a noun in a sentence."""

from collections import Counter
from random import Random

import pytest

from onepass.phrasebook.nouns import noun
from onepass.phrasebook.voice import Voice


@pytest.mark.parametrize("shares", [(1.0,), (0.6, 0.4), (0.5, 0.3, 0.2), (0.4, 0.3, 0.2, 0.1)])
def test_alternatives_have_fixed_probabilities(shares: tuple[float, ...]) -> None:
    voice = Voice(Random(1))
    counts = Counter(voice.pick(range(len(shares))) for _ in range(20_000))
    assert [counts[i] / 20_000 for i in range(len(shares))] == pytest.approx(shares, abs=0.015)


def test_sie_is_the_most_frequent_form_of_address() -> None:
    random = Random(1)
    counts = Counter(Voice(random).address for _ in range(5_000))
    assert [who for who, _ in counts.most_common()] == ["Sie", "du", "ihr"]
    assert Voice(random, "du").address == "du"


def test_a_noun_has_one_german_word_in_a_sentence() -> None:
    random, wallet = Random(1), noun("wallet")
    voices = [Voice(random) for _ in range(100)]
    chosen = [voice.noun(wallet) for voice in voices]
    assert set(chosen) == set(wallet.de)
    assert [voice.noun(wallet) for voice in voices] == chosen
