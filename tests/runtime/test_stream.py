"""Lines come out as they went in, however the bytes arrive, and as soon as they have arrived."""

import io
import os
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onepass.errors import DataError
from onepass.runtime.stream import BLOCK_BYTES, BLOCKS_AHEAD, Lines
from onepass.runtime.windows import WINDOW


class Blocks(io.RawIOBase):
    """A stream that gives these blocks, then its end or an error."""

    def __init__(self, blocks: Sequence[bytes], error: OSError | None = None) -> None:
        self.blocks, self.error, self.given = list(blocks), error, 0

    def read(self, size: int = -1) -> bytes:
        if not self.blocks and self.error:
            raise self.error
        self.given += 1
        return self.blocks.pop(0) if self.blocks else b""


def read(*blocks: bytes, strict: bool = False) -> list[str]:
    lists = list(Lines(Blocks(blocks), "stdin", strict=strict))
    assert all(1 <= len(lines) <= WINDOW for lines in lists)
    return [line for lines in lists for line in lines]


@pytest.mark.parametrize(
    ("blocks", "expected"),
    [
        ([], []),
        ([b"\n"], [""]),
        ([b"\n\n"], ["", ""]),
        ([b"a\nb\n"], ["a", "b"]),
        ([b"a\nb"], ["a", "b"]),
        ([b"a", b"b\nc", b"\n", b"d"], ["ab", "c", "d"]),
        ([b"a\r\nb\r", b"\n\r\n"], ["a", "b", ""]),
        ([b"a\rb\r\r\n"], ["a\rb\r"]),
        ([b"\xef\xbb\xbfa\n\xef\xbb\xbfb\n"], ["a", "\ufeffb"]),
        ([b"\xef", b"\xbb\xbf\n"], [""]),
        (["a\u2028b\x0bc\x0cd\x85\x1ce\n".encode()], ["a\u2028b\x0bc\x0cd\x85\x1ce"]),
        ([b"\xc3", b"\xa4\xe2\x82", b"\xac\n"], ["ä€"]),
        ([b"a\0b\n"], ["a\0b"]),
    ],
)
def test_only_a_newline_ends_a_line(blocks: list[bytes], expected: list[str]) -> None:
    assert read(*blocks) == read(*blocks, strict=True) == expected


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
@pytest.mark.parametrize("size", [1, 7, 1000])
def test_a_byte_order_mark_says_how_the_text_is_encoded(encoding: str, size: int) -> None:
    text = "Grüße 😀\r\n\nEnde"
    raw = text.encode(encoding)
    if size == 1:
        size = len(raw) // 2 + 1  # the mark comes whole
    blocks = [raw[start : start + size] for start in range(0, len(raw), size)]
    assert read(*blocks) == read(*blocks, strict=True) == ["Grüße 😀", "", "Ende"]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_without_a_mark_is_refused(encoding: str) -> None:
    with pytest.raises(DataError, match="UTF-16"):
        read("Where is it?\n".encode(encoding))


def test_strict_refuses_what_is_not_the_encoding_of_the_mark() -> None:
    with pytest.raises(DataError, match="UTF-16"):
        read("A\n".encode("utf-16") + b"\x00", strict=True)


def test_lines_that_wait_come_together() -> None:
    blocks = Blocks([b"a\n"] * (BLOCKS_AHEAD - 2))
    lines = Lines(blocks, "stdin", strict=True)
    while blocks.given < BLOCKS_AHEAD - 1:
        time.sleep(0.001)
    time.sleep(0.01)
    assert [len(some) for some in lines] == [BLOCKS_AHEAD - 2]


@settings(deadline=None, max_examples=200)
@given(st.lists(st.text(st.sampled_from("aä😀\r\n\u2028 "), max_size=8).map(str.encode), max_size=8))
def test_where_blocks_end_makes_no_difference(blocks: list[bytes]) -> None:
    whole = b"".join(blocks)
    expected = [line.removesuffix(b"\r").decode() for line in whole.split(b"\n")]
    if not whole or whole.endswith(b"\n"):
        del expected[-1]
    assert read(*filter(None, blocks)) == expected
    assert read(*(whole[i : i + 1] for i in range(len(whole)))) == expected


