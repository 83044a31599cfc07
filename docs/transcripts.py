"""Commands in pages with what they print: run again, and compared.

A `console` block has prompts (`$ `) and outputs. Commands that need nothing but the shipped models are run;
their outputs are what the page says. A block with another command (a training, say) is left alone.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

_BLOCK = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)
RUN = re.compile(r"^onepass (translate|models|info|probe|phrasebook) (?!.*my-model)")
"""What needs nothing but the package; my-model is what a reader has trained."""
SESSION = Path(__file__).parent / "results" / "firefox-phrasebook" / "session.txt"
"""What the commands of the tutorial printed when they were run for it."""
ELIDED = "..."
"""A line for lines that are left out."""


class Step(NamedTuple):
    """A command and the lines that the page shows below it."""

    command: str
    output: list[str]


def steps(block: str) -> list[Step]:
    """The commands of a block, each with its output; a line that ends with a backslash goes on."""
    found: list[Step] = []
    goes_on = False
    for line in block.splitlines():
        if goes_on:
            found[-1] = Step(f"{found[-1].command}\n{line}", [])
        elif line.startswith("$ "):
            found.append(Step(line[2:], []))
        elif found:
            found[-1].output.append(line)
        goes_on = line.endswith("\\") and (goes_on or line.startswith("$ "))
    return found


def runnable(page: str) -> Iterator[list[Step]]:
    """The blocks of a page whose every command can be run."""
    for block in _BLOCK.findall(page):
        found = steps(block)
        if found and all(RUN.match(f"{step.command} ") for step in found):
            yield found


def output_of(command: str) -> list[str]:
    """What a command prints, in an empty directory.

    Raises:
        CalledProcessError: it failed.
    """
    source = Path(__file__).resolve().parents[1] / "src"
    paths = os.pathsep.join(filter(None, [str(source), os.environ.get("PYTHONPATH", "")]))
    environment = {**os.environ, "PYTHONPATH": paths, "COLUMNS": "100"}
    with tempfile.TemporaryDirectory() as empty:
        done = subprocess.run(
            ["bash", "-c", re.sub("^onepass", f"{sys.executable} -m onepass", command)],
            capture_output=True,
            text=True,
            check=True,
            cwd=empty,
            env=environment,
        )
    return [line.rstrip() for line in done.stdout.splitlines()]


def session(*wanted: str, told: str = "") -> str:
    """Commands of the recorded session, by words that they have, with what they printed, as a block.

    Args:
        wanted: a few words of each command.
        told: a pattern of the lines that a run has told and that are shown [all].
    """
    recorded = steps(SESSION.read_text(encoding="utf-8"))
    chosen = [next(step for step in recorded if words in step.command) for words in wanted]
    shown = [
        Step(step.command, _elided(step.output, told)) if " run " in step.command else step for step in chosen
    ]
    return f"\n```console\n{_text(shown)}```\n"


def _elided(lines: list[str], told: str) -> list[str]:
    """The lines that are told, `...` for others between and after them."""
    kept = [*(line if re.search(told, line) else ELIDED for line in lines), ELIDED]
    return [
        line for line, before in zip(kept, ["", *kept], strict=False) if (line, before) != (ELIDED, ELIDED)
    ]


def is_as_shown(shown: list[str], printed: list[str]) -> bool:
    """Whether an output is what a page shows; `...` stands for any lines."""
    pattern = "".join("(?:.*\n)*?" if line == ELIDED else re.escape(f"{line}\n") for line in shown)
    return re.fullmatch(pattern, "".join(f"{line}\n" for line in printed)) is not None


def with_outputs(page: str) -> str:
    """A page with what its commands print; an output with `...` stays where it holds."""

    def anew(found: re.Match[str]) -> str:
        if found[1] not in {_text(block) for block in runnable(page)}:
            return found[0]
        return f"```console\n{_text([_again(step) for step in steps(found[1])])}```"

    return _BLOCK.sub(anew, page)


def _again(step: Step) -> Step:
    printed = output_of(step.command)
    return step if is_as_shown(step.output, printed) else Step(step.command, printed)


def _text(block: list[Step]) -> str:
    return "".join(f"$ {step.command}\n" + "".join(f"{line}\n" for line in step.output) for step in block)
