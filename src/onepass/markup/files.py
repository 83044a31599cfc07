"""Files of every format that can be translated, known by the ending of their names."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple, cast

from onepass.errors import DataError, UsageError
from onepass.markup.passages import Aligns


class Format(NamedTuple):
    """How a format is translated.

    Attributes:
        module: in this package.
        function: of it: a translator and a text to a text, or bytes to bytes.
        endings: of its files.
        is_binary: it has bytes.
    """

    module: str
    function: str
    endings: tuple[str, ...]
    is_binary: bool = False


FORMATS: Mapping[str, Format] = {
    "html": Format("html", "translate_html", (".html", ".htm", ".xhtml", ".xml")),
    "markdown": Format("markdown", "translate_markdown", (".md", ".markdown")),
    "subtitles": Format("subtitles", "translate_subtitles", (".srt", ".vtt")),
    "po": Format("catalogue", "translate_catalogue", (".po", ".pot")),
    "json": Format("json_text", "translate_json", (".json",)),
    "docx": Format("word", "translate_word", (".docx",), is_binary=True),
}
"""By name."""
TEXT = "text"
"""The format of what is translated line by line."""
_CONVERT = {
    ".docx": (".doc", ".odt", ".rtf", ".pages", ".pdf"),
    ".html": (".epub", ".mobi", ".azw3", ".mhtml", ".svg"),
    ".srt": (".ass", ".ssa", ".sub", ".sbv"),
    ".txt": (".ppt", ".pptx", ".odp", ".xls", ".xlsx", ".ods", ".zip", ".png", ".jpg", ".jpeg"),
    ".po": (".mo", ".ts", ".xlf", ".xliff", ".resx"),
}
_MARKS = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}


def format_of(path: Path) -> str:
    """The name of a file's format; what has an ending that nobody knows is text, a line in a line out.

    Raises:
        UsageError: the ending is of a format that cannot be translated.
    """
    ending = path.suffix.lower()
    for name, known in FORMATS.items():
        if ending in known.endings:
            return name
    for target, endings in _CONVERT.items():
        if ending in endings:
            raise UsageError(
                "Files of this kind cannot be translated",
                where=path,
                value=ending,
                allowed=", ".join([".txt", *(end for known in FORMATS.values() for end in known.endings)]),
                fix=f"convert it to {target} first",
            )
    return TEXT


def chosen_format(name: str | None, file: Path | None, *, says_more: bool = False) -> str:
    """The format to translate: as it is named, else by the ending of a file, else text.

    Args:
        name: of the format, if there is one.
        file: to translate, if there is one.
        says_more: JSON or explanations are wanted, which only lines of text have.

    Raises:
        UsageError: there is no such format, its library is missing, or it does not go with what is wanted.
    """
    chosen = name or (TEXT if file is None else format_of(file))
    if chosen == TEXT:
        return chosen
    if chosen not in FORMATS:
        allowed = ", ".join([TEXT, *FORMATS])
        raise UsageError("There is no such format", where="--format", value=chosen, allowed=allowed)
    if says_more:
        raise UsageError(
            "These are for lines of text", where="--json, --alignment, --explain", value=chosen, allowed=TEXT
        )
    _function(FORMATS[chosen])
    return chosen


def translate_document(
    translator: Aligns,
    data: bytes,
    name: str,
    *,
    where: object = None,
    most_bytes: int | None = None,
) -> bytes:
    """Translates the bytes of a document.

    Args:
        translator: made by `Translator.load`.
        data: of the document; texts in UTF-8, or in UTF-16 with a mark.
        name: of its format, of `FORMATS`.
        where: it is from, for errors.
        most_bytes: of a packed one, unpacked [a gigabyte].

    Raises:
        UsageError: the format's library is missing, or the model does not say where its words come from.
        DataError: the document is damaged or not in UTF-8.
    """
    translate = _function(FORMATS[name])
    if FORMATS[name].is_binary:
        limit = {} if most_bytes is None else {"most_bytes": most_bytes}
        return cast(bytes, translate(translator, data, **limit))
    mark = next((mark for mark in _MARKS if data.startswith(mark)), b"")
    encoding = _MARKS.get(mark, "utf-8")
    try:
        text = data[len(mark) :].decode(encoding)
    except UnicodeDecodeError as error:
        raise DataError(
            f"The text is not {encoding.upper()}: {error.reason}",
            where=f"{where or name}, byte {error.start + 1}",
            fix="convert it, for example `iconv -f latin1 -t utf-8 OLD > NEW`",
        ) from None
    return mark + cast(str, translate(translator, text)).encode(encoding)


def read_document(file: Path) -> bytes:
    """The bytes of a file.

    Raises:
        DataError: it cannot be read.
    """
    try:
        return file.read_bytes()
    except OSError as error:
        raise DataError(f"Cannot read the file: {error.strerror}", where=file) from None


def _function(known: Format) -> Callable[[Aligns, Any], Any]:
    try:
        module = import_module(f"onepass.markup.{known.module}")
    except ImportError as error:
        raise UsageError(
            "The library for this format is not installed",
            where=known.endings[0],
            value=error.name,
            fix="pip install 'onepass[files]'",
        ) from None
    return cast(Callable[[Aligns, Any], Any], getattr(module, known.function))
