"""The fields of a request, whatever way they come: JSON, a form, a form with a file, the query.

Everything that is wrong with them is one clear `RequestError`. A body is read up to the limit and no further.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import parse_qs

from starlette.requests import Request

from onepass.service.forms import FormError, form_parts
from onepass.service.refusal import RequestError, missing

MOST_FIELDS = 2_000
MOST_ALTERNATIVES = 100
_SURROGATE = re.compile("[\ud800-\udfff]")


class Upload(NamedTuple):
    """A file of a form; `name`: as the client says."""

    name: str
    data: bytes


class Fields:
    """The fields of a request: each a value of JSON, or a text of a form, or several of them.

    Args:
        values: by name.
        upload: the form's file.

    Attributes:
        values, upload: as they were given.
    """

    def __init__(self, values: Mapping[str, Any], upload: Upload | None = None) -> None:
        self.values, self.upload = values, upload

    def texts(self, name: str = "q") -> tuple[str, ...]:
        """A text, or the texts of a list.

        Raises:
            RequestError: there is none, or something else.
        """
        value = self.values.get(name)
        if value is None or value in ("", []):
            raise missing(name)
        listed = value if isinstance(value, list) else [value]
        if not all(isinstance(text, str) for text in listed):
            raise RequestError(400, f"Invalid request: {name} must be a text or a list of texts")
        return tuple(_valid(text) for text in listed)

    def is_list(self, name: str = "q") -> bool:
        """Whether a field is a list, so that the answer has to be one."""
        return isinstance(self.values.get(name), list)

    def text(self, name: str) -> str:
        """A text that must be there.

        Raises:
            RequestError: it is not, or it is something else.
        """
        found = self.optional(name)
        if not found:
            raise missing(name)
        return found

    def optional(self, name: str) -> str | None:
        """A text that may be there.

        Raises:
            RequestError: it is something else.
        """
        value = self.values.get(name)
        if value is None:
            return None
        if not isinstance(value, str):
            raise RequestError(400, f"Invalid request: {name} parameter is not a text")
        return _valid(value)

    def alternatives(self) -> int:
        """How many further translations are wanted.

        Raises:
            RequestError: that is not a number from 0 to 100.
        """
        value = self.values.get("alternatives")
        if value is None or value == "":
            return 0
        if isinstance(value, str) and re.fullmatch("[0-9]{1,3}", value):
            value = int(value)
        if type(value) is not int:
            raise RequestError(400, "Invalid request: alternatives parameter is not a number")
        if not 0 <= value <= MOST_ALTERNATIVES:
            raise RequestError(400, f"Invalid request: alternatives must be from 0 to {MOST_ALTERNATIVES}")
        return value

    def names(self, name: str) -> tuple[str, ...]:
        """Words of a list, or of a text that separates them with commas.

        Raises:
            RequestError: it is something else.
        """
        value = self.values.get(name)
        if value is None:
            return ()
        listed = value.split(",") if isinstance(value, str) else value
        if not isinstance(listed, list) or not all(isinstance(word, str) for word in listed):
            raise RequestError(400, f"Invalid request: {name} must be a list of names")
        return tuple(word.strip() for word in listed if word.strip())


def _valid(text: str) -> str:
    """A text with U+FFFD for the halves of characters, which JSON can spell and UTF-8 cannot."""
    return _SURROGATE.sub("\ufffd", text)


async def read_fields(request: Request, body_bytes: int) -> Fields:
    """Reads a request's fields; those of the query are there where the body has none of the name.

    Raises:
        RequestError: the body is larger than `body_bytes` or is not what it says.
    """
    body = await _body(request, body_bytes)
    query: dict[str, Any] = _form(request.scope["query_string"]) if request.scope["query_string"] else {}
    content_type = request.headers.get("content-type", "")
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        fields = _multipart(body, content_type)
        return Fields({**query, **fields.values}, fields.upload)
    if kind.endswith("json"):
        return Fields({**query, **_json(body)})
    return Fields({**query, **_form(body)})


async def _body(request: Request, most: int) -> bytes:
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > most:
            raise RequestError(413, f"The request is larger than {most} bytes", reason="body")
        parts.append(part)
    return b"".join(parts)


def _json(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):  # not JSON, not UTF-8, a number of many digits; too deep
        found = None
    if not isinstance(found, dict):
        raise RequestError(400, "Invalid JSON format")
    return found


def _form(body: bytes) -> dict[str, Any]:
    """A name that comes several times is a list."""
    try:
        found = parse_qs(
            body.decode("utf-8", "replace"),
            keep_blank_values=True,
            errors="replace",
            max_num_fields=MOST_FIELDS,
        )
    except ValueError:
        raise RequestError(400, "Invalid request: too many fields") from None
    return {name: values[0] if len(values) == 1 else values for name, values in found.items()}


def _multipart(body: bytes, content_type: str) -> Fields:
    try:
        parts = form_parts(body, content_type)
    except FormError:
        raise RequestError(400, "Invalid request: the form is damaged") from None
    values: dict[str, Any] = {}
    upload = None
    for part in parts:
        if part.file_name is not None:
            upload = Upload(part.file_name, part.data)
            continue
        value = part.data.decode("utf-8", "replace")
        values[part.name] = [*_listed(values[part.name]), value] if part.name in values else value
    return Fields(values, upload)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
