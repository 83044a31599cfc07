"""What a user sees of a run: a progress bar for each stage with rate and time left, and short lines."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

Report = Callable[[int, int, str], None]


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:.1f}/s" if task.speed else "")


class Display:
    """Bars and lines on stderr; a line every half minute where it is no terminal."""

    def __init__(self, *, quiet: bool = False) -> None:
        self.console = Console(stderr=True, quiet=quiet)

    @contextmanager
    def stage(self, name: str) -> Iterator[Report]:
        """A bar for one stage; gives the function that moves it: done, total (0: unknown), text."""
        bar = Progress(
            SpinnerColumn(),
            TextColumn("{task.description:<12}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            _Rate(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}"),
            console=self.console,
            transient=True,
            disable=not self.console.is_terminal,
        )
        last_line = time.monotonic()

        def report(done: int, total: int, note: str) -> None:
            nonlocal last_line
            bar.update(task, completed=done, total=total or None, note=note)
            if not self.console.is_terminal and time.monotonic() - last_line > 30:
                last_line = time.monotonic()
                self.say(f"  {name}: {done:,}{f' of {total:,}' if total else ''} {note}")

        with bar:
            task = bar.add_task(name, total=None, note="")
            yield report

    def say(self, line: str) -> None:
        """One line, kept on the screen."""
        self.console.print(Text(line))

    def skipped(self, name: str) -> None:
        """A stage that is done already."""
        self.say(f"{name}: up to date")

    def done(self, name: str, seconds: float) -> None:
        """A stage that has just ended."""
        self.say(f"{name}: done in {seconds:,.1f} s")
