"""Placeholders: spans leave a sentence and come back, each once, byte for byte."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onepass.text.numbers import localised
from onepass.text.placeholders import (
    CAPACITY,
    SLOTS,
    are_maskable,
    kind_of,
    masked,
    pieces,
    placeholder,
    restored,
    slots_of,
    usual_slots,
)
from onepass.text.spans import Span, SpanKind, find_spans

TEXTS = st.lists(
    st.sampled_from(
        ["1", "2.5", "<b>", "{x}", "https://a.example", "😀", "word", "\U000f0003", " ", " ", ", "]
    )
).map("".join)


def test_there_is_a_slot_for_each_reserved_id() -> None:
    assert SLOTS == 64 == len({placeholder(slot) for slot in range(SLOTS)})
    assert [sum(kind_of(slot) is kind for slot in range(SLOTS)) for kind in SpanKind] == list(
        CAPACITY.values()
    )
    for slot in (-1, SLOTS):
        with pytest.raises(ValueError, match="slots 0 to 63"):
            placeholder(slot)


def test_spans_of_a_class_are_numbered_in_their_order() -> None:
    text = "1 <b>or</b> 2, 3 or 1"
    found = masked(text, find_spans(text))
    assert [span.text for span in found.spans.values()] == ["1", "<b>", "</b>", "2", "3", "1"]
    assert list(found.spans) == [0, 24, 25, 4, 5, 1]
    assert all(kind_of(slot) is span.kind for slot, span in found.spans.items())
    assert list(pieces(found.text)) == [0, " ", 24, "or", 25, " ", 4, ", ", 5, " or ", 1]


@given(TEXTS)
def test_masked_and_restored_is_the_text(text: str) -> None:
    found = masked(text, find_spans(text))
    back = restored(found.text, found)
    assert (back.text, back.missing, back.surplus) == (text, (), 0)
    written = [p if isinstance(p, str) else placeholder(p) for p in pieces(found.text)]
    assert "".join(written) == found.text
    assert sum(isinstance(p, int) for p in pieces(found.text)) == len(found.spans)


@given(TEXTS, st.randoms(use_true_random=False))
def test_whatever_a_model_makes_of_placeholders_each_span_comes_back_once(
    text: str, rng: random.Random
) -> None:
    found = masked(text, find_spans(text))
    slots = [slot for slot in found.spans for _ in range(rng.randrange(3))] + [63] * rng.randrange(2)
    rng.shuffle(slots)
    back = restored(" · ".join(map(placeholder, slots)), found)
    assert sorted(back.text.replace("·", "").split()) == sorted(
        " ".join(span.text for span in found.spans.values()).split()
    )
    assert {id(s) for s in back.missing} == {id(s) for n, s in found.spans.items() if n not in slots}
    assert back.surplus == len(slots) - len(set(slots) & set(found.spans))


def test_what_a_translation_lost_stands_at_its_end() -> None:
    text = "See {a} and {b}"
    found = masked(text, find_spans(text))
    back = restored(f"Ver {placeholder(25)}{placeholder(25)}", found)
    assert back.text == "Ver {b} {a}"
    assert [span.text for span in back.missing] == ["{a}"]
    assert back.surplus == 1


def test_numbers_can_be_localised_on_their_way_back() -> None:
    def in_german(span: Span) -> str:
        return localised(span.text, "en", "de") if span.kind is SpanKind.NUMBER else span.text

    text = "pay 1,234.50 at v1.25 of {x}"
    found = masked(text, find_spans(text))
    assert restored(found.text, found, in_german).text == "pay 1.234,50 at v1.25 of {x}"


def test_more_spans_than_placeholders_stay_as_they_are() -> None:
    text = " ".join(["2"] * (CAPACITY[SpanKind.NUMBER] + 2))
    spans = [Span(place, place + 1, "2", SpanKind.NUMBER) for place in range(0, len(text), 2)]
    assert not are_maskable(spans)
    assert are_maskable(spans[:-2])
    found = masked(text, spans)
    assert found.unmasked == tuple(spans[-2:])
    assert found.text.endswith(" 2 2")
    assert restored(found.text, found).text == text


def test_a_placeholder_of_the_text_itself_must_be_a_span() -> None:
    text = f"odd {placeholder(3)} one"
    with pytest.raises(ValueError, match="of its own"):
        masked(text, [])
    found = masked(text, find_spans(text))
    assert restored(found.text, found).text == text


@pytest.mark.parametrize(
    ("src", "written", "text"),
    [
        ("It costs $5.", "Custa {0}.", "Custa $5."),
        ("(see 5)", "(veja {0} )", "(veja 5)"),
        ("(5 of them)", "( {0} deles)", "(5 deles)"),
        ("Click <b>here</b> now", "Clique {0} aqui {1} agora", "Clique <b>aqui</b> agora"),
        ("See <i>{x}</i>, please", "Veja {0} {1} {2} , sim", "Veja <i>{x}</i>, sim"),
        ("on 5 days", "{0} dias", "5 dias"),
        ("on 5 days", "{0}dias", "5 dias"),
        ("the 5 best", "os {0} melhores {0}", "os 5 melhores "),
    ],
)
def test_a_span_touches_in_the_translation_what_it_touches_in_the_source(
    src: str, written: str, text: str
) -> None:
    """A model writes each placeholder as a word of its own."""
    source = masked(src, find_spans(src))
    marks = [placeholder(slot) for slot in source.spans]
    assert restored(written.format(*marks), source).text == text


def test_slots_may_be_chosen() -> None:
    text = "1 or 2"
    spans = find_spans(text)
    found = masked(text, spans, [3, None])
    assert (list(found.spans), found.unmasked, found.text) == ([3], (spans[1],), f"{placeholder(3)} or 2")
    assert usual_slots(spans * 5) == [0, 4, 1, 5, 2, 6, 3, 7, None, 8]
    assert [slot for kind in SpanKind for slot in slots_of(kind)] == list(range(SLOTS))


@pytest.mark.parametrize("written", ["subiu {}8%.", "subiu {}%.", "subiu 7{}%."])
def test_digits_beside_a_placeholder_do_not_change_its_value(written: str) -> None:
    source = masked("rose by 33.6 percent.", find_spans("rose by 33.6 percent."))
    [slot] = source.spans
    assert restored(written.format(placeholder(slot)), source).text == "subiu 33.6%."


def test_characters_that_happen_to_be_placeholders_come_back_where_there_are_too_many() -> None:
    text = "😀\U000f0003" * 6
    found = masked(text, find_spans(text))
    assert found.unmasked
    assert restored(found.text, found).text == text
