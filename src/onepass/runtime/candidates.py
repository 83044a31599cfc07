"""What candidates are made of, the same for every engine."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from onepass.errors import UsageError
from onepass.families import Family
from onepass.runtime.text_translator import MAX_SRC_TOKENS

CHANGES = 6
"""Of the labels of a CTC student, see `onepass.decoding.candidates`."""
MOST_LABELLINGS = 2**CHANGES


def candidate_numbers(num_candidates: int, *, seed: int) -> NDArray[np.float32]:
    """The uniform numbers of noisy parallel decoding; more candidates go on where fewer ended.

    Returns:
        [num_candidates - 1, MAX_SRC_TOKENS], in [0, 1).
    """
    return np.random.default_rng(seed).random((num_candidates - 1, MAX_SRC_TOKENS), dtype=np.float32)


def check_labellings(num_candidates: int) -> None:
    """Raises UsageError for more candidates than a CTC student has."""
    if num_candidates > MOST_LABELLINGS:
        raise UsageError(
            "A CTC student has fewer candidates",
            where="num_candidates",
            value=num_candidates,
            allowed=f"1 to {MOST_LABELLINGS}",
        )


def check_candidates(family: Family, num_candidates: int) -> None:
    """Raises UsageError for more candidates than a student of this family has."""
    if family.most_candidates is not None and num_candidates > family.most_candidates:
        raise UsageError(
            f"A {family.title} student has fewer candidates",
            where="num_candidates",
            value=num_candidates,
            allowed=f"1 to {family.most_candidates}",
        )


def combinations() -> NDArray[np.bool_]:
    """Which changes each labelling makes, [MOST_LABELLINGS, CHANGES]; the first one makes none."""
    return (np.arange(MOST_LABELLINGS)[:, None] >> np.arange(CHANGES) & 1).astype(np.bool_)
