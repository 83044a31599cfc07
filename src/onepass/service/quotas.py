"""Characters a minute of each key or address, in memory that all workers share.

Each has a bucket that holds a minute's characters and fills at that rate. A bucket is found by a hash with a
salt of this run; two addresses may share one of 65,536, which is rare and only strict.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import secrets
import time
from collections.abc import Callable
from typing import Any

BUCKETS = 1 << 16
SECONDS = 60.0


class Quotas:
    """What each who asks has used; may be handed to processes that are started.

    Args:
        clock: seconds, the same in all processes.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._salt = secrets.token_bytes(16)
        self._clock = clock
        # Of each bucket: the characters that are used, and when that was written.
        self._buckets: Any = multiprocessing.get_context("spawn").Array("d", 2 * BUCKETS)

    def take(self, who: str, characters: int, per_minute: int) -> float:
        """Takes characters out of a bucket, if it has so many.

        Args:
            who: key or address.
            characters: of the request; one with more than a whole bucket has to wait for a full one.
            per_minute: what the bucket holds.

        Returns:
            Seconds after which there will be enough; 0 where they were taken.
        """
        place = 2 * self._place(who)
        with self._buckets.get_lock():
            now = self._clock()
            filled = (now - self._buckets[place + 1]) * per_minute / SECONDS
            used = max(0.0, self._buckets[place] - filled)
            missing = used + min(characters, per_minute) - per_minute
            if missing > 0:
                return float(missing * SECONDS / per_minute)
            self._buckets[place], self._buckets[place + 1] = used + characters, now
        return 0.0

    def _place(self, who: str) -> int:
        digest = hashlib.sha256(self._salt + who.encode("utf-8", "replace")).digest()
        return int.from_bytes(digest[:4], "big") % BUCKETS
