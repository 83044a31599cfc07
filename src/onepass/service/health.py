"""Whether all workers work: each writes the time into shared memory, as long as its models answer."""

from __future__ import annotations

import multiprocessing
import time
from typing import Any

FRESH_SECONDS = 5.0
STUCK_SECONDS = 20.0
BEAT_SECONDS = 0.5


class Health:
    """The last sign of life of each worker; may be handed to processes that are started.

    Args:
        workers: how many there are.
    """

    def __init__(self, workers: int) -> None:
        self._beats: Any = multiprocessing.get_context("spawn").Array("d", workers, lock=False)

    def beat(self, worker: int) -> None:
        """A worker's sign of life."""
        self._beats[worker] = time.monotonic()

    def forget(self, worker: int) -> None:
        """Takes back a worker's signs of life, since it has ended."""
        self._beats[worker] = 0.0

    def failing(self) -> list[int]:
        """The workers that have not given one for a while, or never."""
        oldest = time.monotonic() - FRESH_SECONDS
        return [worker for worker, beat in enumerate(self._beats) if not beat or beat < oldest]
