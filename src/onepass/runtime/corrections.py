"""What corrections by a teacher are made of, the same for every engine (`onepass.decoding.corrections`)."""

from __future__ import annotations

from onepass.errors import UsageError

VARIANTS = 4
"""Of a draft, that the teacher reads at once."""
AHEAD = 4
"""Tokens behind a corrected one among which the wanted one is looked for: what is before it then goes."""
MOST_TOKENS = 512
"""A draft that would become longer stays as it is."""
SHARES = 1 << 20
"""Shares of a draft with which the teacher agrees are whole numbers up to this, alike in every engine."""


def check_number_of_corrections(most: int) -> None:
    """Raises UsageError for a number that there is not."""
    if most < 0:
        raise UsageError("There is no such number of corrections", where="num_corrections", value=most)
