"""Marian's archive gives back its arrays; nothing pickled, no claim believed."""

import io
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
from numpy.lib import format as npy

from onepass.errors import ModelError
from onepass.teachers.npz import read_npz
from tiny_marian import Shape, random_arrays, write_npz

SHAPE = Shape(recurrent=False)


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "model.npz"


def test_arrays_come_back(path) -> None:
    arrays = random_arrays(SHAPE)
    arrays["a"] = np.asfortranarray(arrays["Wemb"])
    write_npz(path, arrays, SHAPE.settings())
    items = read_npz(path)
    assert items["special:model.yml"].values.tobytes() == SHAPE.settings().encode() + b"\0"
    assert set(items) == {*arrays, "special:model.yml"}
    for name, array in arrays.items():
        np.testing.assert_array_equal(items[name].floats(), array)


def test_a_compressed_archive_is_read_as_well(path) -> None:
    arrays = {"a": random_arrays(SHAPE)["Wemb"]}
    np.savez_compressed(path, **arrays)
    np.testing.assert_array_equal(read_npz(path)["a"].floats(), arrays["a"])


def member(shape: tuple[int, ...], dtype: str = "<f4", data: bytes = bytes(16)) -> bytes:
    """An array whose header says what one likes."""
    header = io.BytesIO()
    npy.write_array_header_1_0(header, {"descr": dtype, "fortran_order": False, "shape": shape})
    return header.getvalue() + data


@pytest.mark.parametrize(
    "content",
    [
        member((1 << 40,)),
        member((2, -2)),
        member((0,)),
        member((3,)),
        member((5,)),
        member((2,), "<f8"),
        member((4,), "|O"),
        member((2, 2))[:5],
        b"\x93NUMPY\x03\x00" + member((2, 2))[8:],
        b"\x93NUMPY\x01\x00\x10\x00" + b"(" * 16,
        b"no array at all",
        member((4,), data=np.full(4, np.nan, "<f4").tobytes()),
    ],
)
def test_a_damaged_array_is_one_clear_error(path, content: bytes) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.npy", content)
    tracemalloc.start()
    try:
        with pytest.raises(ModelError, match="The archive is damaged"):
            read_npz(path)
        assert tracemalloc.get_traced_memory()[1] < 1 << 24
    finally:
        tracemalloc.stop()


def test_pickles_are_refused(path) -> None:
    np.savez(path, a=np.array([{"not": "numbers"}], dtype=object))
    with pytest.raises(ModelError, match="The archive is damaged: a is object"):
        read_npz(path)


def test_an_archive_that_would_swell_is_refused_before_it_does(path) -> None:
    np.savez_compressed(path, a=np.zeros(1 << 24, np.float32))
    assert path.stat().st_size < 1 << 18
    with pytest.raises(ModelError, match="claims"):
        read_npz(path)


def test_two_arrays_of_a_name_and_no_archive_are_clear_errors(path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.npy", member((2, 2)))
        archive.writestr("a", member((2, 2)))
    with pytest.raises(ModelError, match="a is there twice"):
        read_npz(path)
    path.write_bytes(b"PK nothing")
    with pytest.raises(ModelError, match="The archive is damaged"):
        read_npz(path)
    with pytest.raises(ModelError, match="There is no such file"):
        read_npz(path.with_name("other.npz"))
