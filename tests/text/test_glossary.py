"""Glossaries: which words are a term, and how its translation is written."""

from pathlib import Path

import pytest

from onepass.errors import DataError
from onepass.text.glossary import Glossary
from onepass.text.spans import SpanKind, find_spans


def terms(text: str, glossary: Glossary) -> list[str]:
    spans = glossary.with_terms(text, find_spans(text))
    assert all(text[span.start : span.end] == span.text for span in spans)
    return [span.text for span in spans]


def test_a_term_is_whole_words_in_any_case_and_spacing() -> None:
    glossary = Glossary({"hard disk": "disco", "disk": "d"})
    found = terms("A hard  disk, a Hard Disk, a disk; no hard disks, no disko.", glossary)
    assert found == ["hard  disk", "Hard Disk", "disk"]


def test_a_term_within_a_span_does_not_count_and_a_span_within_a_term_is_part_of_it() -> None:
    glossary = Glossary({"page": "p", "area 51": "a"})
    assert terms("The page https://a.example/page of area 51 and 52", glossary) == [
        "page",
        "https://a.example/page",
        "area 51",
        "52",
    ]
    [page, *_] = glossary.with_terms("The page", [])
    assert page.kind is SpanKind.ADDRESS


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("disk", "disco"),
        ("Disk", "Disco"),
        ("DISK", "DISCO"),
        ("PC", "PC"),
        ("Nile", "Nilo"),
        ("nile", "Nilo"),
    ],
)
def test_casing_is_that_of_the_source(text: str, written: str) -> None:
    assert Glossary({"disk": "disco", "PC": "", "Nile": "Nilo"}).translation(text) == written
    assert Glossary({}).translation(text) is None


def test_a_file_has_a_term_per_line(tmp_path: Path) -> None:
    path = tmp_path / "terms.tsv"
    path.write_text("# comment\nhard disk\tdisco duro\n\nOnepass\n", encoding="utf-8")
    glossary = Glossary.read(path)
    assert [glossary.translation(term) for term in ("hard disk", "Onepass")] == ["disco duro", "Onepass"]


@pytest.mark.parametrize(
    ("text", "words"),
    [("a\tb\tc\n", "line 1"), ("a\tb\n\ta\n", "line 2"), ("a\tb\na\tc\n", "two translations")],
)
def test_a_bad_line_is_named(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "terms.tsv").write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=words):
        Glossary.read(tmp_path / "terms.tsv")


def test_a_term_that_is_no_text_is_an_error() -> None:
    with pytest.raises(DataError, match="no text of one line"):
        Glossary({" ": "x"})
