"""The embedded corpus: its promises, its paradigms against tables written by hand, and its multimodality."""

import re
from collections import Counter, defaultdict
from random import Random

import pytest

from onepass.errors import DataError
from onepass.phrasebook import english, german, phrasebook, translate, utterances
from onepass.phrasebook.adjectives import ADJECTIVES, adjective_named
from onepass.phrasebook.adverbials import clock, date, price
from onepass.phrasebook.meaning import NP, Clause, Fixed, Located, Name, Nominal, Pronoun, Voice
from onepass.phrasebook.nouns import NOUNS, noun
from onepass.phrasebook.verbs import VERBS, verb
from onepass.text.pair import Pair

ME, YOU, SHE, WE = Pronoun("I"), Pronoun("you"), Pronoun("she"), Pronoun("we")


@pytest.fixture(scope="module")
def corpus() -> dict[str, list[Pair]]:
    return {split: list(phrasebook(split)) for split in ("train", "dev", "test")}


def translations(clause: Clause, order: str = "main", *, address: str = "Sie") -> set[str]:
    """Every translation that 200 random choices find."""
    random = Random(1)
    return {german.clause(clause, Voice(random, address), order) for _ in range(200)}


# --- the corpus --------------------------------------------------------------------------


def test_same_seed_same_corpus_other_seed_another(corpus: dict[str, list[Pair]]) -> None:
    assert list(phrasebook("dev", seed=2)) != corpus["dev"]
    assert list(phrasebook("dev", seed=1)) == corpus["dev"]
    assert list(phrasebook("train", seed=1)) == corpus["train"]


def test_sizes(corpus: dict[str, list[Pair]]) -> None:
    assert len(corpus["dev"]) == len(corpus["test"]) == 1_000
    assert len(corpus["train"]) == 36_000
    assert len({pair.src for pair in corpus["train"]}) >= 30_000


@pytest.mark.parametrize("side", ["src", "tgt"])
def test_splits_share_no_sentence(corpus: dict[str, list[Pair]], side: str) -> None:
    train, dev, test = ({getattr(pair, side) for pair in corpus[split]} for split in ("train", "dev", "test"))
    assert not train & dev
    assert not train & test
    assert not dev & test


def test_sources_have_3_to_20_words(corpus: dict[str, list[Pair]]) -> None:
    lengths = [len(pair.src.split()) for pairs in corpus.values() for pair in pairs]
    assert min(lengths) >= 3
    assert max(lengths) <= 20
    assert 7 < sum(lengths) / len(lengths) < 11


def test_vocabulary_is_not_a_toy(corpus: dict[str, list[Pair]]) -> None:
    def forms(side: str) -> set[str]:
        text = " ".join(getattr(pair, side) for pair in corpus["train"])
        return set(re.findall(r"[^\W\d]+", text))

    assert len(forms("src")) >= 1_200
    assert len(forms("tgt")) >= 2_500
    assert len(NOUNS) >= 250
    assert len(VERBS) >= 120
    assert len(ADJECTIVES) >= 75


def test_no_sentence_is_malformed(corpus: dict[str, list[Pair]]) -> None:
    broken = re.compile(r"  | [,.?;]|[{}\[\]|;]|\bNone\b|,,")
    uncontracted = re.compile(r"(?<!, )\b(?:in dem|an dem|zu dem|zu der|von dem|bei dem|in das|an das)\b")
    articles = re.compile(r"\ba [aeio]|\ban [^aeiouh]", re.IGNORECASE)
    for pair in (pair for pairs in corpus.values() for pair in pairs):
        for side in pair:
            assert not broken.search(side), pair
            assert side[0].isupper() or side[0].isdigit(), pair
            assert side[-1] in ".?", pair
        assert not uncontracted.search(pair.tgt), pair
        assert not articles.search(pair.src), pair
        assert pair.src.endswith("?") == pair.tgt.endswith("?"), pair


def test_subordinate_clauses_stand_between_commas(corpus: dict[str, list[Pair]]) -> None:
    conjunction = re.compile(r"(?<!^)(?<!, )\b(?:dass|weil|obwohl|ob|falls|denn)\b")
    for pair in corpus["train"]:
        assert not conjunction.search(pair.tgt), pair


def test_unknown_split_is_a_data_error() -> None:
    with pytest.raises(DataError, match="train, dev, test"):
        next(phrasebook("valid"))


def test_repeated_sources_have_different_translations(corpus: dict[str, list[Pair]]) -> None:
    targets = defaultdict(list)
    for pair in corpus["train"]:
        targets[pair.src].append(pair.tgt)
    repeated = [found for found in targets.values() if len(found) > 1]
    assert len(repeated) > 3_000
    assert sum(len(set(found)) > 1 for found in repeated) > 0.5 * len(repeated)


def test_typical_source_has_several_translations() -> None:
    random = Random(7)
    stream = utterances(random)
    counts = []
    for _ in range(300):
        utterance = next(stream)
        counts.append(len(Counter(translate(utterance, random) for _ in range(60))))
    assert sorted(counts)[150] >= 4
    assert sum(counts) / len(counts) > 6


def test_address_is_consistent_within_a_sentence(corpus: dict[str, list[Pair]]) -> None:
    informal = re.compile(r"\b(?:du|dich|dir|dein\w*)\b", re.IGNORECASE)
    plural = re.compile(r"\b(?:euch|eure?\w*)\b", re.IGNORECASE)
    formal = re.compile(r"(?<!^)\b(?:Ihnen|Ihr\w*)\b")
    for pair in corpus["train"]:
        assert sum(bool(p.search(pair.tgt)) for p in (informal, plural, formal)) <= 1, pair


# --- nouns and adjectives ----------------------------------------------------------------

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


