"""Documents of Word (`.docx`): the paragraphs of text, tables, notes, headers, footers and comments.

python-docx opens the package. A paragraph is one marked text: its most frequent format is plain, runs with
another format, links and tracked insertions are elements, and what is no text (breaks, pictures, numbers of
notes) is a mark. Fields are copied. Nothing else in the package changes.
"""

from __future__ import annotations

import copy
import re
import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence
from enum import Enum
from io import BytesIO
from typing import Any, NamedTuple

from docx import Document
from docx.oxml import OxmlElement, parse_xml
from docx.oxml.ns import qn
from lxml import etree

from onepass.errors import DataError
from onepass.markup.marked import Close, Copied, Mark, Open, Piece
from onepass.markup.passages import Aligns, Passage

_PARTS = ("document.main", "header", "footer", "footnotes", "endnotes", "comments")
_TOKEN = re.compile("\ufdd0(\\d+)\ufdd1")
"""Stands for an element; no XML has such a character."""
_WRAPPERS = {qn(name) for name in ("w:hyperlink", "w:ins", "w:smartTag")}
_IGNORED_IN_FORMATS = {qn(name) for name in ("w:lang", "w:noProof")}


def translate_word(translator: Aligns, data: bytes, *, most_bytes: int = 1 << 30) -> bytes:
    """Translates a document of at most so many bytes, unpacked: small archives can hold more than a machine.

    Raises:
        DataError: it is no document of Word, or a larger one.
        UsageError: the model does not say where its words come from.
    """
    document = _opened(data, most_bytes)
    roots: list[tuple[Any, Any]] = []
    for part in document.part.package.iter_parts():
        if any(part.content_type.endswith(f"wordprocessingml.{name}+xml") for name in _PARTS):
            element = getattr(part, "element", None)
            roots.append((part, parse_xml(part.blob) if element is None else element))
    paragraphs = [_Paragraph(element) for _, root in roots for element in root.iter(qn("w:p"))]
    waiting = [paragraph for paragraph in paragraphs if paragraph.text]
    texts = [paragraph.text for paragraph in waiting]
    has_marks = any(paragraph.has_marks for paragraph in waiting)
    found = translator.translate(texts, alignment=has_marks) if texts else []
    for paragraph, translation in zip(waiting, found, strict=True):
        if translation.text != paragraph.text:
            paragraph.rewrite(paragraph.written(translation))
    for part, root in roots:
        if getattr(part, "element", None) is None:
            part._blob = etree.tostring(root, xml_declaration=True, encoding="UTF-8", standalone=True)
    saved = BytesIO()
    document.save(saved)
    return saved.getvalue()


def _opened(data: bytes, most_bytes: int) -> Any:
    try:
        with zipfile.ZipFile(BytesIO(data)) as package:
            size = sum(entry.file_size for entry in package.infolist())
        if size > most_bytes:
            raise DataError("The document is too large", value=size, allowed=f"{most_bytes} bytes unpacked")
        return Document(BytesIO(data))
    except (zipfile.BadZipFile, KeyError, ValueError, etree.XMLSyntaxError) as error:
        raise DataError(f"The file is no document of Word: {error}", fix="save it as .docx anew") from None


class _Kind(Enum):
    FORMAT = "format"
    WRAPPER = "wrapper"
    WHOLE = "whole"
    """An element that stands where it is put, as it is."""


class _Kept(NamedTuple):
    """What a token stands for; `form`: of the run that a part of a run needs, None for what needs none."""

    kind: _Kind
    element: Any
    form: Any = None


