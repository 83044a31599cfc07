"""JSON: texts are translated wherever they stand, and nothing else."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reversing import Repeating, Reversing

from onepass.errors import DataError
from onepass.markup.json_text import translate_json


def test_values_are_translated_and_keys_and_numbers_stay() -> None:
    text = '{ "one two" :"three four", "n": [1.50, 1E2, true, null, "a\\"b c\\u00e9"],\n"u": "" }'
    wanted = '{ "one two" :"FOUR THREE", "n": [1.50, 1E2, true, null, "CÉ A\\"B"],\n"u": "" }'
    assert translate_json(Reversing(), text) == wanted


def reversed_texts(value: Any) -> Any:
    if isinstance(value, str):
        return " ".join(value.split(" ")[::-1]).upper() if any(map(str.isalpha, value)) else value
    if isinstance(value, list):
        return [reversed_texts(part) for part in value]
    return {key: reversed_texts(part) for key, part in value.items()} if isinstance(value, dict) else value


WORDS = st.lists(st.text('abcé"\\{}:,[]', min_size=1, max_size=4), max_size=3).map(" ".join)
VALUES = st.recursive(
    st.one_of(WORDS, st.integers(), st.none(), st.booleans()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(WORDS, inner, max_size=3)),
    max_leaves=8,
)


@settings(max_examples=100, deadline=None)
@given(VALUES, st.booleans(), st.sampled_from([None, 1]))
def test_another_reader_finds_the_translations_in_their_places(
    value: Any, ascii_only: bool, indent: int | None
) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only, indent=indent)
    found = json.loads(translate_json(Reversing(), text))
    assert found == reversed_texts(value)
    assert translate_json(Repeating(), text) == text


@pytest.mark.parametrize("text", ["", "{", "{'a': 1}", "[" * 100_000, '"a" "b"'])
def test_what_is_no_json_is_a_clear_error(text: str) -> None:
    with pytest.raises(DataError, match="no JSON"):
        translate_json(Reversing(), text)
