"""German noun phrases against tables written by hand."""

from random import Random

import pytest

from onepass.phrasebook import german
from onepass.phrasebook.adjectives import adjective_named
from onepass.phrasebook.meaning import NP, Name, Pronoun
from onepass.phrasebook.nouns import noun
from onepass.phrasebook.voice import Voice

DECLENSION = {
    # noun, determiner: nominative, accusative, dative, all with `neu`
    ("coat", "the"): ("der neue Mantel", "den neuen Mantel", "dem neuen Mantel"),
    ("coat", "a"): ("ein neuer Mantel", "einen neuen Mantel", "einem neuen Mantel"),
    ("jacket", "the"): ("die neue Jacke", "die neue Jacke", "der neuen Jacke"),
    ("jacket", "my"): ("meine neue Jacke", "meine neue Jacke", "meiner neuen Jacke"),
    ("dress", "this"): ("dieses neue Kleid", "dieses neue Kleid", "diesem neuen Kleid"),
    ("dress", "our"): ("unser neues Kleid", "unser neues Kleid", "unserem neuen Kleid"),
    ("dress", "no"): ("kein neues Kleid", "kein neues Kleid", "keinem neuen Kleid"),
    ("shoes", "the"): ("die neuen Schuhe", "die neuen Schuhe", "den neuen Schuhen"),
    ("shoes", ""): ("neue Schuhe", "neue Schuhe", "neuen Schuhen"),
    ("shoes", "two"): ("zwei neue Schuhe", "zwei neue Schuhe", "zwei neuen Schuhen"),
    ("trousers", "my"): ("meine neue Hose", "meine neue Hose", "meiner neuen Hose"),
    ("furniture", "the"): ("die neuen Möbel", "die neuen Möbel", "den neuen Möbeln"),
}


@pytest.mark.parametrize(("key", "forms"), DECLENSION.items())
def test_noun_phrases_decline(key: tuple[str, str], forms: tuple[str, str, str]) -> None:
    en, det = key
    np = NP(noun(en), det, adjective_named("new"), plural=en.endswith(("shoes", "trousers")))
    assert tuple(german.nominal(np, case, Voice(Random(1))) for case in "nad") == forms


def test_strong_adjectives_of_mass_nouns() -> None:
    voice = Voice(Random(1))
    fresh = adjective_named("fresh")
    assert german.nominal(NP(noun("coffee"), "", fresh), "n", voice) == "frischer Kaffee"
    assert german.nominal(NP(noun("coffee"), "", fresh), "a", voice) == "frischen Kaffee"
    assert german.nominal(NP(noun("milk"), "", fresh), "d", voice) == "frischer Milch"
    assert german.nominal(NP(noun("bread"), "", fresh), "d", voice) == "frischem Brot"


def test_weak_masculines_and_genitives() -> None:
    voice = Voice(Random(1))
    colleague = noun("colleague")
    voice.chosen[id(colleague)] = colleague.de[0]
    mine = NP(colleague, "my")
    assert [german.nominal(mine, case, voice) for case in "nadg"] == [
        "mein Kollege",
        "meinen Kollegen",
        "meinem Kollegen",
        "meines Kollegen",
    ]
    assert german.nominal(NP(noun("father"), "my"), "g", voice) == "meines Vaters"
    assert german.nominal(NP(noun("son"), "my"), "g", voice) == "meines Sohnes"
    assert german.nominal(Name("Weber", "Mr"), "a", voice) == "Herrn Weber"


def test_your_follows_the_form_of_address() -> None:
    np = NP(noun("coat"), "your")
    found = [german.nominal(np, "a", Voice(Random(1), address)) for address in ("du", "ihr", "Sie")]
    assert found == ["deinen Mantel", "euren Mantel", "Ihren Mantel"]


@pytest.mark.parametrize(
    ("place", "preposition", "case", "said"),
    [
        ("station", "an", "d", "am Bahnhof"),
        ("station", "zu", "d", "zum Bahnhof"),
        ("pharmacy", "zu", "d", "zur Apotheke"),
        ("kitchen", "in", "d", "in der Küche"),
        ("kitchen", "in", "a", "in die Küche"),
        ("park", "in", "d", "im Park"),
        ("cinema", "in", "a", "ins Kino"),
        ("airport", "von", "d", "vom Flughafen"),
        ("bank", "von", "d", "von der Bank"),
        ("market", "auf", "a", "auf den Markt"),
    ],
)
def test_prepositions_contract_and_govern(place: str, preposition: str, case: str, said: str) -> None:
    assert german.prepositional(preposition, case, NP(noun(place), "the"), Voice(Random(1))) == said


def test_pronoun_takes_the_gender_of_the_word_chosen() -> None:
    wallet = noun("wallet")
    it = Pronoun("it", wallet)
    for word, pronoun in zip(wallet.de, ("sie", "ihn", "es"), strict=True):
        voice = Voice(Random(1))
        voice.chosen[id(wallet)] = word
        assert german.nominal(it, "a", voice) == pronoun
