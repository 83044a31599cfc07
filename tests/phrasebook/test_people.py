"""People: who is not whom, and what English says of their sex."""

from random import Random

import pytest

from onepass.phrasebook.meaning import NP, Both, Name
from onepass.phrasebook.nouns import noun
from onepass.phrasebook.people import (
    HE,
    ME,
    SHE,
    THEY,
    WE,
    WHO,
    YOU,
    possessive,
    pronoun,
    sex,
    somebody,
    subject,
)
from onepass.phrasebook.sampler import Sampler

SISTER, BOSS = NP(noun("sister"), "my"), NP(noun("boss"), "my")
PARENTS = NP(noun("parents"), "my")


def test_nobody_does_something_to_himself() -> None:
    sampler = Sampler(Random(1))
    for _ in range(2_000):
        who = subject(sampler)
        found = somebody(sampler, {"mine", "person"}, who)
        parts = (who.first, who.second) if isinstance(who, Both) else (who,)
        assert found not in parts
        if isinstance(found, NP):
            assert found.noun not in [part.noun for part in parts if isinstance(part, NP)]
            assert (found.noun.en, found.det) not in {("husband", "his"), ("wife", "her"), ("wife", "their")}


@pytest.mark.parametrize(
    ("who", "expected"),
    [(Name("Anna"), "f"), (Name("Paul"), "m"), (Name("Weber", "Mrs"), "f"), (SISTER, "f"), (BOSS, "")],
)
def test_sex_as_far_as_english_tells(who: Name | NP, expected: str) -> None:
    assert sex(who) == expected


def test_pronouns_for_people() -> None:
    found = [pronoun(who) for who in (SISTER, Name("Weber", "Mr"), PARENTS, BOSS)]
    assert found == [SHE, HE, THEY, None]


def test_possessives_agree_with_the_subject() -> None:
    subjects = (ME, YOU, WE, THEY, WHO, SISTER, BOSS, Both(SISTER, ME), Both(Name("Anna"), Name("Paul")))
    found = [possessive(who) for who in subjects]
    assert found == ["my", "your", "our", "their", "the", "her", "the", "our", "their"]
