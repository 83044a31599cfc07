"""Marian's `.npz` model, as OPUS-MT ships it: a zip archive of arrays in numpy's format, nothing pickled.

A header in it may claim any size, so every claim is compared with the archive before memory is taken.
"""

from __future__ import annotations

import math
import zipfile
import zlib
from pathlib import Path
from tokenize import TokenError
from typing import IO

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from onepass.errors import ModelError
from onepass.teachers.items import CONFIGURATION, Item

MOST_COMPRESSED = 8
"""How many times its bytes in the archive an array may have; floats hardly compress."""

_ZIP_ERRORS = (
    zipfile.BadZipFile,
    zlib.error,
    OSError,
    EOFError,
    ValueError,  # numpy's headers, this one to TokenError
    TypeError,
    SyntaxError,
    TokenError,
    NotImplementedError,  # a way of compressing that zipfile does not know
    RuntimeError,  # encrypted
    OverflowError,
)


def read_npz(path: Path) -> dict[str, Item]:
    """The items of an archive by name: float32, and int8 for the text of the settings.

    Raises:
        ModelError: it cannot be read, is damaged, or holds what is no model.
    """
    items: dict[str, Item] = {}
    try:
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                name = member.filename.removesuffix(".npy")
                if name in items:
                    raise ValueError(f"{name} is there twice")
                items[name] = Item(_array(archive, member, name))
    except FileNotFoundError:
        raise ModelError("There is no such file", where=path) from None
    except _ZIP_ERRORS as error:
        raise ModelError(
            f"The archive is damaged: {error}",
            where=path,
            fix="get the file again, or save it with numpy.savez",
        ) from None
    return items


def _array(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo, name: str
) -> NDArray[np.float32] | NDArray[np.int8]:
    if member.file_size > MOST_COMPRESSED * member.compress_size + 4096:
        raise ValueError(f"{name} claims {member.file_size} bytes in {member.compress_size}")
    with archive.open(member) as file:
        shape, column_major, dtype = _header(file)
        allowed = np.int8 if name == CONFIGURATION else np.float32
        if dtype != allowed:
            raise ValueError(f"{name} is {dtype}, not {np.dtype(allowed)}")
        size = math.prod(shape) * dtype.itemsize
        if min(shape, default=1) < 1 or size > member.file_size:
            raise ValueError(f"{name} of shape {shape} does not fit {member.file_size} bytes")
        data = file.read(size)
        if len(data) != size or file.read(1):
            raise ValueError(f"{name} has not the bytes of its shape {shape}")
    values = np.frombuffer(data, dtype=dtype).reshape(shape, order="F" if column_major else "C")
    if not np.isfinite(values).all():
        raise ValueError(f"{name} has values that are no numbers")
    return values


def _header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[np.generic]]:
    version = npy.read_magic(file)
    if version == (1, 0):
        return npy.read_array_header_1_0(file)
    if version == (2, 0):
        return npy.read_array_header_2_0(file)
    raise ValueError(f"an array is of format {version}")
