"""What is let in: who may ask, how much, and how many at once."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager

from onepass.service.keys import Key, find_key
from onepass.service.quotas import Quotas
from onepass.service.refusal import RequestError
from onepass.service.settings import Limits


class Admission:
    """The door of a worker.

    Args:
        limits: of requests.
        keys: of those who may ask; none: everybody may.
        quotas: of all workers.

    Attributes:
        in_flight: requests that are being answered.
    """

    def __init__(self, limits: Limits, keys: tuple[Key, ...], quotas: Quotas) -> None:
        self.limits, self.keys = limits, keys
        self.in_flight = 0
        self._quotas = quotas
        self._ends: float | None = None

    def stop(self, seconds: float) -> None:
        """Refuses whatever comes from here on; what is accepted has so many seconds."""
        self._ends = time.monotonic() + seconds

    @property
    def is_stopping(self) -> bool:
        """Whether `stop` was called."""
        return self._ends is not None

    def deadline(self, started: float) -> float:
        """When a request that began at `started` (of `time.monotonic`) has to be answered."""
        latest = started + self.limits.seconds
        return latest if self._ends is None else min(latest, self._ends)

    def who(self, key: str | None, address: str) -> Key:
        """Who asks: the key that is given, or a key of no name for an address where there are none.

        Raises:
            RequestError: keys are asked for, and this is none of them.
        """
        if not self.keys:
            return Key(address, b"", None)
        if key is None or not (found := find_key(self.keys, key)):
            message = "An API key is required" if key is None else "Invalid API key"
            raise RequestError(403, message, reason="key")
        return found

    def charge(self, who: Key, characters: int) -> None:
        """Counts characters against those of a request and of a minute.

        Raises:
            RequestError: there are too many.
        """
        most = self.limits.characters
        if characters > most:
            raise RequestError(
                400,
                f"Invalid request: request ({characters}) exceeds text limit ({most})",
                reason="characters",
            )
        per_minute = who.characters_per_minute
        if per_minute is None:
            per_minute = self.limits.characters_per_minute
        if not per_minute:
            return
        if wait := self._quotas.take(who.name, characters, per_minute):
            raise RequestError(
                429,
                f"Slow down: the limit is {per_minute} characters per minute",
                reason="rate",
                retry_after=math.ceil(wait),
            )

    def check_room(self, waiting: int) -> None:
        """Whether a request may come in; asked before it is read, since a refusal has to be cheap.

        Args:
            waiting: sentences of other requests.

        Raises:
            RequestError: there is no place, too many sentences wait, or the service stops.
        """
        if self.is_stopping:
            raise RequestError(503, "The service is stopping", reason="stopping", retry_after=1)
        if self.in_flight >= self.limits.requests or waiting >= self.limits.sentences:
            raise RequestError(503, "The service is busy", reason="busy", retry_after=1)

    @contextmanager
    def admitted(self, waiting: int) -> Iterator[None]:
        """A place among the requests that are answered at once; raises as `check_room`."""
        self.check_room(waiting)
        self.in_flight += 1
        try:
            yield
        finally:
            self.in_flight -= 1
