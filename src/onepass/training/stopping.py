"""Being asked to stop: Ctrl-C, and the signal that a scheduler sends before it takes the machine away."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stopped(KeyboardInterrupt):
    """The process was asked to stop.

    Args:
        number: of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


class StopRequest:
    """While it is entered, the first SIGINT or SIGTERM is remembered; a second one does what it always does.

    A signal that the process ignores stays ignored. Only the main thread can see signals.
    """

    def __init__(self) -> None:
        self.number: int | None = None
        self._at_once = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> StopRequest:
        if threading.current_thread() is threading.main_thread():
            handlers = {number: signal.getsignal(number) for number in SIGNALS}
            self._before = {n: handler for n, handler in handlers.items() if handler != signal.SIG_IGN}
            for number in self._before:
                signal.signal(number, self._remember)
        return self

    def __exit__(self, *_: object) -> None:
        self._give_back()

    def raise_if_asked(self) -> None:
        """Raises Stopped where a signal has come."""
        if self.number is not None:
            raise Stopped(self.number)

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """A signal inside raises Stopped there and then, and so does one that has come before."""
        self._at_once = True
        try:
            self.raise_if_asked()
            yield
        finally:
            self._at_once = False

    def _remember(self, number: int, _: FrameType | None) -> None:
        self.number = number
        self._give_back()
        if self._at_once:
            raise Stopped(number)

    def _give_back(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        self._before = {}
