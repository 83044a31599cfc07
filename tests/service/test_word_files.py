"""Documents of Word: their text counts, and an archive cannot hold more than it may."""

import io
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest
from docx import Document
from starlette.testclient import TestClient
from tiny_service import client_of, tiny

from onepass.service.settings import Limits


def packed(document: Any) -> bytes:
    data = io.BytesIO()
    document.save(data)
    return data.getvalue()


def translated(client: TestClient, data: bytes) -> Any:
    files = {"file": ("a.docx", data)}
    return client.post("/translate_file", files=files, data={"source": "en", "target": "de"})


def test_a_document_of_word_keeps_its_formats(client: TestClient) -> None:
    document = Document()
    document.add_paragraph("one ").add_run("two").bold = True
    url = translated(client, packed(document)).json()["translatedFileUrl"]
    assert url.endswith(".de.docx")
    [found] = Document(io.BytesIO(client.get(url).content)).paragraphs
    assert [(run.text, run.bold) for run in found.runs] == [("ONE ", None), ("TWO", True)]


def test_of_a_document_of_word_its_text_counts(tmp_path: Path) -> None:
    document = Document()
    document.add_paragraph("one two")
    data = packed(document)
    assert len(data) > 1_000
    with client_of(tiny(tmp_path, limits=Limits(characters=7))) as client:
        assert translated(client, data).status_code == 200
        assert "onepass_characters_total 7.0" in client.get("/metrics").text
    with client_of(tiny(tmp_path, limits=Limits(characters=6))) as client:
        answer = translated(client, data)
        assert (answer.status_code, "exceeds text limit (6)" in answer.json()["error"]) == (400, True)


@pytest.mark.parametrize("kind", ["large", "entities", "no document"])
def test_bombs_are_refused(client: TestClient, kind: str) -> None:
    document = Document()
    document.add_paragraph("one")
    whole = io.BytesIO(packed(document))
    found = io.BytesIO()
    with zipfile.ZipFile(whole) as old, zipfile.ZipFile(found, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist() if kind != "no document" else ():
            data = old.read(name)
            if kind == "entities" and name == "word/document.xml":
                entities = "".join(f'<!ENTITY e{i} "{f"&e{i - 1};" * 10}">' for i in range(1, 10))
                bomb = f'<!DOCTYPE x [<!ENTITY e0 "{"one " * 10}">{entities}]>'
                data = data.replace(b"<w:document", bomb.encode() + b"<w:document", 1)
                data = data.replace(b"<w:t>one</w:t>", b"<w:t>&e9;</w:t>")
            new.writestr(name, data)
        if kind == "large":
            new.writestr("word/media/a.png", b"\0" * 17_000_000)
    start = time.monotonic()
    answer = translated(client, found.getvalue())
    assert time.monotonic() - start < 5
    if kind == "entities":  # they are left as they are
        assert answer.status_code in (200, 400)
        if answer.status_code == 200:
            assert len(client.get(answer.json()["translatedFileUrl"]).content) < 100_000
    else:
        assert answer.status_code == 400
        assert "too large" in answer.text or "no document" in answer.text
