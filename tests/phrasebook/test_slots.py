"""What fills the slots of templates."""

from random import Random

import pytest

from onepass.errors import DataError
from onepass.phrasebook.meaning import NP, Clause, Fixed, Pronoun, Value
from onepass.phrasebook.nouns import noun
from onepass.phrasebook.people import ME, SHE, WE, WHO
from onepass.phrasebook.phrases import phrases
from onepass.phrasebook.sampler import Sampler
from onepass.phrasebook.slots import fill
from onepass.phrasebook.templates import Filler, templates


def draw(filler: Filler, count: int = 200, **filled: Value) -> list[Value]:
    sampler = Sampler(Random(1))
    return [fill(sampler, filler, filled) for _ in range(count)]


def test_every_slot_of_every_template_is_filled() -> None:
    sampler = Sampler(Random(1))
    for template in (template for situation in templates() for template in situation):
        values: dict[str, Value] = {}
        for name, filler in template.slots.items():
            values[name] = fill(sampler, filler, values)


def test_a_group_of_phrases_fills_a_slot() -> None:
    assert set(draw(Filler("month"))) == set(phrases("month"))


def test_a_second_city_is_another_one() -> None:
    berlin = Fixed("Berlin", ("Berlin",))
    assert set(draw(Filler("city2"), 1_000, c=berlin)) == set(phrases("city")) - {berlin}


def test_noun_phrases_have_one_of_the_determiners_and_classes() -> None:
    found = draw(Filler("np", ("clothes", "bag"), ("this", "my")))
    assert all(isinstance(np, NP) and np.noun.classes & {"clothes", "bag"} for np in found)
    assert {np.det for np in found if isinstance(np, NP)} == {"this", "my"}
    assert any(np.adjective for np in found if isinstance(np, NP))
    plain = draw(Filler("plain-np", ("clothes", "bag"), ("this", "my")))
    assert not any(np.adjective for np in plain if isinstance(np, NP))


@pytest.mark.parametrize(
    ("classes", "determiner", "expected"),
    [
        (("wine",), "a", {("some", False)}),
        (("hot-drink",), "order", {("", False)}),
        (("limb",), "bare", {("", False)}),
        (("lodging",), "a", {("a", False)}),
        (("soups",), "the", {("the", False)}),
    ],
)
def test_articles_of_a_noun_that_depend_on_it(
    classes: tuple[str, ...], determiner: str, expected: set[tuple[str, bool]]
) -> None:
    found = draw(Filler("plain-np", classes, (determiner,)))
    assert {(np.det, np.plural) for np in found if isinstance(np, NP)} == expected


def test_pronouns_refer_to_another_slot() -> None:
    key, shoes, aunt = NP(noun("key"), "the"), NP(noun("shoes"), "my", plural=True), NP(noun("aunt"), "my")
    assert draw(Filler("it", ("x",)), 1, x=key) == [Pronoun("it", key.noun)]
    assert draw(Filler("it", ("x",)), 1, x=shoes) == [Pronoun("they", shoes.noun)]
    assert draw(Filler("he", ("x",)), 1, x=aunt) == [SHE]


def test_clauses_have_the_subject_and_one_of_the_forms() -> None:
    own = [c for c in draw(Filler("clause", ("I",), ("will", "perfect"))) if isinstance(c, Clause)]
    assert {c.subject for c in own} == {ME}
    assert {c.form for c in own} == {"will", "perfect"}
    third = [c for c in draw(Filler("clause", ("third",), ("not-past",))) if isinstance(c, Clause)]
    assert not {ME, WE} & {c.subject for c in third if isinstance(c.subject, Pronoun)}
    assert {(c.form, c.negated) for c in third} == {("past", True)}
    asked = [c for c in draw(Filler("who", (), ("past",))) if isinstance(c, Clause)]
    assert {c.subject for c in asked} == {WHO}
    assert all(c.time is None for c in asked)


def test_what_one_in_general_does_is_done_to_nobodys_things() -> None:
    for c in draw(Filler("act", ("one",)), 500):
        assert isinstance(c, Clause)
        assert not any(isinstance(np, NP) and np.det == "their" for np in (c.object, c.recipient))


def test_a_colour_is_a_noun_in_german() -> None:
    assert Fixed("green", ("Grün",)) in draw(Filler("colour"))


def test_an_unknown_filler_is_a_data_error() -> None:
    with pytest.raises(DataError, match="nothing fills") as caught:
        draw(Filler("planet"), 1)
    assert caught.value.value == "planet"
    assert "city" in str(caught.value.allowed)
