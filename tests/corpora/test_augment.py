"""Augmentation: what a changed pair looks like, and which pairs are changed."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from onepass.corpora.augment import AugmentCounts, augment_pairs
from onepass.corpora.names import names
from onepass.settings import AugmentSettings
from onepass.text.pair import Pair


def run(pairs: list[Pair], seed: int = 1, **shares: float) -> tuple[list[Pair], AugmentCounts]:
    counts = AugmentCounts()
    return list(augment_pairs(pairs, AugmentSettings(**shares), counts, seed=seed)), counts


@pytest.mark.parametrize(
    ("pair", "bare"),
    [
        (Pair("Come in.", "Komm herein!"), Pair("Come in", "Komm herein")),
        (Pair("You did what?!", "Du hast was?"), Pair("You did what", "Du hast was")),
        (Pair("Well ...", "Tja ?  "), Pair("Well", "Tja")),
    ],
)
def test_both_sides_lose_their_final_marks(pair: Pair, bare: Pair) -> None:
    assert run([pair], unpunctuated=1.0) == ([bare], AugmentCounts(unpunctuated=1))


@pytest.mark.parametrize(
    "pair",
    [
        Pair("Come in", "Komm herein."),
        Pair("Come in.", "Komm herein"),
        Pair("He said: “Come in.”", "Er sagte: „Komm herein.“"),
        Pair("Come in ", "Komm herein."),
        Pair("?", "Was?"),
        Pair("...", "..."),
    ],
)
def test_a_side_without_mark_or_of_marks_alone_leaves_the_pair_as_it_is(pair: Pair) -> None:
    assert run([pair], unpunctuated=1.0) == ([pair], AugmentCounts())


def test_only_the_source_loses_its_capital() -> None:
    pairs = [Pair("Thank you.", "Danke."), Pair("iPhones ring.", "Es klingelt."), Pair("2 teas", "2 Tees")]
    expected = [Pair("thank you.", "Danke."), *pairs[1:]]
    assert run(pairs, uncapitalised=1.0) == (expected, AugmentCounts(uncapitalised=1))


def test_a_source_wholly_in_small_letters() -> None:
    pairs = [Pair("Tom and I left.", "Tom und ich gingen."), Pair("2 teas", "2 Tees")]
    expected = [Pair("tom and i left.", "Tom und ich gingen."), pairs[1]]
    assert run(pairs, lowercased=1.0) == (expected, AugmentCounts(lowercased=1))


def test_a_pair_loses_its_first_capital_or_all() -> None:
    pairs = [Pair("Ask Tom", "Frag Tom")] * 10_000
    changed, counts = run(pairs, uncapitalised=0.2, lowercased=0.3)
    assert changed.count(Pair("ask Tom", "Frag Tom")) == counts.uncapitalised == pytest.approx(2000, abs=200)
    assert changed.count(Pair("ask tom", "Frag Tom")) == counts.lowercased == pytest.approx(3000, abs=200)
    uncapitalised = [i for i, pair in enumerate(changed) if pair.src == "ask Tom"]
    alone = run(pairs, uncapitalised=0.2)[0]
    assert uncapitalised == [i for i, pair in enumerate(alone) if pair != pairs[0]]  # the same as before
    with pytest.raises(ValidationError, match="together at most 1"):
        AugmentSettings(uncapitalised=0.6, lowercased=0.5)


def test_names_that_both_sides_have_once_are_replaced_by_others_of_their_group() -> None:
    pair = Pair("Tom's here; Mary likes Boston, Tomas.", "Tom ist da, Mary mag Boston, Tomas.")
    changed = [run([pair], seed=seed, renamed=1.0)[0][0] for seed in range(50)]
    found = [re.fullmatch(r"(.+)'s here; (.+) likes (.+), Tomas\.", pair.src) for pair in changed]
    assert all(found)
    women, men, places, _ = names()
    drawn = zip(*(match.groups() for match in found if match), strict=True)
    for group, new_names in zip((men, women, places), drawn, strict=True):
        assert len(set(new_names)) > 20
        assert set(new_names) <= set(group)
    for new, match in zip(changed, found, strict=True):
        assert match is not None
        assert new.tgt == "{} ist da, {} mag {}, Tomas.".format(*match.groups())


@pytest.mark.parametrize(
    "pair",
    [
        Pair("Tom's car", "Toms Auto"),
        Pair("Tom saw Tom.", "Tom sah sich."),
        Pair("He saw Tom.", "Tom sah Tom."),
        Pair("Ask him.", "Frag Tom."),
        Pair("tom left.", "tom ging."),
    ],
)
def test_other_names_stay(pair: Pair) -> None:
    assert run([pair], renamed=1.0) == ([pair], AugmentCounts())


def test_renaming_leaves_the_other_changes_where_they_were() -> None:
    pairs = [Pair("Ask Tom.", "Frag Tom.")] * 1_000
    with_names, counts = run(pairs, unpunctuated=0.3, uncapitalised=0.2, renamed=0.5)
    without = run(pairs, unpunctuated=0.3, uncapitalised=0.2)[0]
    assert counts.renamed == pytest.approx(500, abs=60)
    for a, b in zip(with_names, without, strict=True):
        assert (a.src[0], a.src[-1] == ".") == (b.src[0], b.src[-1] == ".")


def test_every_name_is_in_one_group_and_is_one_word() -> None:
    found = [name for group in names() for name in group]
    assert len(set(found)) == len(found) > 500
    assert all(re.fullmatch(r"[^\W\d_]{2,}", name) and name.istitle() for name in found)


def test_shares_are_of_all_pairs_and_fall_independently() -> None:
    pairs = [Pair("Sit down.", "Setz dich.")] * 10_000
    changed, counts = run(pairs, unpunctuated=0.3, uncapitalised=0.2)
    assert counts.unpunctuated == pytest.approx(3000, abs=200)
    assert counts.uncapitalised == pytest.approx(2000, abs=200)
    assert changed.count(Pair("sit down", "Setz dich")) == pytest.approx(600, abs=100)
    assert run(pairs, unpunctuated=0.3, uncapitalised=0.2)[0] == changed
    assert run(pairs, seed=2, unpunctuated=0.3, uncapitalised=0.2)[0] != changed


@given(st.lists(st.builds(Pair, st.text(), st.text()), max_size=20))
def test_nothing_else_changes_and_no_side_becomes_empty(pairs: list[Pair]) -> None:
    assert run(pairs) == (pairs, AugmentCounts())
    for before, after in zip(pairs, run(pairs, unpunctuated=1.0, uncapitalised=1.0)[0], strict=True):
        assert before.tgt.startswith(after.tgt)
        assert bool(after.src) == bool(before.src)
        assert bool(after.tgt) == bool(before.tgt)
        assert after.src[1:] == before.src[1 : len(after.src)] or len(after.src[:1].lower()) != 1
