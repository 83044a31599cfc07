"""JSON: every text in it is translated, keys and all else stay byte for byte."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from onepass.errors import DataError
from onepass.markup.passages import Aligns, Passage, translated

_TEXT = re.compile(r'"((?:[^"\\]|\\.)*+)"(\s*+:)?')


def translate_json(translator: Aligns, text: str) -> str:
    """Translates the texts of a JSON document, in objects and lists of any depth.

    Raises:
        DataError: it is no JSON.
        UsageError: the model does not say where its words come from.
    """
    try:
        json.loads(text)
    except (ValueError, RecursionError) as error:
        reason = "too many levels" if isinstance(error, RecursionError) else str(error)
        raise DataError(f"The text is no JSON: {reason}") from None
    return translated(translator, _parts(text))


def _parts(text: str) -> Iterator[str | Passage]:
    at = 0
    for match in _TEXT.finditer(text):
        if match[2]:
            continue  # a key
        value: str = json.loads(match[0])
        yield text[at : match.start(1)]
        yield Passage(match[1], [value], _encoded, joins_lines=False)
        at = match.end(1)
    yield text[at:]


def _encoded(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)[1:-1]
