"""Nouns: their classes, their groups, and malformed German."""

from pathlib import Path

import pytest

from onepass.errors import DataError
from onepass.phrasebook import nouns as module
from onepass.phrasebook.adjectives import adjectives
from onepass.phrasebook.meaning import GermanNoun
from onepass.phrasebook.nouns import noun, noun_group, nouns, nouns_of
from onepass.phrasebook.templates import templates
from onepass.phrasebook.verbs import verbs


def test_classes_named_by_verbs_and_adjectives_exist() -> None:
    classes = set().union(*(n.classes for n in nouns()))
    names = {n.en for n in nouns()}
    for v in verbs():
        assert v.objects | v.recipients | v.at | v.to <= classes, v.en
    for a in adjectives():
        assert a.classes <= classes | names, a.en


def test_classes_and_groups_named_by_templates_exist() -> None:
    for template in (template for situation in templates() for template in situation):
        for filler in template.slots.values():
            if filler.name in ("np", "plain-np"):
                assert all(noun_group(name) or nouns_of(name) for name in filler.of), template.en


def test_no_group_hides_a_class() -> None:
    classes = set().union(*(n.classes for n in nouns()))
    assert not [name for name in classes if noun_group(name)]


def test_a_noun_has_its_own_classes_and_those_of_its_section() -> None:
    assert noun("apple").classes == {"food", "edible", "bought", "fruit", "counted", "cuttable"}
    assert noun("trousers").en == ""
    assert noun("bread").en_plural == ""
    assert (noun("attic").at, noun("attic").at_de, noun("market").to_de) == (
        "in",
        ("auf+d",),
        ("auf+a", "zu+d"),
    )


def test_german_words_of_a_noun() -> None:
    assert noun("colleague").de == (
        GermanNoun("m", "Kollege", "Kollegen", weak=True),
        GermanNoun("f", "Kollegin", "Kolleginnen", weak=False),
    )
    assert noun("shoes").de == (GermanNoun("p", "", "Schuhe", weak=False),)
    assert noun("jeans").de == (GermanNoun("f", "Jeans", "", weak=False),)


def test_nouns_of_any_of_the_classes_in_the_order_of_the_table() -> None:
    assert [n.en for n in nouns_of("meal", "cold-drink")][:3] == ["lunch", "dinner", "water"]
    with pytest.raises(DataError, match="planet, star"):
        nouns_of("planet", "star")


def test_a_noun_that_is_not_there() -> None:
    with pytest.raises(ValueError, match="'moon'"):
        noun("moon")
    assert noun_group("planets") == ()


@pytest.mark.parametrize("german", ["den Mond/Monde", "der Mond", "Mond/Monde"])
def test_malformed_german_names_file_and_line(
    german: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "nouns.txt").write_text(f"# nouns\n[sky]\nsun | - | die Sonne/-\nmoon | moons | {german}\n")
    monkeypatch.setattr(module, "table", lambda name: tmp_path / f"{name}.txt")
    with pytest.raises(DataError) as caught:
        nouns.__wrapped__()
    assert str(caught.value.where).endswith("nouns.txt, line 4")
    assert repr(german) in caught.value.what
