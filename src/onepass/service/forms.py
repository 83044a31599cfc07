"""The parts of a `multipart/form-data` body, in memory: nothing is written to a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

MOST_PARTS = 2_000


class Part(NamedTuple):
    """A field of a form, or a file.

    Attributes:
        name: of the field.
        file_name: as the client says; None for a field that is no file.
        data: its bytes.
    """

    name: str
    file_name: str | None
    data: bytes


class FormError(ValueError):
    """A body that is no form, or a damaged one."""


def form_parts(body: bytes, content_type: str) -> list[Part]:
    """The parts of a form, in their order.

    Raises:
        FormError: the body is damaged, ends too early, or has more than 2,000 parts.
    """
    _, options = parse_options_header(content_type)
    boundary = options.get(b"boundary")
    if not boundary:
        raise FormError("no boundary")
    collector = _Collector()
    try:
        parser = MultipartParser(boundary, collector.callbacks())
        parser.write(body)
        parser.finalize()
    except (FormParserError, ValueError) as error:
        raise FormError(str(error)) from None
    if not collector.is_whole:
        raise FormError("the end is missing")
    return collector.parts


class _Collector:
    """What the parser calls."""

    def __init__(self) -> None:
        self.parts: list[Part] = []
        self.is_whole = False
        self._field, self._value, self._data = bytearray(), bytearray(), bytearray()
        self._disposition = b""

    def callbacks(self) -> MultipartCallbacks:
        return {
            "on_part_begin": self._begin,
            "on_header_field": lambda data, start, end: self._field.extend(data[start:end]),
            "on_header_value": lambda data, start, end: self._value.extend(data[start:end]),
            "on_header_end": self._end_header,
            "on_part_data": lambda data, start, end: self._data.extend(data[start:end]),
            "on_part_end": self._end,
            "on_end": self._finish,
        }

    def _begin(self) -> None:
        if len(self.parts) == MOST_PARTS:
            raise FormError("too many parts")
        self._data, self._disposition = bytearray(), b""

    def _end_header(self) -> None:
        if self._field.lower() == b"content-disposition":
            self._disposition = bytes(self._value)
        self._field, self._value = bytearray(), bytearray()

    def _end(self) -> None:
        _, options = parse_options_header(self._disposition)
        if b"name" not in options:
            raise FormError("a part has no name")
        file_name = options.get(b"filename")
        self.parts.append(
            Part(
                options[b"name"].decode("utf-8", "replace"),
                None if file_name is None else file_name.decode("utf-8", "replace"),
                bytes(self._data),
            )
        )

    def _finish(self) -> None:
        self.is_whole = True
