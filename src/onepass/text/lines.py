"""Lines of text files, plain or compressed, with the number of each for error messages.

Only `\\n` ends a line (with a `\\r` before it or not): U+2028, U+0085 and form feeds are text.
"""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import lzma
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import NamedTuple, TypeVar, cast

from onepass.errors import DataError
from onepass.files import replacing

T = TypeVar("T")

CHUNK = 10_000
"""Items held in memory at a time."""
BLOCK = 1 << 20
"""Bytes read at a time."""


class Line(NamedTuple):
    """A line without its end; `number` counts from 1."""

    number: int
    text: str


def numbered_lines(path: Path) -> Iterator[Line]:
    """Streams the lines of a UTF-8 file, compressed if its name ends in `.gz`, `.xz` or `.bz2`.

    A byte order mark is removed; that of UTF-16 says how to decode the file.

    Raises:
        DataError: the file cannot be read, is not UTF-8 or is a damaged compressed file; names the line.
    """
    number = 0
    try:
        with _open(path) as file:
            for number, raw in enumerate(file, 1):
                if number == 1:
                    refuse_utf_16(raw, path)
                yield Line(number, raw.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n"))
    except UnicodeDecodeError as error:
        raise DataError(
            f"The text is not UTF-8: {error.reason}",
            where=f"{path}, line {number}, byte {error.start + 1}",
            value=error.object[max(0, error.start - 20) : error.end + 20],
            fix="convert the file, for example `iconv -f latin1 -t utf-8 OLD > NEW`, or remove the line",
        ) from None
    except (EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile) as error:
        kind = _KINDS.get(path.suffix, "compressed")
        raise DataError(
            f"The {kind} file is damaged: {error}",
            where=f"{path}, after line {number}",
            fix=f"copy the file again; if it is not compressed, remove `{path.suffix}` from its name",
        ) from None
    except OSError as error:
        raise DataError(
            f"Cannot read the file: {error.strerror or error}",
            where=f"{path}, after line {number}",
            fix="check its permissions and the disk",
        ) from None


def refuse_utf_16(beginning: bytes, where: object) -> None:
    """Raises DataError for a text that begins as UTF-16 without a byte order mark does."""
    odd, even = beginning[1::2].count(0), beginning[::2].count(0)
    if len(beginning) > 4 and min(odd, even) == 0 and max(odd, even) > len(beginning) // 4:
        raise DataError(
            "The text is not UTF-8: every other byte is zero, as in UTF-16",
            where=where,
            fix="convert it, for example `iconv -f utf-16le -t utf-8 OLD > NEW`",
        )


def read_parallel(src: Path, tgt: Path) -> tuple[list[str], list[str]]:
    """The texts of two files with the same number of lines.

    Raises:
        DataError: as `numbered_lines`, or the numbers of lines differ.
    """
    left, right = ([line.text for line in numbered_lines(path)] for path in (src, tgt))
    if len(left) != len(right):
        raise DataError(
            "The two files have different numbers of lines",
            where=f"{src}, {tgt}",
            value=f"{len(left)} and {len(right)}",
        )
    return left, right


def one_line(text: str) -> str:
    """The text without space around it and without line breaks inside it."""
    return text.replace("\r", " ").replace("\n", " ").strip()


def _plain(path: Path) -> object:
    return path.open("rb", buffering=0)


_OPENERS: dict[str, Callable[[Path], object]] = {".gz": gzip.open, ".xz": lzma.open, ".bz2": bz2.open}
_KINDS = {".gz": "gzip", ".xz": "xz", ".bz2": "bzip2"}


def compressed(path: Path) -> io.BufferedReader:
    """The bytes of a file, decompressed where its name says so."""
    opened = _OPENERS.get(path.suffix, _plain)(path)
    return io.BufferedReader(cast(io.RawIOBase, opened), 1 << 20)  # their own lines are slow


@contextmanager
def _open(path: Path) -> Iterator[Iterable[bytes]]:
    """The lines of a file, decompressed, and in UTF-8 where a mark says that it is UTF-16."""
    with compressed(path) as file:
        if file.peek(2)[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
            with io.TextIOWrapper(file, "utf-16", newline="\n") as decoded:
                yield (line.encode() for line in decoded)
        else:
            yield file


def stream_lines(path: Path) -> Iterator[str]:
    """The lines of a file, one at a time."""
    with open(path, encoding="utf-8", newline="\n") as file:
        for line in file:
            yield line.removesuffix("\n")


def read_lines(path: Path) -> list[str]:
    """All lines of a file."""
    return list(stream_lines(path))


def write_lines(path: Path, lines: Iterable[str]) -> None:
    """Writes one text a line; the file appears whole or not at all."""
    with replacing(path) as partial, open(partial, "w", encoding="utf-8", newline="\n") as file:
        file.writelines(f"{line}\n" for line in lines)


def text_of(lines: Iterable[str]) -> bytes:
    """Lines as a file has them."""
    return "".join(f"{line}\n" for line in lines).encode()


def lines_of(content: bytes) -> list[str]:
    """The lines of a file's content, with the ends that other systems use as text."""
    return content.decode().split("\n")[:-1]


class CutLines:
    """A file of lines in parts of as many lines, which are found without reading those before.

    Args:
        path: as `write_lines` writes it.
        every: lines of a part; the last one may have fewer.
    """

    def __init__(self, path: Path, every: int) -> None:
        self._path, self._every = path, every
        self._starts, place = [0], 0
        self.total = 0
        with open(path, "rb") as file:
            while block := file.read(BLOCK):
                found = block.count(b"\n")
                at = -1
                while self.total + found >= (wanted := len(self._starts) * every):
                    for _ in range(wanted - self.total):
                        at = block.index(b"\n", at + 1)
                    found -= wanted - self.total
                    self.total = wanted
                    self._starts.append(place + at + 1)
                self.total += found
                place += len(block)
        if self._starts[-1] < place:
            self._starts.append(place)

    def __len__(self) -> int:
        return len(self._starts) - 1

    def count(self, number: int) -> int:
        """Lines of a part."""
        return min(self._every, self.total - number * self._every)

    def content(self, number: int) -> bytes:
        """A part as it is in the file."""
        with open(self._path, "rb") as file:
            file.seek(self._starts[number])
            return file.read(self._starts[number + 1] - self._starts[number])

    def lines(self, number: int) -> list[str]:
        """The lines of a part."""
        return lines_of(self.content(number))


def chunks(items: Iterable[T]) -> Iterator[list[T]]:
    """The items in lists of at most CHUNK."""
    iterator = iter(items)
    while chunk := list(islice(iterator, CHUNK)):
        yield chunk
