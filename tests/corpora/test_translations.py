"""What is dropped of a teacher's translations, under which reason, and what stays."""

import pytest

from onepass.corpora.filters import FilterCounts
from onepass.corpora.translations import filter_translations, most_repeats
from onepass.settings import TranslationFilterSettings
from onepass.text.pair import Pair


def run(pair: Pair, *, src: str = "en", tgt: str = "pt", **settings: object) -> str | None:
    """The reason for which the pair is dropped."""
    counts = FilterCounts(dropped={})
    kept = list(filter_translations([pair], TranslationFilterSettings(**settings), counts, src=src, tgt=tgt))
    assert counts.read == 1
    assert kept == ([] if counts.dropped else [pair])
    return next(iter(counts.dropped), None)


@pytest.mark.parametrize(
    ("pair", "reason"),
    [
        (Pair("A red door.", ""), "empty"),
        (Pair("A red door.", "   "), "empty"),
        (Pair("A red door.", "a red door."), "copied"),
        (Pair("a b c d e f", "um dois"), "length ratio"),
        (Pair("two words", "a b c d e f"), "length ratio"),
        (Pair("A very red door.", "Uma porta muito muito muito vermelha."), "repeated words"),
        (Pair("The end of it.", "O fim do fim do fim do fim."), "repeated words"),
        (Pair('He said "no".', 'Ele disse "não.'), "unpaired mark"),
        (Pair("It is (nearly) over.", "Está (quase acabado."), "unpaired mark"),
        (Pair("“No”", "«Não"), "unpaired mark"),
        (Pair("We sold 1,234 of 99.", "Vendemos 1234,5 de 99."), "numbers"),
        (Pair("It was in 1999.", "Foi em 199."), "numbers"),
        (Pair("in the 9th century", "no século XI"), "numbers"),
        (Pair("at 4:15", "às 16:15"), "numbers"),
        (Pair("There are 2 of them.", "Há 2 ou 3 deles."), "numbers"),
        (Pair("See https://example.org/a now.", "Veja https://example.org/b agora."), "addresses"),
        (Pair("Ask me@example.org now.", "Pergunte agora."), "addresses"),
    ],
)
def test_a_bad_translation_is_dropped_under_its_reason(pair: Pair, reason: str) -> None:
    assert run(pair) == reason


@pytest.mark.parametrize(
    "pair",
    [
        Pair("A red door.", "Uma porta vermelha."),
        Pair("New York", "New York"),
        Pair("no no no no", "não não não não"),
        Pair("a) first", "a) primeiro"),
        Pair('5" of snow', '5" de neve'),
        Pair("He left", "Foi-se"),
        Pair("It cost 1,234.5 and 2.50.", "Custou 1.234,5 e 2,5."),
        Pair("3 of 3", "3 de 3"),
        Pair("in the 9th and the 19th century", "nos séculos IX e XIX"),
        Pair("at 4:15 pm, not at 5 p.m.", "às 16:15, não às 17h"),
        Pair("over 400,000 men", "mais de 400 mil homens"),
        Pair("See www.example.org/a now.", "Veja agora www.example.org/a."),
        Pair("either/or", "um ou outro"),
        Pair("a very very red door", "uma porta muito muito vermelha"),
    ],
)
def test_a_good_translation_stays(pair: Pair) -> None:
    assert run(pair) is None


def test_each_check_can_be_left_out() -> None:
    assert run(Pair("a red door", "a red door"), copied=False) is None
    assert run(Pair("a (b", "a b)"), unpaired=False) is None
    assert run(Pair("it is so", "a a a é"), max_repeats=3) is None
    assert run(Pair("a b c d e f", "um dois"), max_length_ratio=3) is None
    assert run(Pair("a 1", "a 2"), numbers=False) is None
    assert run(Pair("a me@example.org", "a"), addresses=False) is None


def test_languages_without_spaces_are_measured_in_characters() -> None:
    long = "これはとても長い日本語の文章であり、空白はありません。"
    pair = Pair("This is a very long Japanese sentence.", long)
    assert run(pair, tgt="ja", max_length_ratio=2.0) is None
    assert run(pair, tgt="pt", max_length_ratio=2.0) == "length ratio"
    assert run(Pair("Yes, it is so, my dear friend.", "はい"), tgt="ja") == "length ratio"


@pytest.mark.parametrize(
    ("text", "most"),
    [("", 1), ("a", 1), ("a b a b", 2), ("a A a", 3), ("a b c a b c a b c", 3), ("a b c d e a b c d e", 1)],
)
def test_repeats_are_counted(text: str, most: int) -> None:
    assert most_repeats(text.split()) == most
