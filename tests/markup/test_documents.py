"""Which format a file has, and how its bytes are read."""

import codecs
import sys
from pathlib import Path

import pytest
from reversing import Reversing

from onepass.errors import DataError, UsageError
from onepass.markup.files import FORMATS, TEXT, chosen_format, format_of, translate_document

NAMES = {
    "html": "a.html A.HTM a.xml",
    "markdown": "a.b.md",
    "subtitles": "a.srt a.vtt",
    "po": "a.po",
    "json": "a.json",
    "docx": "a.docx",
    TEXT: "a.txt train.en a .html",
}


@pytest.mark.parametrize(
    ("wanted", "name"), [(known, name) for known in NAMES for name in NAMES[known].split()]
)
def test_the_ending_says_the_format(wanted: str, name: str) -> None:
    assert format_of(Path(name)) == wanted
    assert chosen_format(None, Path(name)) == wanted


@pytest.mark.parametrize(("name", "target"), [("a.pdf", ".docx"), ("a.odt", ".docx"), ("a.epub", ".html")])
def test_of_other_documents_the_error_says_what_to_convert_to(name: str, target: str) -> None:
    with pytest.raises(UsageError, match=f"convert it to {target} first"):
        format_of(Path(name))


def test_a_format_that_is_named_wins() -> None:
    assert chosen_format("html", Path("a.pdf")) == "html"
    assert chosen_format(TEXT, Path("a.html"), says_more=True) == TEXT
    with pytest.raises(UsageError, match="no such format"):
        chosen_format("yaml", None)
    with pytest.raises(UsageError, match="lines of text"):
        chosen_format("html", None, says_more=True)


def test_a_library_that_is_missing_is_a_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onepass.markup.catalogue", None)
    with pytest.raises(UsageError, match=r"pip install 'onepass\[files\]'"):
        chosen_format("po", None)


MARKS = {
    "utf-8": codecs.BOM_UTF8,
    "utf-16-le": codecs.BOM_UTF16_LE,
    "utf-16-be": codecs.BOM_UTF16_BE,
    "ascii": b"",
}


@pytest.mark.parametrize(("encoding", "mark"), MARKS.items())
def test_a_document_keeps_its_encoding_and_line_ends(encoding: str, mark: bytes) -> None:
    data = mark + "<p>zwei\r\n eins</p>\r\n".encode(encoding)
    wanted = mark + "<p>EINS ZWEI</p>\r\n".encode(encoding)
    assert translate_document(Reversing(), data, "html") == wanted


@pytest.mark.parametrize("name", [name for name, known in FORMATS.items() if not known.is_binary])
def test_an_empty_document_stays_or_is_a_clear_error(name: str) -> None:
    if name == "json":
        with pytest.raises(DataError, match="no JSON"):
            translate_document(Reversing(), b"", name)
    else:
        assert translate_document(Reversing(), b"", name) == b""
        assert translate_document(Reversing(), b"\n", name) == b"\n"


def test_bytes_that_are_no_text_are_a_clear_error() -> None:
    with pytest.raises(DataError, match=r"page\.html, byte 3"):
        translate_document(Reversing(), b"ab\xff", "html", where="page.html")
