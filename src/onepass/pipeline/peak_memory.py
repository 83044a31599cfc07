"""The most memory that a part of this process holds: of the GPU where there is one, else of the process.

On Linux the kernel's own peak is set back before the part begins. Other systems do not tell it.
"""

from __future__ import annotations

import ctypes
import gc
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import torch

PROCESS = Path("/proc/self")


def forget_peak() -> None:
    """Begins a part; what is free by now goes back to the system first."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
    with suppress(OSError, AttributeError):
        trim: Callable[[int], int] = ctypes.CDLL("libc.so.6").malloc_trim
        trim(0)
    with suppress(OSError):
        (PROCESS / "clear_refs").write_text("5")


def peak_bytes() -> int | None:
    """The most since `forget_peak`; None where the system does not tell it."""
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated()
    try:
        found = re.search(r"VmHWM:\s*(\d+) kB", (PROCESS / "status").read_text(encoding="ascii"))
    except OSError:
        return None
    return None if found is None else int(found[1]) * 1024
