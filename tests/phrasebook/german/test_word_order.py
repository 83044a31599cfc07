"""German clauses: where verbs, times, objects and negations stand, and the English that they translate."""

from random import Random

from onepass.phrasebook import english, german
from onepass.phrasebook.meaning import NP, Clause, Fixed, Located, Nominal
from onepass.phrasebook.nouns import noun
from onepass.phrasebook.people import ME, SHE, WE, YOU
from onepass.phrasebook.verbs import verb
from onepass.phrasebook.voice import Voice

MOTHER = NP(noun("mother"), "my")
YESTERDAY = Fixed("yesterday", ("gestern",))


def translations(clause: Clause, order: str = "main", *, address: str = "Sie") -> set[str]:
    """Every translation that 200 random choices find."""
    random = Random(1)
    return {german.clause(clause, Voice(random, address), order) for _ in range(200)}


def call(form: str, *, subject: Nominal = ME, time: Fixed | None = None, negated: bool = False) -> Clause:
    return Clause(verb("call O"), subject, form, object=MOTHER, time=time, negated=negated)


def test_separable_verbs_part_in_main_clauses_only() -> None:
    assert translations(call("present")) == {"ich rufe meine Mutter an"}
    assert translations(call("present"), "last") == {"ich meine Mutter anrufe"}
    assert translations(call("present"), "zu") == {"meine Mutter anzurufen"}
    assert translations(call("can")) == {"ich kann meine Mutter anrufen"}
    assert translations(call("present", subject=YOU), "imperative", address="du") == {"ruf meine Mutter an"}


def test_perfect_and_simple_past_and_verb_second() -> None:
    assert translations(call("past", time=YESTERDAY)) == {
        "ich habe gestern meine Mutter angerufen",
        "ich habe meine Mutter gestern angerufen",
        "gestern habe ich meine Mutter angerufen",
        "ich rief gestern meine Mutter an",
        "ich rief meine Mutter gestern an",
        "gestern rief ich meine Mutter an",
    }
    assert translations(call("perfect"), "last") == {"ich meine Mutter angerufen habe"}


def test_motion_takes_sein_and_the_accusative() -> None:
    kitchen = noun("kitchen")
    walk = Clause(verb("walk"), WE, "perfect")
    go = Clause(walk.verb, WE, "perfect", direction=Located("to", kitchen.to_de, NP(kitchen, "the")))
    assert "wir sind in die Küche gelaufen" in translations(go)


def test_negation_is_kein_for_the_indefinite_and_nicht_else() -> None:
    need = Clause(verb("need O"), SHE, object=NP(noun("umbrella"), "a"), negated=True)
    assert "sie braucht keinen Regenschirm" in translations(need)
    assert translations(call("present", negated=True)) == {"ich rufe meine Mutter nicht an"}
    assert "my" in english.clause(call("present", negated=True))
    assert english.clause(call("present", negated=True)) == "I don't call my mother"


def test_must_not_is_a_ban_and_have_to_not_is_no_need() -> None:
    assert translations(call("must", negated=True)) == {"ich darf meine Mutter nicht anrufen"}
    assert translations(call("have to", negated=True)) == {"ich muss meine Mutter nicht anrufen"}


def test_dative_verbs_and_reflexives_follow_the_person() -> None:
    help_ = Clause(verb("help O"), ME, object=MOTHER)
    assert translations(help_) == {"ich helfe meiner Mutter"}
    hurry = Clause(verb("hurry"), YOU)
    assert translations(hurry, address="du") == {"du beeilst dich"}
    assert translations(hurry, address="ihr") == {"ihr beeilt euch"}
    assert translations(hurry, "zu", address="Sie") == {"sich zu beeilen"}


def test_relative_clause_keeps_case_and_preposition() -> None:
    key = NP(noun("key"), "that")
    look = Clause(verb("look for O"), ME, "perfect", object=key)
    assert translations(look, "last") == {"den ich gesucht habe", "nach dem ich gesucht habe"}
    assert english.clause(look, gap=True) == "I have looked for"


def test_passive() -> None:
    heating = NP(noun("heating"), "the")
    repaired = Clause(verb("repair O"), heating, "passive-past", time=YESTERDAY)
    assert translations(repaired) == {
        "die Heizung wurde gestern repariert",
        "gestern wurde die Heizung repariert",
    }
    assert english.clause(repaired) == "the heating was repaired yesterday"
    must = Clause(verb("repair O"), heating, "passive-have to")
    assert translations(must, "last") == {"die Heizung repariert werden muss"}
    assert english.clause(must) == "the heating has to be repaired"
