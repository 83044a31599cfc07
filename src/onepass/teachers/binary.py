"""Marian's binary model file, as Firefox and Bergamot ship it.

Little-endian: version and number of items; of each item the lengths of name and data, type and rank; the
names; the shapes; a gap that aligns what follows to 256 bytes; the data. A matrix in 8 bits lies transposed,
an embedding as it is declared, and the multiplier follows the bytes: weight = byte / multiplier. The file is
mapped, not read, and no length in it is believed before it fits the file.
"""

from __future__ import annotations

import math
import struct
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from onepass.errors import ModelError
from onepass.teachers.items import Item

VERSION = 1
FLOAT32, INT8, INTGEMM8 = 0x404, 0x101, 0x4101
ALIGNMENT = 256
MOST_DIMENSIONS = 4
LONGEST_NAME = 1024

_COPY_AGAIN = "get the file again, and compare its checksum with the one that its makers give"


class _Header(NamedTuple):
    name_length: int
    type: int
    rank: int
    data_length: int


class _Reader:
    """Walks through the bytes of a file; what is not there is an error."""

    def __init__(self, path: Path) -> None:
        self.path, self.at = path, 0
        try:
            self.bytes: NDArray[np.uint8] = (
                np.memmap(path, dtype=np.uint8, mode="r") if path.stat().st_size else np.zeros(0, np.uint8)
            )
        except OSError as error:
            raise ModelError(f"Cannot read the teacher: {error.strerror}", where=path) from None

    def take(self, count: int, what: str) -> NDArray[np.uint8]:
        if count > len(self.bytes) - self.at:
            raise self.damaged(
                f"The file ends within {what}", f"{count} bytes", f"{len(self.bytes) - self.at} are left"
            )
        self.at += count
        return self.bytes[self.at - count : self.at]

    def integers(self, count: int, what: str) -> tuple[int, ...]:
        return struct.unpack(f"<{count}Q", self.take(8 * count, what).tobytes())

    def damaged(self, what: str, value: object = None, allowed: object = None) -> ModelError:
        return ModelError(what, where=self.path, value=value, allowed=allowed, fix=_COPY_AGAIN)


def read_binary(path: Path) -> dict[str, Item]:
    """The items of a binary model by name, as views of the file.

    Raises:
        ModelError: it cannot be read, is cut, has leftovers, or says of itself what cannot be.
    """
    reader = _Reader(path)
    version, count = reader.integers(2, "its first words")
    if version != VERSION:
        raise reader.damaged("This is not a Marian model in binary form", version, f"version {VERSION}")
    if count > len(reader.bytes) // 32:
        raise reader.damaged("The file cannot hold so many items", count)
    headers = [_Header(*reader.integers(4, "the list of items")) for _ in range(count)]
    names = [_name(reader, header) for header in headers]
    if len(set(names)) < len(names):
        raise reader.damaged("Two items have the same name", max(names, key=names.count))
    shapes = [_shape(reader, header, name) for header, name in zip(headers, names, strict=True)]
    _skip_gap(reader)
    items = {
        name: _item(reader, header, name, shape)
        for header, name, shape in zip(headers, names, shapes, strict=True)
    }
    if reader.at < len(reader.bytes):
        raise reader.damaged("Bytes are left over after the last item", len(reader.bytes) - reader.at)
    return items


def _name(reader: _Reader, header: _Header) -> str:
    if not 2 <= header.name_length <= LONGEST_NAME:
        raise reader.damaged("The name of an item has a length that cannot be", header.name_length)
    raw = reader.take(header.name_length, "the names").tobytes()
    if raw.find(0) != len(raw) - 1 or not raw[:-1].isascii():
        raise reader.damaged("The name of an item is not text with a zero at its end", raw)
    return raw[:-1].decode("ascii")


def _shape(reader: _Reader, header: _Header, name: str) -> tuple[int, ...]:
    if not 1 <= header.rank <= MOST_DIMENSIONS:
        raise reader.damaged(
            f"{name} has a number of dimensions that cannot be", header.rank, f"1 to {MOST_DIMENSIONS}"
        )
    shape = struct.unpack(f"<{header.rank}i", reader.take(4 * header.rank, "the shapes").tobytes())
    if min(shape) < 1:
        raise reader.damaged(f"{name} has a shape that cannot be", shape)
    return shape


def _skip_gap(reader: _Reader) -> None:
    (gap,) = reader.integers(1, "the gap before the data")
    if gap >= ALIGNMENT or reader.take(gap, "the gap before the data").any() or reader.at % ALIGNMENT:
        raise reader.damaged(f"The gap before the data does not align them to {ALIGNMENT} bytes", gap)


def _item(reader: _Reader, header: _Header, name: str, shape: tuple[int, ...]) -> Item:
    size = math.prod(shape)
    lengths = {FLOAT32: 4 * size, INT8: size, INTGEMM8: size + 4}
    if header.type not in lengths:
        raise ModelError(
            f"{name} has a type that is not read",
            where=reader.path,
            value=hex(header.type),
            allowed="float32, int8 or intgemm8",
            fix="convert the model with `marian-conv --gemm-type float32`, without packing",
        )
    needed = lengths[header.type]
    if not needed <= header.data_length < needed + ALIGNMENT:
        raise reader.damaged(
            f"The data of {name} do not fit its shape {shape}",
            f"{header.data_length} bytes",
            f"{needed} and padding to a multiple of {ALIGNMENT}",
        )
    data = reader.take(header.data_length, f"the data of {name}")[:needed]
    if header.type == INT8:
        return Item(data.view(np.int8).reshape(shape))
    if header.type == FLOAT32:
        return Item(_finite(reader, name, data.view("<f4").reshape(shape)))
    if len(shape) != 2:
        raise reader.damaged(f"{name} has 8 bits and is no matrix", shape)
    (multiplier,) = struct.unpack("<f", data[size:].tobytes())
    if not 0 < multiplier < math.inf:
        raise reader.damaged(f"The multiplier of {name} cannot be", multiplier, "a number above 0")
    values = data[:size].view(np.int8)
    as_declared = values.reshape(shape) if "Wemb" in name else values.reshape(shape[::-1]).T
    return Item(as_declared, multiplier)


def _finite(reader: _Reader, name: str, values: NDArray[np.float32]) -> NDArray[np.float32]:
    if not np.isfinite(values).all():
        raise reader.damaged(f"{name} has values that are no numbers")
    return values
