"""Exported bundles of random students, made once."""

from pathlib import Path

import pytest

from tiny_export import FAMILIES, exported, random_student, random_teacher


@pytest.fixture(scope="session")
def bundles(tmp_path_factory, make_teacher) -> Path:
    """For training in `teacher` and each `FAMILY`, for the runtime in each `FAMILY.exported`."""
    directory = tmp_path_factory.mktemp("bundles")
    teacher = random_teacher(directory / "teacher", make_teacher)
    for family in FAMILIES:
        student = random_student(directory / family, family)
        judge = None if family == "dag" else teacher
        exported(student, directory / f"{family}.exported", judge)
    return directory