class _Paragraph(Passage):
    """A paragraph whose marks are tokens that stand for its elements."""

    def __init__(self, element: Any) -> None:
        self._element = element
        self._kept: list[_Kept] = []
        self._own = element.find(qn("w:pPr"))
        self._base = _most_frequent(element)
        children = [child for child in element if child is not self._own]
        super().__init__("", list(self._pieces(children)), joins_lines=False)

    def _token(self, kind: _Kind, element: Any, form: Any = None) -> str:
        self._kept.append(_Kept(kind, element, form))
        return f"\ufdd0{len(self._kept) - 1}\ufdd1"

    def _pieces(self, children: Sequence[Any]) -> Iterator[Piece]:
        field, depth, token = list[Any](), 0, ""
        last: Any = None
        for child in children:
            depth += _opened_fields(child)
            is_run = child.tag == qn("w:r") and not field and depth <= 0
            key = _key(child.find(qn("w:rPr"))) if is_run else None
            if token and key != last:
                yield Close(token, token)
                token = ""
            if is_run and key not in (last, self._base.key):
                token = self._token(_Kind.FORMAT, child.find(qn("w:rPr")))
                yield Open(token, token)
            last = key
            if is_run:
                yield from self._run(child)
            elif field or depth > 0:
                field.append(child)
                if depth <= 0:
                    yield self._copied(field)
                    field, depth = [], 0
            elif child.tag in _WRAPPERS:
                wrapper = self._token(_Kind.WRAPPER, child)
                yield Open(wrapper, wrapper)
                yield from self._pieces(list(child))
                yield Close(wrapper, wrapper)
            else:
                yield Mark(self._token(_Kind.WHOLE, child))
        if token:
            yield Close(token, token)
        if field:
            yield self._copied(field)

    def _copied(self, elements: Sequence[Any]) -> Copied:
        text = "".join(node.text or "" for one in elements for node in one.iter(qn("w:t")))
        return Copied("".join(self._token(_Kind.WHOLE, one) for one in elements), text.strip())

    def _run(self, run: Any) -> Iterator[Piece]:
        for child in run:
            if child.tag == qn("w:t"):
                yield child.text or ""
            elif child.tag != qn("w:rPr"):
                yield Mark(self._token(_Kind.WHOLE, child, run))

    def rewrite(self, written: str) -> None:
        """Puts the translation with its tokens in the place of the children."""
        for child in list(self._element):
            if child is not self._own:
                self._element.remove(child)
        inside, forms, opened = [self._element], [self._base.form], list[str]()
        for number, part in enumerate(_TOKEN.split(written)):
            if number % 2 == 0:
                if part:
                    inside[-1].append(_text_run(part, forms[-1]))
                continue
            kept = self._kept[int(part)]
            if kept.kind is _Kind.WHOLE:
                inside[-1].append(kept.element if kept.form is None else _run_of(kept.element, kept.form))
                continue
            stack = forms if kept.kind is _Kind.FORMAT else inside
            if opened and opened[-1] == part:
                opened.pop()
                stack.pop()
                continue
            opened.append(part)
            if kept.kind is _Kind.WRAPPER:
                for child in list(kept.element):
                    kept.element.remove(child)
                inside[-1].append(kept.element)
            stack.append(kept.element)


def _opened_fields(element: Any) -> int:
    """How many fields an element opens, less those it ends."""
    kinds = [node.get(qn("w:fldCharType")) for node in element.iter(qn("w:fldChar"))]
    return kinds.count("begin") - kinds.count("end")


def _key(form: Any) -> bytes:
    """A format that can be compared."""
    if form is None:
        return b""
    kept = [etree.tostring(child, method="c14n") for child in form if child.tag not in _IGNORED_IN_FORMATS]
    return b"".join(sorted(kept))


class _Base(NamedTuple):
    """The format of a paragraph's text: as it is compared, and its element."""

    key: bytes
    form: Any


def _most_frequent(paragraph: Any) -> _Base:
    """The format that most characters of a paragraph have."""
    counts, forms = Counter[bytes](), dict[bytes, Any]()
    for run in paragraph.iter(qn("w:r")):
        form = run.find(qn("w:rPr"))
        forms.setdefault(_key(form), form)
        counts[_key(form)] += sum(len(node.text or "") for node in run.findall(qn("w:t")))
    key = counts.most_common(1)[0][0] if counts else b""
    return _Base(key, forms.get(key))


def _text_run(text: str, form: Any) -> Any:
    run = OxmlElement("w:r")
    if form is not None:
        run.append(copy.deepcopy(form))
    node = OxmlElement("w:t")
    node.text = text
    node.set("{http://www.w3.org/XML/1998/namespace}space", "preserve")
    run.append(node)
    return run


def _run_of(part: Any, of: Any) -> Any:
    """A part of a run in a run of its own with the same format."""
    run, form = OxmlElement("w:r"), of.find(qn("w:rPr"))
    if form is not None:
        run.append(copy.deepcopy(form))
    run.append(part)
    return run
