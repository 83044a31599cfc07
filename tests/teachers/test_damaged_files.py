"""A cut or changed file of a teacher is one clear error: no traceback, no memory for what a length claims."""

import random
import resource
import shutil
import struct
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from onepass.errors import OnepassError
from onepass.teachers.find import find_teacher
from onepass.teachers.marian import read_marian
from tiny_marian import Shape, quantised, random_arrays, train_spm

FILES = ("model.tiny.bin", "vocab.tiny.spm", "lex.tiny.bin")
Change = Callable[[random.Random, bytearray], object]


def item_count(data: bytearray) -> int:
    return int.from_bytes(data[8:16], "little")


def sections(data: bytearray) -> tuple[int, int, int]:
    """Where names, shapes and the gap of a model begin."""
    headers = [struct.unpack_from("<4Q", data, 16 + 32 * i) for i in range(item_count(data))]
    names = 16 + 32 * len(headers)
    shapes = names + sum(header[0] for header in headers)
    return names, shapes, shapes + 4 * sum(header[2] for header in headers)


def flip(chance: random.Random, data: bytearray, first: int, last: int) -> None:
    place = chance.randrange(first, last)
    data[place] ^= chance.randrange(1, 256)


def cut(chance: random.Random, data: bytearray) -> None:
    del data[chance.randrange(len(data)) :]


def leftovers(chance: random.Random, data: bytearray) -> None:
    data += chance.randbytes(chance.randint(1, 300))


def in_the_header(chance: random.Random, data: bytearray) -> None:
    flip(chance, data, 0, sections(data)[0])


def a_length(chance: random.Random, data: bytearray) -> None:
    """One of a name, a rank or of data becomes anything, mostly huge."""
    field = 16 + 32 * chance.randrange(item_count(data)) + chance.choice([0, 16, 24])
    before = struct.unpack_from("<Q", data, field)[0]
    value = chance.choice([chance.getrandbits(64), 2**40, 2**63, before + 1, before - 1, before + 256])
    struct.pack_into("<Q", data, field, value)


def in_the_names(chance: random.Random, data: bytearray) -> None:
    names, shapes, _ = sections(data)
    flip(chance, data, names, shapes)


def in_the_shapes(chance: random.Random, data: bytearray) -> None:
    _, shapes, gap = sections(data)
    flip(chance, data, shapes, gap + 8)


def in_the_settings(chance: random.Random, data: bytearray) -> None:
    """What a value is, or what makes it YAML; the text keeps its length."""
    changes = [
        (b"dim-emb: 64", b"dim-emb: 46"),
        (b"enc-depth: 2", b"enc-depth: 9"),
        (b"dec-depth: 2", b"dec-depth: 1"),
        (b"transformer-dim-ffn: 128", b"transformer-dim-ffn: 821"),
        (b"transformer-heads: 4", b"transformer-heads: 7"),
        (b"  - 56", b"  - 65"),
        (b"autoreg: rnn", b"autoreg: abc"),
        (b"activation: relu", b"activation: gelu"),
        (b"postprocess: dan", b"postprocess: and"),
        (b"embeddings-all: true", b"embeddings-all: nono"),
        (b"type: transformer", b"type: transducers"),
        (b"dec-cell: ssru", b"dec-cell: lstm"),
        (b"dim-emb: 64", b"dim-emb: \xff\xff"),
        (b"dim-emb: 64", b"dim-emb: [["),
        (b"dim-emb: 64", b"dim-emb: 6\0"),
        (b"dim-emb: 64", b"dim-emb: *a"),
        (b"dim-emb: 64", b'dim-emb: "6'),
        (b"dim-emb: 64", b"dim-emb\t\t64"),
    ]
    before, after = chance.choice(changes)
    place = data.rindex(before)
    data[place : place + len(before)] = after


def a_scale(chance: random.Random, data: bytearray) -> None:
    """The multiplier of a matrix becomes no number or none above 0."""
    name = chance.choice(["encoder_l1_self_Wq", "Wemb", "decoder_l2_ffn_W2"])
    whole, multiplier = quantised(random_arrays(Shape())[name])
    stored = (whole if name == "Wemb" else whole.T).tobytes()
    place = data.index(stored + multiplier.tobytes()) + len(stored)
    struct.pack_into("<f", data, place, chance.choice([0.0, -1.0, float("inf"), float("nan")]))


def in_the_shortlist(chance: random.Random, data: bytearray) -> None:
    flip(chance, data, 0, len(data) // 8 * 8)  # the checksum leaves half a word out


def another_vocabulary(chance: random.Random, data: bytearray) -> None:
    data[:] = train_spm(chance.choice([40, 48, 55]))


def no_vocabulary(chance: random.Random, data: bytearray) -> None:
    data[:] = chance.randbytes(chance.randrange(1, 2000))


CHANGES: list[tuple[int, Change]] = [
    *[(0, change) for change in (cut, leftovers, in_the_header, a_length, a_length, in_the_names)],
    *[(0, change) for change in (in_the_shapes, in_the_settings, in_the_settings, a_scale)],
    *[(1, change) for change in (cut, cut, another_vocabulary, no_vocabulary)],
    *[(2, change) for change in (cut, leftovers, in_the_shortlist, in_the_shortlist)],
]


@pytest.fixture
def copied(folder, arrays, tmp_path) -> Path:
    """The tiny teacher, to be damaged."""
    for name in FILES:
        shutil.copy(folder / name, tmp_path)
    return tmp_path


@pytest.mark.parametrize("part", range(10))
def test_216_damaged_files_are_one_clear_error_each(copied, part: int) -> None:
    whole = {name: (copied / name).read_bytes() for name in FILES}
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for seed in range(part, 12 * len(CHANGES), 10):
        number, change = CHANGES[seed % len(CHANGES)]
        name, chance = FILES[number], random.Random(seed)
        data = bytearray(whole[name])
        change(chance, data)
        (copied / name).write_bytes(data)
        with pytest.raises(OnepassError) as caught:
            read_marian(find_teacher(str(copied)))
        assert str(copied) in str(caught.value), (seed, change)
        (copied / name).write_bytes(whole[name])
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 100 * 1024  # kilobytes


@pytest.mark.parametrize("name", FILES)
def test_any_changed_bytes_are_a_clear_error_or_another_model(copied, name: str) -> None:
    whole, chance = (copied / name).read_bytes(), random.Random(7)
    for _ in range(40):
        data = bytearray(whole)
        for _ in range(chance.choice([1, 1, 10])):
            flip(chance, data, 0, len(data))
        (copied / name).write_bytes(data)
        with suppress(OnepassError):
            read_marian(find_teacher(str(copied)))
