"""Flat YAML is read as Marian reads it, and nothing else is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onepass.errors import ModelError
from onepass.teachers.flat_yaml import read_flat_yaml


def test_values_are_text_and_lists_of_text() -> None:
    text = """
a: 1
b: ["x", 2]
c:
  - yes
  - 0x1F
d: ""
e: []
no: 12:30
~: null
"\\"": 5
'!': ▁the
<<: merge
"""
    assert read_flat_yaml(text.encode(), "here") == {
        "a": "1",
        "b": ["x", "2"],
        "c": ["yes", "0x1F"],
        "d": "",
        "e": [],
        "no": "12:30",
        "~": "null",
        '"': "5",
        "!": "▁the",
        "<<": "merge",
    }


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"just words",
        b"- a\n- b",
        b"a: {b: c}",
        b"a: [[1]]",
        b"a: 1\na: 2",
        b"a: &x 1\nb: *x",
        b"? [a]\n: 1",
        b"a: 1\n---\nb: 2",
        b"a: [1",
        b"a: 'b",
        b"a: \x00",
        b"\xff\xfe\xff",
        b"a: \t- b: c",
        b"[" * 1_000_000,
        b"a: " + b"[" * 1_000_000,
        b"{" * 1_000_000,
        b"- " * 500_000,
        b"a: !!python/object/apply:os.system [ls]" + b" x",
    ],
    ids=range(19),
)
def test_everything_else_is_one_clear_error(text: bytes) -> None:
    with pytest.raises(ModelError, match="settings cannot be read"):
        read_flat_yaml(text, "here")


def test_tags_are_text_and_nothing_is_made_of_them() -> None:
    assert read_flat_yaml(b"a: !!python/name:os.system x", "here") == {"a": "x"}


@given(st.one_of(st.binary(), st.text(alphabet="ab:-[]{}&*!|>'\"%@`#?, \n\t").map(str.encode)))
def test_any_bytes_are_a_mapping_or_a_clear_error(data: bytes) -> None:
    try:
        found = read_flat_yaml(data, "here")
    except ModelError:
        return
    assert all(isinstance(value, str | list) for value in found.values())
