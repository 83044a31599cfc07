"""Reads a teacher's files, whatever their format."""

from __future__ import annotations

from onepass.teachers.find import TeacherFiles
from onepass.teachers.huggingface import read_huggingface
from onepass.teachers.marian import MarianTeacher, read_marian


def read_teacher_files(files: TeacherFiles) -> MarianTeacher:
    """The teacher that was found.

    Raises:
        ModelError: a file cannot be read, is damaged or not supported, or does not belong to the others.
    """
    return read_marian(files) if files.config is None else read_huggingface(files)
