"""Lines of a stream in lists that are translated together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

WINDOW = 1024
"""Lines of a stream that are sorted by length together."""
WINDOW_CHARACTERS = 1 << 18
"""A window that has so many ends early, so that long lines do not fill the memory."""


def windows(lines: Iterable[str]) -> Iterator[list[str]]:
    """Lists of 1 to WINDOW lines, fewer where they are long; what came before an error comes before it."""
    window: list[str] = []
    characters = 0
    try:
        for line in lines:
            window.append(line)
            characters += len(line)
            if len(window) == WINDOW or characters >= WINDOW_CHARACTERS:
                full, window, characters = window, [], 0
                yield full
    except Exception:
        if window:
            yield window
        raise
    if window:
        yield window
