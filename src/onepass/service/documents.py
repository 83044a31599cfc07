"""Documents with mark-up, whose sentences wait for the model with those of all requests.

A document is read in a thread of its own. What it has to translate goes to the event loop and comes back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from pathlib import PurePosixPath

from onepass.errors import DataError, UsageError
from onepass.markup.files import FORMATS, translate_document
from onepass.markup.files import TEXT as TEXT
from onepass.runtime.text_translator import Translation
from onepass.service.refusal import RequestError
from onepass.text.lines import refuse_utf_16

TEXT_FORMATS = (TEXT, "html")
"""Of the parameter `format`."""
FILE_FORMATS = {
    ".txt": TEXT,
    **{ending: name for name, known in FORMATS.items() for ending in known.endings},
}
"""By the ends of file names."""
MOST_UNPACKED = 16_000_000
"""Bytes of a document that is packed: a small archive can hold gigabytes."""
Translate = Callable[[Sequence[str], bool], Awaitable[list[Translation]]]
"""Lines, and whether their words shall say where they come from."""


class _ThroughTheLoop:
    """A translator for a thread beside the event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, translate: Translate) -> None:
        self._loop, self._translate = loop, translate

    def translate(self, lines: Iterable[str], *, alignment: bool = False) -> list[Translation]:
        async def translated() -> list[Translation]:
            return await self._translate(list(lines), alignment)

        return asyncio.run_coroutine_threadsafe(translated(), self._loop).result()


async def translated_document(data: bytes, name: str, translate: Translate) -> bytes:
    """A document of a format, with its text translated.

    Args:
        data: in UTF-8, or packed.
        name: of the format, one of `FORMATS`.
        translate: is called in the event loop that runs.

    Raises:
        RequestError: it is damaged, or the model does not say where its words come from.
    """
    translator = _ThroughTheLoop(asyncio.get_running_loop(), translate)
    try:
        return await asyncio.to_thread(translate_document, translator, data, name, most_bytes=MOST_UNPACKED)
    except (DataError, UsageError) as error:
        raise RequestError(400, f"Invalid request: {error.what}") from None


def is_packed(name: str) -> bool:
    """Whether documents of a format are archives, whose bytes say little of the text in them."""
    return FORMATS[name].is_binary


def check_format(name: str) -> None:
    """Raises RequestError where a text cannot have this format."""
    if name not in TEXT_FORMATS:
        raise RequestError(400, f"{name[:40]} format is not supported")


def file_ending(name: str) -> str:
    """The end of a file's name that says its format; nothing else of the name is used.

    Raises:
        RequestError: the format is none of those there are.
    """
    suffix = PurePosixPath(name.replace("\\", "/")).suffix.lower()
    if suffix not in FILE_FORMATS:
        raise RequestError(400, "Invalid request: file format not supported")
    return suffix


def text_of(data: bytes) -> str:
    """The text of a file.

    Raises:
        RequestError: it is not UTF-8.
    """
    try:
        refuse_utf_16(data, "file")
        return data.decode("utf-8-sig")
    except (UnicodeDecodeError, DataError):
        raise RequestError(400, "Invalid request: the file is not UTF-8") from None
