"""Documents of Word: formats go with their words, in text, tables, headers and notes."""

import io
import zipfile
from typing import Any

import pytest
from docx import Document
from docx.oxml.ns import qn
from reversing import Repeating, Reversing

from onepass.errors import DataError
from onepass.markup.word import translate_word


def saved(document: Any) -> bytes:
    data = io.BytesIO()
    document.save(data)
    return data.getvalue()


def runs(paragraph: Any) -> list[tuple[str, bool | None]]:
    return [(run.text, run.bold) for run in paragraph.runs if run.text]


def test_formats_go_with_their_words() -> None:
    document = Document()
    paragraph = document.add_paragraph("one ")
    paragraph.add_run("two").bold = True
    paragraph.add_run(" three ")
    paragraph.add_run("fo").italic = True
    paragraph.add_run("ur").italic = True
    [found] = Document(io.BytesIO(translate_word(Reversing(), saved(document)))).paragraphs
    assert found.text == "FOUR THREE TWO ONE"
    assert runs(found) == [("FOUR", None), (" THREE ", None), ("TWO", True), (" ONE", None)]
    assert found.runs[0].italic


def test_tables_and_headers_are_translated_and_styles_stay() -> None:
    document = Document()
    document.add_heading("one two", 1)
    document.add_table(1, 2).cell(0, 1).text = "three four"
    document.sections[0].header.paragraphs[0].text = "five six"
    found = Document(io.BytesIO(translate_word(Reversing(), saved(document))))
    assert (found.paragraphs[0].text, found.paragraphs[0].style.name) == ("TWO ONE", "Heading 1")
    assert [cell.text for cell in found.tables[0].rows[0].cells] == ["", "FOUR THREE"]
    assert found.sections[0].header.paragraphs[0].text == "SIX FIVE"


def test_breaks_links_and_fields_stay() -> None:
    document = Document()
    paragraph = document.add_paragraph("one ")
    paragraph.add_run().add_break()
    link = paragraph._p.makeelement(qn("w:hyperlink"), {qn("w:anchor"): "x"})
    link.append(paragraph.add_run("two three")._r)
    paragraph._p.append(link)
    paragraph.add_run(" four ")
    for kind in ("begin", "end"):
        field = paragraph._p.makeelement(qn("w:fldChar"), {qn("w:fldCharType"): kind})
        paragraph.add_run()._r.append(field)
    [found] = Document(io.BytesIO(translate_word(Reversing(), saved(document)))).paragraphs
    assert found.text.replace("\n", "") == "FOUR THREE TWO ONE "
    assert found.hyperlinks[0].text == "THREE TWO"
    assert found.text.count("\n") == 1
    kinds = [node.get(qn("w:fldCharType")) for node in found._p.iter(qn("w:fldChar"))]
    assert kinds == ["begin", "end"]


def test_a_document_of_which_nothing_is_translated_has_the_same_parts() -> None:
    document = Document()
    document.add_paragraph("one two").add_run("three").bold = True
    data = saved(document)

    def parts(of: bytes) -> dict[str, bytes]:
        with zipfile.ZipFile(io.BytesIO(of)) as package:
            return {name: package.read(name) for name in package.namelist()}

    assert parts(translate_word(Repeating(), data)) == parts(data)


def test_what_is_no_document_is_a_clear_error() -> None:
    empty = io.BytesIO()
    with zipfile.ZipFile(empty, "w") as package:
        package.writestr("a.txt", "x")
    for data in (b"", b"PK\x03\x04", b"<html>", empty.getvalue()):
        with pytest.raises(DataError, match="no document"):
            translate_word(Reversing(), data)
