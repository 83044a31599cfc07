"""The processes that work on a stage's shards: one leads, the others help.

All of them do the same stage. What is not in shards the lead makes alone, and the others wait for it. Helpers
are the other ranks of the run, or processes that `onepass work` starts.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from onepass.errors import DataError
from onepass.files import naming_full_disk, write_text
from onepass.runtime.cores import available_cores

TOUCH_SECONDS = 5.0
"""Between two signs of life of a claim."""
STALE_SECONDS = 60.0
"""Without a sign of life, after which a claim is anybody's; far longer than clocks of machines differ."""
POLL_SECONDS = 0.5


class ReleasedError(Exception):
    """There is nothing left to help with: the stage is finished, or nobody leads it."""


@dataclass(frozen=True)
class Crew:
    """One process of those that work on a stage.

    Attributes:
        leads: it makes what is not in shards, and what becomes of all shards.
        share: (i, n): it makes the shards i, i + n, i + 2n ... alone, and waits for nobody.
        cores: that it may use; those of a machine are divided among its ranks.
        is_over: whether a helper is needed no more.
    """

    leads: bool = True
    share: tuple[int, int] | None = None
    cores: int = field(default_factory=available_cores)
    is_over: Callable[[], bool] = lambda: False

    @property
    def name(self) -> str:
        """Of this process, which no other one has."""
        return f"{socket.gethostname()}-{os.getpid()}"

    def once(self, path: Path, make: Callable[[], None]) -> None:
        """Makes a file that is not there; a helper waits for the lead to make it.

        Raises:
            ReleasedError: a helper waits in vain.
        """
        if self.leads or self.share is not None:
            if not path.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                make()
            return
        while not path.exists():
            self.pause()

    def pause(self) -> None:
        """Waits a moment for the others. Raises ReleasedError where that is in vain."""
        if not self.leads and self.is_over():
            raise ReleasedError
        time.sleep(POLL_SECONDS)


@contextmanager
def helping(directory: Path) -> Iterator[None]:
    """For a helper's part of a stage: ends in peace where others were faster.

    Args:
        directory: of the stage, which is gone when the stage is finished.
    """
    try:
        yield
    except ReleasedError:
        pass
    except Exception:  # whatever it was about to read
        if directory.exists():
            raise


class Claim:
    """A file that says who works on something; its owner touches it, and a dead owner's is anybody's."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def take(self) -> bool:
        """Whether it is this process's now."""
        own = f"{socket.gethostname()} {os.getpid()}"
        try:
            with naming_full_disk(self._path), open(self._path, "x", encoding="utf-8") as file:
                file.write(own)
            return True
        except FileExistsError:
            pass
        except DataError:  # the disk is full: an empty claim would keep the others waiting
            self._path.unlink(missing_ok=True)
            raise
        if not self.is_abandoned():
            return False
        self.seize()  # of two that do this at once, both work: twice, but alike
        return True

    def is_abandoned(self) -> bool:
        """Whether its owner has stopped; not where there is no claim."""
        try:
            host, _, process = self._path.read_text(encoding="utf-8").partition(" ")
            age = time.time() - self._path.stat().st_mtime
        except FileNotFoundError:
            return False  # given back just now: the next round sees it
        if age > STALE_SECONDS:
            return True
        return host == socket.gethostname() and process.isdecimal() and not _is_alive(int(process))

    def seize(self) -> None:
        """Makes it this process's, whoever has had it."""
        write_text(self._path, f"{socket.gethostname()} {os.getpid()}")

    def is_held(self) -> bool:
        """Whether it is somebody's who is at work."""
        return self._path.exists() and not self.is_abandoned()

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Touches it while this is entered, and gives it back."""
        stop = threading.Event()
        keeper = threading.Thread(target=self._keep_alive, args=(stop,), daemon=True)
        keeper.start()
        try:
            yield
        finally:
            stop.set()
            keeper.join()
            self._path.unlink(missing_ok=True)

    def _keep_alive(self, stop: threading.Event) -> None:
        while not stop.wait(TOUCH_SECONDS):
            try:
                os.utime(self._path)
            except OSError:
                return


def _is_alive(process: int) -> bool:
    if process == os.getpid():
        return False  # of one before this, whose number it has got
    if os.name == "nt":  # where signal 0 is no question
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # somebody else's, or a system without such questions
        return True
    return True
