"""Exported bundles of random students, made once."""

from pathlib import Path

import pytest

from tiny_export import AS_READ, FAMILIES, exported, random_read_teacher, random_student, random_teacher


@pytest.fixture(scope="session")
def bundles(tmp_path_factory, make_teacher) -> Path:
    """For training in the two teachers and each `NAME` of a student, for the runtime in `NAME.exported`."""
    directory = tmp_path_factory.mktemp("bundles")
    teacher = random_teacher(directory / "teacher", make_teacher)
    read = random_read_teacher(directory / "teacher as read")
    judges = {"fertility": teacher, "ctc": teacher, "fertility as read": read, "ctc as read": read}
    for name in (*FAMILIES, *AS_READ):
        student = random_student(directory / name, name)
        exported(student, directory / f"{name}.exported", judges.get(name))
    return directory
