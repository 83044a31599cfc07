"""Lines of bytes as they come: whatever is waiting is translated together, and nobody waits for more."""

from __future__ import annotations

import codecs
import io
import queue
import select
import threading
from collections.abc import Iterator

from onepass.errors import DataError
from onepass.runtime.windows import WINDOW, WINDOW_CHARACTERS, windows
from onepass.text.lines import refuse_utf_16

BLOCK_BYTES = 1 << 16
BLOCKS_AHEAD = 64
"""Read before they are wanted."""


_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",  # begins as that of UTF-16 does
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


def _blocks(file: io.RawIOBase) -> Iterator[bytes]:
    while (block := file.read(BLOCK_BYTES)) != b"":
        if block is None:  # a pipe that does not block has nothing yet
            select.select([file], [], [])
            continue
        yield block


class Lines:
    """The lines of a binary stream, in lists of what has arrived.

    Only a newline ends a line; a carriage return before it goes. UTF-16 and UTF-32 are known by their byte
    order mark.

    Args:
        file: to read, unbuffered.
        name: of it, for errors.
        strict: refuse what is not UTF-8; else it is replaced with U+FFFD.

    Attributes:
        count: lines read so far.
        replaced: lines among them that were not UTF-8.
    """

    def __init__(self, file: io.RawIOBase, name: str, *, strict: bool) -> None:
        self.count = self.replaced = 0
        self._name, self._strict = name, strict
        self._queue: queue.Queue[list[bytes] | Exception | None] = queue.Queue(BLOCKS_AHEAD)
        # A thread of its own, left behind in its read when the translator is stopped.
        threading.Thread(target=self._read, args=(file,), daemon=True).start()

    def __iter__(self) -> Iterator[list[str]]:
        """Lists of 1 to WINDOW lines, fewer where they are long.

        Raises:
            DataError: strict, and a line is not UTF-8; the lines before it have been given. Or the stream
                cannot be read.
        """
        for block in self._arrived():
            yield from windows(map(self._decoded, block))

    def _arrived(self) -> Iterator[list[bytes]]:
        """All that waits, at least a line."""
        item = self._queue.get()
        while isinstance(item, list):
            block, item = item, self._poll()
            size = sum(map(len, block))
            while isinstance(item, list) and item and len(block) < WINDOW and size < WINDOW_CHARACTERS:
                block += item
                size += sum(map(len, item))
                item = self._poll()
            yield block
            if item == []:
                item = self._queue.get()
        if isinstance(item, OSError):
            raise DataError(f"Cannot read on: {item.strerror}", where=f"{self._name}, line {self.count}")
        if isinstance(item, Exception):
            raise item

    def _poll(self) -> list[bytes] | Exception | None:
        """The next block, or an empty one where none waits."""
        try:
            return self._queue.get_nowait()
        except queue.Empty:
            return []

    def _read(self, file: io.RawIOBase) -> None:
        pieces: list[bytes] = []  # of a line that has not ended
        try:
            for block in self._in_utf8(file):
                *lines, rest = block.split(b"\n")
                if lines:
                    lines[0] = b"".join([*pieces, lines[0]])
                    pieces = []
                    self._queue.put(lines)
                pieces += [rest] if rest else []
            if pieces:
                self._queue.put([b"".join(pieces)])
            self._queue.put(None)
        except UnicodeDecodeError as error:
            self._queue.put(
                DataError(f"The text is not {error.encoding.upper()}: {error.reason}", where=self._name)
            )
        except ValueError:  # closed by who read it: nobody waits for more
            return
        except Exception as error:  # who waits must hear of it
            self._queue.put(error)

    def _in_utf8(self, file: io.RawIOBase) -> Iterator[bytes]:
        """The blocks of a file, as they are or decoded by their byte order mark."""
        decoder: codecs.IncrementalDecoder | None = None
        is_first = True
        for block in _blocks(file):
            if is_first:
                decoder, is_first = self._decoder(block), False
            yield block if decoder is None else decoder.decode(block).encode("utf-8", "replace")
        if decoder is not None:
            yield decoder.decode(b"", final=True).encode("utf-8", "replace")

    def _decoder(self, block: bytes) -> codecs.IncrementalDecoder | None:
        for mark, encoding in _MARKS.items():
            if block.startswith(mark):
                return codecs.getincrementaldecoder(encoding)("strict" if self._strict else "replace")
        refuse_utf_16(block, self._name)
        return None

    def _decoded(self, raw: bytes) -> str:
        self.count += 1
        line = raw.removesuffix(b"\r")
        try:
            return line.decode("utf-8-sig" if self.count == 1 else "utf-8")
        except UnicodeDecodeError as error:
            if self._strict:
                raise DataError(
                    f"The text is not UTF-8: {error.reason}",
                    where=f"{self._name}, line {self.count}, byte {error.start + 1}",
                    fix="convert it to UTF-8, or leave out --strict",
                ) from None
        self.replaced += 1
        return line.decode("utf-8", "replace")
