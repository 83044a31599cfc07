"""Where placeholders stand among the slots of a CTC student: each once, where the model gives it most.

All slots are known at once, so this is an assignment: of each placeholder to a slot of its own, with the
largest sum of log probabilities. The order of the placeholders follows from the scores, not from the source.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]


def assigned(gains: Floats) -> NDArray[np.int64]:
    """A column for each row, all different, so that the sum of the gains is the largest.

    The shortest augmenting paths of Jonker and Volgenant (1987): exact, O(K² L).

    Args:
        gains: [K, L], finite, K <= L.

    Returns:
        int64 [K].
    """
    favourite: NDArray[np.int64] = gains.argmax(1)
    if len(set(favourite.tolist())) == len(favourite):
        return favourite
    rows, columns = gains.shape
    row_price, price = np.zeros(rows), np.zeros(columns + 1)
    owner = np.full(columns + 1, -1)  # the row that has a column; the last column is where a path starts
    for row in range(rows):
        owner[columns], column = row, columns
        least, before = np.full(columns, np.inf), np.full(columns, columns)
        done = np.zeros(columns + 1, dtype=bool)
        while owner[column] >= 0:
            done[column] = True
            cost = -gains[owner[column]] - row_price[owner[column]] - price[:-1]
            nearer = ~done[:-1] & (cost < least)
            least[nearer], before[nearer] = cost[nearer], column
            reachable = np.where(done[:-1], np.inf, least)
            following = int(reachable.argmin())
            step = reachable[following]
            row_price[owner[done]] += step
            price[done] -= step
            least[~done[:-1]] -= step
            column = following
        while column != columns:  # along the path each row takes the column of the next
            owner[column], column = owner[before[column]], before[column]
    found = np.empty(rows, dtype=np.int64)
    taken = np.flatnonzero(owner[:-1] >= 0)
    found[owner[taken]] = taken
    return found


def placed(log_probs: Floats, span_log_probs: Floats) -> NDArray[np.int64]:
    """Which placeholder each slot holds, -1 for none: each is in one slot, or in neighbours, which are one.

    Args:
        log_probs: of the best label of each slot that is no placeholder, [L].
        span_log_probs: of the placeholders, [K, L], K <= L.

    Returns:
        Numbers from 0 to K - 1, or -1, int64 [L].
    """
    columns = assigned(span_log_probs - log_probs)
    likeliest = span_log_probs.argmax(0)
    wanted = np.where(span_log_probs.max(0) > log_probs, likeliest, -1)
    held = np.full(len(log_probs), -1, dtype=np.int64)
    held[columns] = np.arange(len(columns))
    for number, column in enumerate(columns.tolist()):
        for step in (-1, 1):
            beside = column + step
            while 0 <= beside < len(held) and held[beside] < 0 and wanted[beside] == number:
                held[beside] = number
                beside += step
    return held
