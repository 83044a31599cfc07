"""Memory that a stage has freed, given back to the system before the next one.

A training keeps what it frees, for speed (`onepass.training.loop.keep_freed_memory`). What the next stage
needs has other sizes, so a run of many students would grow by each of them.
"""

from __future__ import annotations

import contextlib
import ctypes


def return_freed_memory() -> None:
    """Where the C library is glibc; others do so by themselves."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)
