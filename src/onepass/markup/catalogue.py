"""Catalogues of messages (`.po`, `.pot`): what has no translation gets one, marked as fuzzy.

A program does not use a fuzzy message before a person has read it, since a placeholder may be lost. What has
a translation stays. polib reads the catalogue; lines without a translation are filled in place, so that
comments, folded lines and the header stay byte for byte.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import polib

from onepass.errors import DataError
from onepass.markup.passages import Aligns

_EMPTY = re.compile(r'(msgstr(?:\[(\d+)\])?[ \t]*)""(\s*)\Z')


def translate_catalogue(translator: Aligns, text: str) -> str:
    """Translates the messages of a catalogue that have no translation.

    Raises:
        DataError: it is no catalogue.
    """
    try:
        catalogue = polib.pofile(f"{text}\n")  # with a line end it is no name of a file
    except (OSError, ValueError, IndexError) as error:
        raise DataError(f"The text is no catalogue of messages: {error}") from None
    waiting = [entry for entry in catalogue if not entry.obsolete and _is_empty(entry)]
    if not waiting:
        return text
    sources = [part for entry in waiting for part in (entry.msgid, entry.msgid_plural)]
    found = iter([translation.text for translation in translator.translate(sources)])
    lines = text.splitlines(keepends=True)
    for entry in reversed([(entry.linenum, next(found), next(found)) for entry in waiting]):
        _fill(lines, *entry)
    return "".join(lines)


def _is_empty(entry: Any) -> bool:
    if entry.msgid_plural:
        return not any(entry.msgstr_plural.values())
    return bool(entry.msgid) and not entry.msgstr


def _fill(lines: list[str], number: int, one: str, more: str) -> None:
    """Writes the translation of the entry whose line has this number, counted from 1, and its flag."""
    at = number - 1
    while at < len(lines) and not lines[at].startswith("msgstr"):
        at += 1
    while at < len(lines) and (empty := _EMPTY.match(lines[at])):
        text = one if empty[2] in (None, "0") else more
        lines[at] = f'{empty[1]}"{polib.escape(text)}"{empty[3]}'
        at += 1
    first = _first_keyword(lines, number - 1)
    end = "\r\n" if lines[first].endswith("\r\n") else "\n"
    flags = first - 1
    while flags >= 0 and lines[flags].startswith("#") and not lines[flags].startswith("#,"):
        flags -= 1
    if flags < 0 or not lines[flags].startswith("#,"):
        lines.insert(first, f"#, fuzzy{end}")
    elif "fuzzy" not in lines[flags]:
        lines[flags] = f"{lines[flags].rstrip()}, fuzzy{end}"


def _first_keyword(lines: Sequence[str], at: int) -> int:
    """The line of an entry that comes after its comments."""
    while at < len(lines) - 1 and lines[at].startswith("#"):
        at += 1
    while at > 0 and lines[at - 1].startswith(("msgctxt", "msgid", '"')):
        at -= 1
    return at
