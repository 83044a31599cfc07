"""Errors a user can act on: what happened, where, the value seen, what is allowed, what to do next.

The command line prints them without a traceback and exits with the class's `exit_code`.
"""

from __future__ import annotations


class OnepassError(Exception):
    """Base of every error the project raises on purpose.

    Args:
        what: one sentence saying what went wrong.
        where: file and line, recipe key or option.
        value: the value that was seen there.
        allowed: what would have been accepted.
        fix: what to do next.
    """

    exit_code = 1

    def __init__(
        self,
        what: str,
        *,
        where: object = None,
        value: object = None,
        allowed: object = None,
        fix: str | None = None,
    ) -> None:
        parts = [what]
        if where is not None:
            parts.append(f"  where: {where}")
        if value is not None:
            parts.append(f"  value: {value!r}")
        if allowed is not None:
            parts.append(f"  allowed: {allowed}")
        if fix is not None:
            parts.append(f"  to do: {fix}")
        super().__init__("\n".join(parts))
        self.what, self.where, self.value, self.allowed, self.fix = what, where, value, allowed, fix


class UsageError(OnepassError):
    """A recipe, option or argument that cannot be used."""

    exit_code = 2


class DataError(OnepassError):
    """Text that cannot be read or that leaves nothing to work on."""

    exit_code = 3


class ModelError(OnepassError):
    """A bundle or checkpoint that is damaged, unsuitable or too new, or a training that failed."""

    exit_code = 4
