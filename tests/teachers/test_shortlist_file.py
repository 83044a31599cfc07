"""The file of a shortlist gives back the lists that were put into it, in our ids."""

import struct

import numpy as np
import pytest

from onepass.errors import ModelError
from onepass.teachers.shortlist import checksum, read_shortlist
from onepass.teachers.vocabulary import our_order
from tiny_marian import plain_checksum, shortlist_bytes

LISTS = {0: [3, 9], 2: [5], 3: [], 7: [9, 4, 1]}
ORDER = our_order(10, 1, 0)
GOOD = shortlist_bytes(LISTS, 10, first=2)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "lex.bin"


@pytest.mark.parametrize("order", [ORDER, our_order(10, 9, 4)])
def test_lists_come_back_in_our_ids(path, order) -> None:
    path.write_bytes(GOOD)
    shortlist = read_shortlist(path, order, order, joint=True)
    assert len(shortlist.offsets) == 13
    for ours, theirs in enumerate(order):
        words = shortlist.words[shortlist.offsets[ours] : shortlist.offsets[ours + 1]]
        assert sorted(order[words]) == sorted(LISTS.get(int(theirs), []))
    assert order[shortlist.by_frequency].tolist() == list(range(10))
    assert shortlist.first == 2


@pytest.mark.parametrize("length", [16, 24, 27, 160])
def test_the_checksum_is_marians(length: int) -> None:
    data = np.random.default_rng(length).bytes(length)
    assert checksum(data) == plain_checksum(data[16:])


def changed(offset: int, value: int, *, right_checksum: bool = True) -> bytes:
    data = GOOD[:offset] + struct.pack("<Q", value) + GOOD[offset + 8 :]
    return data[:8] + struct.pack("<Q", plain_checksum(data[16:])) + data[16:] if right_checksum else data


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "too short"),
        (GOOD[:47], "too short"),
        (GOOD[:-4], "lengths do not fit"),
        (GOOD + bytes(4), "lengths do not fit"),
        (changed(0, 1, right_checksum=False), "begins with other bytes"),
        (changed(8, 1, right_checksum=False), "checksum differs"),
        (GOOD[:-9] + b"\1" + GOOD[-8:], "checksum differs"),
        (changed(16, 11), "another vocabulary"),
        (changed(32, 2**61), "lengths do not fit"),
        (changed(40, 2**63), "lengths do not fit"),
        (changed(48 + 8, 100), "do not ascend"),
        (changed(48 + 80, 2**63), "do not ascend"),
        (shortlist_bytes({1: [10]}, 10), "another vocabulary"),
        (shortlist_bytes(LISTS, 11), "another vocabulary"),
        (shortlist_bytes(LISTS, 9), "another vocabulary"),
    ],
)
def test_a_damaged_file_is_one_clear_error(path, data: bytes, message: str) -> None:
    path.write_bytes(data)
    with pytest.raises(ModelError, match=message):
        read_shortlist(path, ORDER, ORDER, joint=True)


def test_a_missing_file_is_one_clear_error(path) -> None:
    with pytest.raises(ModelError, match="Cannot read the shortlist"):
        read_shortlist(path, ORDER, ORDER, joint=True)
