"""What a client sends as texts to translate, and its answer as translations of them.

This is the seam for formats: a further one is a function in `TEXT_FORMATS` or `FILE_FORMATS`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import PurePosixPath
from typing import NamedTuple

from onepass.errors import DataError
from onepass.runtime.text_translator import Translation
from onepass.service.refusal import RequestError
from onepass.text.lines import refuse_utf_16


class Document(NamedTuple):
    """Something to translate.

    Attributes:
        texts: to translate, each by itself.
        rebuilt: makes the whole of their translations.
    """

    texts: tuple[str, ...]
    rebuilt: Callable[[Sequence[Translation]], str]


def plain(text: str) -> Document:
    """A text without mark-up."""
    return Document((text,), lambda translations: translations[0].text)


TEXT_FORMATS: dict[str, Callable[[str], Document]] = {"text": plain}
"""By the names of the parameter `format`."""
FILE_FORMATS: dict[str, Callable[[str], Document]] = {".txt": plain}
"""By the ends of file names."""


def open_text(text: str, text_format: str) -> Document:
    """A text of a request as a document.

    Raises:
        RequestError: the format is none of those there are.
    """
    if text_format not in TEXT_FORMATS:
        raise RequestError(400, f"{text_format[:40]} format is not supported")
    return TEXT_FORMATS[text_format](text)


def file_format(name: str) -> str:
    """The end of a file's name that says its format; nothing else of the name is used.

    Raises:
        RequestError: the format is none of those there are.
    """
    suffix = PurePosixPath(name.replace("\\", "/")).suffix.lower()
    if suffix not in FILE_FORMATS:
        raise RequestError(400, "Invalid request: file format not supported")
    return suffix


def open_file(data: bytes, suffix: str) -> Document:
    """A file of a known format as a document.

    Raises:
        RequestError: it is not UTF-8.
    """
    try:
        refuse_utf_16(data, "file")
        text = data.decode("utf-8-sig")
    except (UnicodeDecodeError, DataError):
        raise RequestError(400, "Invalid request: the file is not UTF-8") from None
    return FILE_FORMATS[suffix](text)
