"""Training pairs with placeholders: the same spans on both sides, the same placeholders."""

import pytest

from onepass.corpora.masking import MaskingCounts, mask_pairs, matched
from onepass.text.pair import Pair
from onepass.text.placeholders import kind_of, pieces
from onepass.text.spans import find_spans


def run(pairs: list[Pair], share: float = 1.0, seed: int = 1) -> tuple[list[Pair], MaskingCounts]:
    counts = MaskingCounts()
    return list(mask_pairs(pairs, share, counts, src="en", tgt="pt", seed=seed)), counts


def slots(text: str) -> list[int]:
    return [piece for piece in pieces(text) if isinstance(piece, int)]


def test_what_both_sides_have_is_one_placeholder_wherever_it_stands() -> None:
    pair = Pair(
        "In 2020 I paid $1,234.50 at https://a.example.", "Paguei $1.234,50 em https://a.example em 2020."
    )
    [found], counts = run([pair])
    assert counts == MaskingCounts(masked=1)
    year, price, address = slots(found.src)
    assert slots(found.tgt) == [price, address, year]
    texts = [[piece for piece in pieces(side) if isinstance(piece, str)] for side in found]
    assert texts == [["In ", " I paid ", " at ", "."], ["Paguei ", " em ", " em ", "."]]
    for slot, span in zip((year, price, address), find_spans(pair.src), strict=True):
        assert kind_of(slot) is span.kind


@pytest.mark.parametrize(
    ("src", "tgt"),
    [
        ("I have 3 cats.", "Tenho três gatos."),
        ("It cost $5.", "Custou 5 dólares."),
        ("It cost 1,234.", "Custou 1,234."),  # one and a bit in Portuguese
        ("See a.example.com.", "Veja b.example.com."),
        ("A cat.", "1 gato."),
    ],
)
def test_a_pair_with_other_spans_stays(src: str, tgt: str) -> None:
    assert run([Pair(src, tgt)])[0] == [Pair(src, tgt)]


def test_the_number_one_has_a_class_of_its_own() -> None:
    [found], _ = run([Pair("1 day, 2 days", "1 dia, 2 dias")])
    one, two = slots(found.src)
    assert kind_of(one) is not kind_of(two)


def test_what_is_there_twice_is_matched_in_order() -> None:
    both = [find_spans("99, 100 and 99"), find_spans("100, 99 e 99")]
    assert matched(*both, "en", "pt") == [1, 0, 2]


def test_the_share_and_the_seed_choose() -> None:
    pairs = [Pair(f"Row {n}", f"Linha {n}") for n in range(10, 410)]
    found, counts = run(pairs, 0.25)
    changed = [a != b for a, b in zip(found, pairs, strict=True)]
    assert 70 < sum(changed) < 130
    assert counts == MaskingCounts(masked=sum(changed), left=400 - sum(changed))
    assert run(pairs, 0.25)[0] == found != run(pairs, 0.25, seed=2)[0]
    assert len({slot for pair in found for slot in slots(pair.src)}) > 15  # not the first ones alone
    assert run(pairs, 0.0)[0] == pairs