def test_many_lines_come_in_lists_of_a_window() -> None:
    lines = [str(number) for number in range(3 * WINDOW + 5)]
    assert read("\n".join(lines).encode()) == lines


def test_a_line_of_many_blocks_is_one_line() -> None:
    assert read(*[b"x" * BLOCK_BYTES] * 20, b"\ny") == ["x" * 20 * BLOCK_BYTES, "y"]


def test_bad_bytes_are_replaced_and_counted() -> None:
    lines = Lines(Blocks([b"\xff\nfine\n\xed\xa0\x80 half\ncut \xe2\x82"]), "stdin", strict=False)
    assert [line for some in lines for line in some] == [
        "\ufffd",
        "fine",
        "\ufffd\ufffd\ufffd half",
        "cut \ufffd",
    ]
    assert (lines.count, lines.replaced) == (4, 3)


def test_strict_names_the_first_bad_byte_after_the_lines_before_it() -> None:
    lines = iter(Lines(Blocks([b"\xef\xbb\xbfa\nb\n", b"c\nok \xff\nd\n"]), "text.en", strict=True))
    found: list[str] = []
    with pytest.raises(DataError) as error:
        found.extend(line for some in lines for line in some)
    assert found == ["a", "b", "c"]
    assert error.value.where == "text.en, line 4, byte 4"


def test_a_failing_read_is_a_data_error_after_the_lines_before_it() -> None:
    lines = iter(Lines(Blocks([b"a\nb\nc"], OSError(5, "Input/output error")), "stdin", strict=False))
    assert next(lines) == ["a", "b"]
    with pytest.raises(DataError, match=r"Input/output error(.|\n)*stdin, line 2"):
        next(lines)


def test_reading_stays_a_few_blocks_ahead() -> None:
    source = Blocks([b"a\n"] * 1000)
    lines = iter(Lines(source, "stdin", strict=False))
    consumed = 0
    for some in lines:
        consumed += len(some)
        assert source.given <= consumed + BLOCKS_AHEAD + 2
    assert consumed == 1000


# --- pipes -------------------------------------------------------------------


@pytest.fixture
def pipe() -> Iterator[tuple[io.FileIO, io.FileIO]]:
    """What to read from, and what to write to."""
    source, sink = os.pipe()
    with open(source, "rb", buffering=0) as reader, open(sink, "wb", buffering=0) as writer:
        yield reader, writer


def test_lines_are_given_while_the_pipe_stays_open(pipe: tuple[io.FileIO, io.FileIO]) -> None:
    source, sink = pipe
    lines = iter(Lines(source, "stdin", strict=False))
    for sent, expected in ((b"one\n", ["one"]), (b"two\nthree\nfo", ["two", "three"]), (b"ur\n", ["four"])):
        sink.write(sent)
        assert next(lines) == expected
    sink.write(b"last")
    sink.close()
    assert list(lines) == [["last"]]


def test_a_pipe_that_does_not_block_is_read_to_its_end(pipe: tuple[io.FileIO, io.FileIO]) -> None:
    source, sink = pipe
    os.set_blocking(source.fileno(), False)
    lines = iter(Lines(source, "stdin", strict=False))
    time.sleep(0.05)
    sink.write(b"late\n")
    assert next(lines) == ["late"]
    sink.close()
    assert list(lines) == []


def test_a_file_may_be_closed_while_it_is_read(tmp_path: Path, monkeypatch) -> None:
    """As a translation that fails does it."""
    failures: list[object] = []
    monkeypatch.setattr(threading, "excepthook", failures.append)
    (tmp_path / "in").write_bytes(b"a\n" * (2 * BLOCK_BYTES))
    for _ in range(20):
        with open(tmp_path / "in", "rb", buffering=0) as file:
            next(iter(Lines(file, "in", strict=False)))
        time.sleep(0.01)
    assert failures == []
