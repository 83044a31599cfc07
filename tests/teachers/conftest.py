"""A tiny random teacher on disk, and the same one read."""

from pathlib import Path

import pytest

from onepass.teachers.find import find_teacher
from onepass.teachers.marian import MarianTeacher, read_marian
from tiny_marian import Arrays, write_teacher


@pytest.fixture(scope="session")
def folder(tmp_path_factory) -> Path:
    """model.tiny.bin in 8 bits, vocab.tiny.spm and lex.tiny.bin."""
    return tmp_path_factory.mktemp("teacher")


@pytest.fixture(scope="session")
def arrays(folder) -> Arrays:
    """What its matrices are, once they are in 8 bits."""
    return write_teacher(folder)


@pytest.fixture(scope="session")
def teacher(folder, arrays) -> MarianTeacher:
    return read_marian(find_teacher(str(folder)))
