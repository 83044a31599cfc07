"""The binary file gives back what a plain writer put into it, and no length in it is believed."""

import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from onepass.errors import ModelError
from onepass.teachers.binary import read_binary
from tiny_marian import (
    FLOAT32,
    INT8,
    INTGEMM8,
    Shape,
    as_in_8_bits,
    binary_bytes,
    is_matrix,
    pack,
    random_arrays,
)

SHAPE = Shape()


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "model.bin"


@pytest.mark.parametrize("eight_bits", [True, False])
def test_arrays_come_back_in_their_declared_shape(path, eight_bits: bool) -> None:
    arrays = random_arrays(SHAPE)
    path.write_bytes(binary_bytes(arrays, SHAPE.settings(), eight_bits=eight_bits))
    items = read_binary(path)
    expected = as_in_8_bits(arrays) if eight_bits else arrays
    for name, array in expected.items():
        assert items[name].shape == array.shape
        np.testing.assert_array_equal(items[name].floats(), array)
        assert (items[name].multiplier is not None) == (eight_bits and is_matrix(name))
    others = set(items) - set(arrays)
    assert others == {"special:model.yml"} | (
        {f"{name}_QuantMultA" for name in arrays if is_matrix(name) and name != "Wemb"} | {"none_QuantMultA"}
        if eight_bits
        else set()
    )


def test_the_file_is_mapped_and_not_read(path) -> None:
    data = np.ones((1 << 22, 1), np.float32)
    path.write_bytes(pack([("a", FLOAT32, data.shape, data.tobytes())]))
    tracemalloc.start()
    read_binary(path)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < data.nbytes / 2  # which numbers are finite takes a byte each


def test_data_that_are_not_padded_are_read_as_well(path) -> None:
    path.write_bytes(pack([("b", FLOAT32, (2,), b"\0\0\x80?" * 2), ("c", INT8, (3,), b"abc")], align=1))
    with pytest.raises(ModelError, match="does not align"):
        read_binary(path)
    whole = pack([("b", FLOAT32, (2,), b"\0\0\x80?" * 2), ("c", INT8, (3,), b"abc")])
    shorter = whole[:-253]  # as Marian leaves the text at the end
    path.write_bytes(shorter[:72] + struct.pack("<Q", 3) + shorter[80:])
    assert read_binary(path)["c"].values.tobytes() == b"abc"


def field(data: bytes, offset: int, value: int) -> bytes:
    return data[:offset] + struct.pack("<Q", value) + data[offset + 8 :]


GOOD = pack([("a_W", INTGEMM8, (2, 3), bytes(6) + struct.pack("<f", 2.0)), ("b", FLOAT32, (1, 4), bytes(16))])
FIRST, SECOND = 16, 48  # what is said of each item
NAMES, SHAPES, GAP = 80, 86, 102
DATA = 256


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "ends within its first words"),
        (b"PK\3\4" * 20, "not a Marian model"),
        (field(GOOD, 0, 2), "not a Marian model"),
        (field(GOOD, 8, 2**60), "cannot hold so many items"),
        (field(GOOD, 8, 20), "not text with a zero"),
        (field(GOOD, FIRST, 2**62), "length that cannot be"),
        (field(GOOD, FIRST, 0), "length that cannot be"),
        (field(GOOD, FIRST, 5), "not text with a zero"),
        (field(GOOD, FIRST + 8, 0x4201), "type that is not read"),
        (field(GOOD, FIRST + 16, 2**40), "dimensions that cannot be"),
        (field(GOOD, FIRST + 16, 0), "dimensions that cannot be"),
        (field(GOOD, FIRST + 24, 2**61), "do not fit its shape"),
        (field(GOOD, FIRST + 24, 4), "do not fit its shape"),
        (GOOD[:NAMES] + b"a_\0W" + GOOD[NAMES + 4 :], "not text with a zero"),
        (GOOD[:NAMES] + b"\xff_W\0" + GOOD[NAMES + 4 :], "not text with a zero"),
        (GOOD[:SHAPES] + struct.pack("<i", -2) + GOOD[SHAPES + 4 :], "shape that cannot be"),
        (
            GOOD[:SHAPES] + struct.pack("<ii", 2**31 - 1, 2**31 - 1) + GOOD[SHAPES + 8 :],
            "do not fit its shape",
        ),
        (field(GOOD, GAP, 2**63), "does not align"),
        (field(GOOD, GAP, 7), "does not align"),
        (GOOD[: GAP + 8] + b"x" + GOOD[GAP + 9 :], "does not align"),
        (GOOD[: DATA + 6] + struct.pack("<f", 0.0) + GOOD[DATA + 10 :], "multiplier of a_W"),
        (GOOD[: DATA + 6] + struct.pack("<f", np.nan) + GOOD[DATA + 10 :], "multiplier of a_W"),
        (GOOD[: DATA + 256] + struct.pack("<f", np.inf) + GOOD[DATA + 260 :], "no numbers"),
        (GOOD[:-1], "ends within the data of b"),
        (GOOD + b"\0", "left over"),
        (pack([("a", INT8, (1,), b"1"), ("a", INT8, (1,), b"2")]), "the same name"),
        (pack([("a", INTGEMM8, (4,), bytes(8))]), "is no matrix"),
    ],
)
def test_what_cannot_be_is_one_clear_error(path, data: bytes, message: str) -> None:
    path.write_bytes(data)
    with pytest.raises(ModelError, match=message):
        read_binary(path)


def test_a_missing_file_is_one_clear_error(path) -> None:
    with pytest.raises(ModelError, match="No such file"):
        read_binary(path)