@pytest.mark.parametrize(
    ("word", "form"),
    [("teuer", "teure"), ("dunkel", "dunkle"), ("sauber", "saubere"), ("müde", "müde"), ("hoch", "hohe")],
)
def test_adjective_stems(word: str, form: str) -> None:
    assert german.adjective(word, "f", "n", "der") == form


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


# --- verbs -------------------------------------------------------------------------------

PRESENT = {
    # ich, du, er, wir, ihr, sie
    "arbeiten": "arbeite arbeitest arbeitet arbeiten arbeitet arbeiten",
    "reisen": "reise reist reist reisen reist reisen",
    "öffnen": "öffne öffnest öffnet öffnen öffnet öffnen",
    "lernen": "lerne lernst lernt lernen lernt lernen",
    "bügeln": "bügle bügelst bügelt bügeln bügelt bügeln",
    "liefern": "liefere lieferst liefert liefern liefert liefern",
    "tanzen": "tanze tanzt tanzt tanzen tanzt tanzen",
    "geben": "gebe gibst gibt geben gebt geben",
    "fahren": "fahre fährst fährt fahren fahrt fahren",
    "sein": "bin bist ist sind seid sind",
    "müssen": "muss musst muss müssen müsst müssen",
}


@pytest.mark.parametrize(("infinitive", "forms"), PRESENT.items())
def test_present_tense(infinitive: str, forms: str) -> None:
    assert " ".join(german.present(infinitive, who) for who in german.PERSON_ORDER) == forms


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        ("call O", "angerufen"),
        ("prepare O", "vorbereitet"),
        ("repair O", "repariert"),
        ("book O", "gebucht"),
        ("visit O", "besucht"),
        ("sign O", "unterschrieben"),
        ("answer O", "beantwortet"),
        ("fill in O", "ausgefüllt"),
        ("hang up O", "aufgehängt"),
        ("work", "gearbeitet"),
        ("get up early", "aufgestanden"),
        ("forget O", "vergessen"),
        ("chat with O", "geplaudert"),
    ],
)
def test_participles(frame: str, said: str) -> None:
    assert german.participle(verb(frame).de[0]) == said


@pytest.mark.parametrize(
    ("infinitive", "du", "ihr"),
    [
        ("geben", "gib", "gebt"),
        ("nehmen", "nimm", "nehmt"),
        ("essen", "iss", "esst"),
        ("lesen", "lies", "lest"),
        ("fahren", "fahr", "fahrt"),
        ("warten", "warte", "wartet"),
        ("öffnen", "öffne", "öffnet"),
        ("bügeln", "bügle", "bügelt"),
        ("kaufen", "kauf", "kauft"),
        ("entschuldigen", "entschuldige", "entschuldigt"),
        ("liefern", "liefere", "liefert"),
    ],
)
def test_imperatives(infinitive: str, du: str, ihr: str) -> None:
    assert german.imperative(infinitive, "du") == du
    assert german.imperative(infinitive, "ihr") == ihr
    assert german.imperative(infinitive, "Sie") == f"{infinitive} Sie"


# --- clauses -----------------------------------------------------------------------------

MOTHER = NP(noun("mother"), "my")
TOMORROW, YESTERDAY = Fixed("tomorrow", ("morgen",)), Fixed("yesterday", ("gestern",))


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
    walk = Clause(VERBS[[v.en for v in VERBS].index("walk")], WE, "perfect")
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


def test_pronoun_takes_the_gender_of_the_word_chosen() -> None:
    wallet = noun("wallet")
    it = Pronoun("it", wallet)
    for word, pronoun in zip(wallet.de, ("sie", "ihn", "es"), strict=True):
        voice = Voice(Random(1))
        voice.chosen[id(wallet)] = word
        assert german.nominal(it, "a", voice) == pronoun


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


# --- times, prices, English --------------------------------------------------------------

HOURS = {
    # hour: its own name, the coming one's
    1: ("eins", "zwei"),
    2: ("zwei", "drei"),
    3: ("drei", "vier"),
    4: ("vier", "fünf"),
    5: ("fünf", "sechs"),
    6: ("sechs", "sieben"),
    7: ("sieben", "acht"),
    8: ("acht", "neun"),
    9: ("neun", "zehn"),
    10: ("zehn", "elf"),
    11: ("elf", "zwölf"),
    12: ("zwölf", "eins"),
}


@pytest.mark.parametrize("hour", HOURS)
def test_clock_times(hour: int) -> None:
    this, coming = HOURS[hour]
    full = "ein" if hour == 1 else this
    assert [clock(hour, quarter).de for quarter in range(4)] == [
        (f"{full} Uhr", f"{hour} Uhr"),
        (f"Viertel nach {this}", f"{hour}.15 Uhr"),
        (f"halb {coming}", f"{hour}.30 Uhr"),
        (f"Viertel vor {coming}", f"{hour}.45 Uhr"),
    ]


def test_spoken_english_times() -> None:
    assert [clock(7, quarter).en for quarter in range(4)] == [
        "seven o'clock",
        "quarter past seven",
        "half past seven",
        "quarter to eight",
    ]


def test_prices_and_dates() -> None:
    assert price(12, 50).de[0] == "12,50 Euro"
    assert price(12, 50).en == "12.50 euros"
    assert date("3rd", "May").de == ("am 3. Mai", "am dritten Mai")


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


def test_lexicon_classes_named_by_verbs_and_adjectives_exist() -> None:
    kinds = set().union(*(n.kinds for n in NOUNS))
    names = {n.en for n in NOUNS}
    for v in VERBS:
        assert v.objects | v.recipients | v.at | v.to <= kinds, v.en
    for a in ADJECTIVES:
        assert a.kinds <= kinds | names, a.en
