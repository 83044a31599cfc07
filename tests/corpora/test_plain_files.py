"""Files that are copied block by block hold what reading them line by line gives, or nothing is copied."""

import gzip
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onepass.corpora import plain_files as module
from onepass.corpora.plain_files import copy_lines
from onepass.corpora.sources import read_line_files
from onepass.errors import DataError
from onepass.text.lines import read_lines

PIECES = [
    "a",
    "b c",
    " ",
    "\t",
    "\u00a0",
    "\u2028",
    "\u3000",
    "\x1c",
    "\x0b",
    "\r",
    "ß",
    "。",
    "é ",
    "\n",
    "\n",
]
texts = st.lists(st.sampled_from(PIECES), max_size=30).map("".join)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("plain")


def copied(folder: Path, src: bytes, tgt: bytes) -> bool:
    for name, content in (("src", src), ("tgt", tgt)):
        (folder / name).write_bytes(content)
        (folder / f"to-{name}").unlink(missing_ok=True)
    return copy_lines(*(folder / name for name in ("src", "tgt", "to-src", "to-tgt")))


@settings(deadline=None, max_examples=80)
@given(texts, st.integers(1, 9))
def test_lines_are_those_that_are_read_one_by_one(folder: Path, text: str, block: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "BLOCK", block)
        assert copied(folder, text.encode(), text.encode())
    pairs = read_line_files(folder / "src", folder / "tgt")
    expected = [pair.src for pair in pairs]
    assert read_lines(folder / "to-src") == read_lines(folder / "to-tgt") == expected


@pytest.mark.parametrize(
    ("src", "tgt"),
    [
        (b"a\nb\n", b"a\n"),
        (b"a\n\xff\n", b"a\nb\n"),
        (b"\xef\xbb\xbfa\n", b"a\n"),
        ("a\n".encode("utf-16"), b"a\n"),
        ("ab\n".encode("utf-16-le"), b"a\n"),
    ],
    ids=["unequal", "not UTF-8", "byte order mark", "UTF-16", "UTF-16 without mark"],
)
def test_what_is_odd_is_not_copied(src: bytes, tgt: bytes, folder: Path) -> None:
    assert not copied(folder, src, tgt)
    assert not (folder / "to-src").exists()
    assert not (folder / "to-tgt").exists()


def test_compressed_files_are_copied_as_their_content(folder: Path) -> None:
    (folder / "a.gz").write_bytes(gzip.compress(b" a \nb\n"))
    (folder / "b").write_bytes(b"c\nd")
    assert copy_lines(folder / "a.gz", folder / "b", folder / "to-a", folder / "to-b")
    assert read_lines(folder / "to-a") == ["a", "b"]
    assert read_lines(folder / "to-b") == ["c", "d"]
    (folder / "cut.gz").write_bytes(gzip.compress(b"a\nb\n")[:-9])
    assert not copy_lines(folder / "cut.gz", folder / "b", folder / "to-c", folder / "to-d")
    with pytest.raises(DataError, match="damaged"):
        list(read_line_files(folder / "cut.gz", folder / "b"))
