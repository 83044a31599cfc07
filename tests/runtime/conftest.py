"""Exported bundles of random students, made once."""

from pathlib import Path

import pytest

from tiny_export import AS_READ, FAMILIES, exported, random_student, random_teacher


@pytest.fixture(scope="session")
def bundles(tmp_path_factory, make_teacher) -> Path:
    """For training in `teacher` and each `NAME` of a student, for the runtime in each `NAME.exported`."""
    directory = tmp_path_factory.mktemp("bundles")
    teacher = random_teacher(directory / "teacher", make_teacher)
    judges = {"fertility": teacher, "ctc": teacher}
    for name in (*FAMILIES, *AS_READ):
        student = random_student(directory / name, name)
        exported(student, directory / f"{name}.exported", judges.get(name))
    return directory
