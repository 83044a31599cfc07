"""Filters: what is dropped, under which reason, and what stays."""

import json
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onepass.corpora.filters import REASONS, SHORT_WORDS, FilterCounts, Judge, filter_pairs
from onepass.settings import FilterSettings
from onepass.text.pair import Pair


def run(pairs: Iterable[Pair], **limits: object) -> tuple[list[Pair], FilterCounts]:
    counts = FilterCounts()
    return list(filter_pairs(pairs, Judge(FilterSettings(**limits)), counts)), counts


def words(n: int, word: str = "wort") -> str:
    return " ".join([word] * n)


@pytest.mark.parametrize(
    ("pair", "reason"),
    [
        (Pair("", "ein Satz"), "empty"),
        (Pair("a sentence", ""), "empty"),
        (Pair("a sentence", " \u00a0\u2028 "), "empty"),
        (Pair(words(101), words(90)), "too long"),
        (Pair(words(90), words(101)), "too long"),
        (Pair(words(5), words(21)), "length ratio"),
        (Pair(words(21), words(5)), "length ratio"),
        (Pair(words(1), words(SHORT_WORDS + 1)), "length ratio"),
        (Pair("OK Computer", "OK Computer"), "identical"),
    ],
)
def test_a_bad_pair_is_dropped_under_its_reason(pair: Pair, reason: str) -> None:
    kept, counts = run([pair])
    assert kept == []
    assert counts.dropped == {**dict.fromkeys(REASONS, 0), reason: 1}
    assert (counts.read, counts.kept) == (1, 0)


@pytest.mark.parametrize(
    "pair",
    [
        Pair(words(100), words(100, "word")),
        Pair(words(5), words(20, "word")),
        Pair("Donaudampfschiff", "a steamer on the Danube"),
        Pair("Berlin", "berlin"),
    ],
)
def test_a_pair_at_the_limit_stays(pair: Pair) -> None:
    assert run([pair])[0] == [pair]


def test_a_pair_counts_under_the_first_reason_only() -> None:
    _, counts = run([Pair(words(200), words(200)), Pair("", ""), Pair("", "")])
    assert counts.dropped["too long"] == 1
    assert counts.dropped["empty"] == 2
    assert sum(counts.dropped.values()) == counts.read == 3


def test_only_exact_duplicates_of_a_pair_are_dropped_and_the_first_stays() -> None:
    pairs = [Pair("the cat", "die Katze"), Pair("the cat", "der Kater"), Pair("the cat", "die Katze")]
    kept, counts = run(pairs)
    assert kept == pairs[:2]
    assert counts.dropped["duplicate"] == 1


def test_the_border_between_the_sides_is_part_of_a_pair() -> None:
    pairs = [Pair("a b", "c"), Pair("a", "b c"), Pair("ab", "c"), Pair("a", "bc")]
    assert run(pairs)[0] == pairs


def test_identical_sides_and_duplicates_stay_where_the_settings_say_so() -> None:
    pairs = [Pair("Taxi", "Taxi")] * 2
    assert run(pairs, drop_identical=False, drop_duplicates=False)[0] == pairs


def test_a_stage_further_on_can_count_its_own_drops() -> None:
    _, counts = run([Pair("one", "eins"), Pair("two", "zwei")])
    counts.drop("too many tokens")
    assert counts.kept == 1
    assert json.loads(json.dumps(counts.to_dict())) == {
        "read": 2,
        "kept": 1,
        "dropped": {**dict.fromkeys(REASONS, 0), "too many tokens": 1},
    }


def test_the_summary_is_one_line_that_names_only_what_happened() -> None:
    _, counts = run([Pair("one", "eins")] * 3 + [Pair("", "nichts")])
    assert counts.summary() == "4 pairs read, 1 kept (25.0%); dropped: 1 empty, 2 duplicate"
    assert FilterCounts().summary() == "0 pairs read, 0 kept (0.0%); dropped: none"


TEXTS = st.text(alphabet="ab ", max_size=6)


@settings(deadline=None)
@given(pairs=st.lists(st.builds(Pair, TEXTS, TEXTS)))
def test_kept_pairs_are_those_of_a_plain_restatement(pairs: list[Pair]) -> None:
    expected = [
        p
        for i, p in enumerate(pairs)
        if p.src.strip()
        and p.tgt.strip()
        and p.src != p.tgt
        and p not in pairs[:i]
        and max(len(p.src.split()), len(p.tgt.split())) <= 2
    ]
    kept, counts = run(pairs, max_words=2)
    assert kept == expected
    assert counts.read == len(pairs)
    assert counts.kept == len(kept)


def test_near_duplicates_differ_in_case_marks_spaces_and_numbers_alone() -> None:
    pairs = [Pair(text, f"{n}") for n, text in enumerate(("Page 3, left", "page 12.5 left!", "page left"))]
    kept, counts = run(pairs, drop_near_duplicates=True)
    assert kept == [pairs[0], pairs[2]]
    assert counts.dropped["near duplicate"] == 1
    assert run(pairs)[0] == pairs


def test_sources_alone_are_judged_without_a_translation() -> None:
    pairs = [Pair("one", ""), Pair("one", "x"), Pair("", "x"), Pair(words(101), ""), Pair("two", "two")]
    counts = FilterCounts()
    assert list(filter_pairs(pairs, Judge(FilterSettings(), of_sources=True), counts)) == [pairs[0], pairs[4]]
    assert {reason: n for reason, n in counts.dropped.items() if n} == {
        "duplicate": 1,
        "empty": 1,
        "too long": 1,
    }
