"""The random numbers of noisy parallel decoding, the same for every engine."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from onepass.runtime.text import MAX_SRC_TOKENS


def candidate_numbers(num_candidates: int, *, seed: int) -> NDArray[np.float32]:
    """The uniform numbers that the samples are drawn with; more candidates go on where fewer ended.

    Returns:
        [num_candidates - 1, MAX_SRC_TOKENS], in [0, 1).
    """
    return np.random.default_rng(seed).random((num_candidates - 1, MAX_SRC_TOKENS), dtype=np.float32)
