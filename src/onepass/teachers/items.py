"""Named arrays of a Marian model, however its file holds them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

CONFIGURATION = "special:model.yml"
"""The item that holds the model's settings, as text."""


class Item(NamedTuple):
    """One array in its declared shape: (inputs, outputs) for a matrix, (words, width) for an embedding.

    Attributes:
        values: float32, or int8 where the weights are `values / multiplier`; a view of the file where that
            is possible.
        multiplier: None where the values are the weights.
    """

    values: NDArray[np.float32] | NDArray[np.int8]
    multiplier: float | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """As declared."""
        return self.values.shape

    def floats(self) -> NDArray[np.float32]:
        """The weights themselves."""
        if self.multiplier is None:
            return np.asarray(self.values, dtype=np.float32)
        return self.values.astype(np.float32) / np.float32(self.multiplier)
