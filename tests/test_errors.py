"""Errors say what, where, the value, what is allowed and what to do, and carry the exit code."""

import pytest

from onepass.errors import DataError, ModelError, OnepassError, UsageError


def test_every_part_that_is_given_is_a_line_of_the_message() -> None:
    error = DataError("Bad line", where="a.txt, line 3", value="x\ty", allowed="text", fix="remove it")
    assert str(error).splitlines() == [
        "Bad line",
        "  where: a.txt, line 3",
        "  value: 'x\\ty'",
        "  allowed: text",
        "  to do: remove it",
    ]


def test_parts_that_are_not_given_leave_no_line() -> None:
    assert str(UsageError("Wrong", value=0)) == "Wrong\n  value: 0"


@pytest.mark.parametrize(("kind", "code"), [(UsageError, 2), (DataError, 3), (ModelError, 4)])
def test_each_kind_has_its_exit_code(kind: type[OnepassError], code: int) -> None:
    assert issubclass(kind, OnepassError)
    assert kind.exit_code == code
