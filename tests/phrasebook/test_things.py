"""Things as noun phrases, and what sets two of them apart."""

from random import Random

from onepass.phrasebook.adjectives import adjectives_of
from onepass.phrasebook.meaning import NP
from onepass.phrasebook.nouns import noun
from onepass.phrasebook.people import ME
from onepass.phrasebook.sampler import Sampler
from onepass.phrasebook.things import adjective, comparison, countless, generic, thing


def test_what_there_is_one_of_is_definite_and_nobodys() -> None:
    sampler = Sampler(Random(1))
    found = [thing(sampler, {"installed"}, ME, indefinite=1.0) for _ in range(300)]
    assert {(np.det, np.plural) for np in found} == {("the", False)}


def test_any_one_and_several() -> None:
    sampler = Sampler(Random(1))
    found = [thing(sampler, {"tool", "cookable"}, ME, indefinite=1.0) for _ in range(2_000)]
    assert {np.det for np in found} == {"", "a", "some", *("two", "three", "four", "five", "six", "ten")}
    assert not any(np.plural for np in found if np.det == "a")
    assert all(np.noun.en_plural for np in found if np.plural)


def test_faults_suit_only_what_is_mended() -> None:
    sampler = Sampler(Random(1))

    def drawn(verb: str) -> set[str]:
        found = (adjective(sampler, noun("car"), verb) for _ in range(300))
        return {word.en for word in found if word is not None}

    assert drawn("wash O") - drawn("rent O") == {"dirty"}
    assert drawn("rent O") - drawn("wash O") == {"clean"}


def test_things_are_compared_by_what_both_can_be() -> None:
    sampler = Sampler(Random(1))
    for _ in range(300):
        first, second, word = comparison(sampler)
        assert first.noun is not second.noun
        assert word.comparative is not None
        assert word in adjectives_of(first.noun)
        assert word in adjectives_of(second.noun)


def test_habits_and_negations_are_about_things_in_general() -> None:
    assert generic(NP(noun("form"), "a")) == NP(noun("form"), "", plural=True)
    assert generic(NP(noun("ladder"), "a")) == NP(noun("ladder"), "the")
    assert countless(NP(noun("form"), "three", plural=True)) == NP(noun("form"), "the", plural=True)
    assert countless(NP(noun("form"), "some", plural=True)).det == "some"
