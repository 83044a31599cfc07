"""Rivals that other projects ship: a teacher's files in the engine of Firefox, and in that of Bergamot.

Each runs in processes of its own, one thread each; as many side by side as there are cores where many
sentences are given at once.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import weakref
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from onepass.errors import ModelError, UsageError
from onepass.evaluation import rival_worker
from onepass.evaluation.results import Engine, Traits
from onepass.evaluation.systems import Competitor, TextSystem
from onepass.families import AUTOREGRESSIVE
from onepass.teachers.find import TeacherFiles
from onepass.teachers.firefox import check_firefox

INTERPRETER = "ONEPASS_BERGAMOT"
"""Environment variable: the Python that has Bergamot, else that of `.venv-bergamot` where we are."""
INSTALL = (
    "python3.10 -m venv .venv-bergamot && .venv-bergamot/bin/pip install --no-deps bergamot==0.4.5; "
    f"another interpreter is named by {INTERPRETER}"
)
_A_SENTENCE = "1"
GEMM_PRECISIONS = ("int8shiftAlphaAll", "int8shiftAll", "int8")
"""Of Bergamot; which is the fastest depends on the processor."""


def bergamot_python() -> Path | None:
    """The interpreter that has Bergamot, if there is one."""
    path = Path(os.environ.get(INTERPRETER, ".venv-bergamot/bin/python"))
    return path.absolute() if path.is_file() else None


def in_firefox(name: str, model: str, files: TeacherFiles) -> Competitor:
    """A teacher in the engine of Firefox.

    Args:
        name: of the row.
        model: what its weights are called.
        files: of the teacher.

    Raises:
        UsageError: the engine is not installed.
    """
    check_firefox()
    return _competitor(name, model, "Firefox", files, {"engine": "firefox", "python": sys.executable})


def in_bergamot(name: str, model: str, files: TeacherFiles) -> Competitor:
    """A teacher in the engine of Bergamot, at the fastest of its precisions; arguments as in `in_firefox`.

    Raises:
        UsageError: no interpreter has the engine.
    """
    python = bergamot_python()
    if python is None:
        raise UsageError("No Python has the engine of Bergamot", where="bergamot", fix=INSTALL)
    arguments = {"engine": "bergamot", "python": str(python)}
    variants = tuple({"gemm_precision": precision} for precision in GEMM_PRECISIONS)
    return _competitor(name, model, "Bergamot", files, arguments, variants)


def _competitor(
    name: str,
    model: str,
    engine: Engine,
    files: TeacherFiles,
    arguments: Mapping[str, Any],
    variants: tuple[dict[str, Any], ...] = ({},),
) -> Competitor:
    traits = Traits(
        role="rival",
        family=AUTOREGRESSIVE.name,
        distilled=False,
        finetuned=False,
        engine=engine,
        search=AUTOREGRESSIVE.usual_search,
    )
    paths = {
        "model": str(files.model.absolute()),
        "vocabularies": [str(path.absolute()) for path in files.vocabularies],
        "shortlist": None if files.shortlist is None else str(files.shortlist.absolute()),
    }
    factory = f"{__name__}:{rival_system.__name__}"
    return Competitor(name, model, traits, factory, {**arguments, **paths}, variants)


def rival_system(
    engine: str,
    python: str,
    model: str,
    vocabularies: Sequence[str],
    shortlist: str | None,
    *,
    threads: int,
    gemm_precision: str = "",
) -> TextSystem:
    """An engine of another project; `threads` are its sentences side by side.

    Raises:
        ModelError: it does not take the files.
    """
    settings: dict[str, Any] = {
        "engine": engine,
        "model": model,
        "vocabularies": list(vocabularies),
        "shortlist": shortlist,
    }
    processes = threads
    if engine == "bergamot":  # it shares a batch among threads of its own
        settings |= {"threads": threads, "gemm_precision": gemm_precision}
        processes = 1
    workers = [_Worker(python, settings) for _ in range(processes)]
    description = f"{engine.capitalize()} {gemm_precision or 'int8'} cpu"
    if processes == 1:
        return TextSystem(workers[0].translate, description)
    pool = ThreadPoolExecutor(processes)

    def translate(lines: Sequence[str]) -> list[str]:
        found = [""] * len(lines)
        parts = [lines[first::processes] for first in range(processes)]
        for first, texts in enumerate(pool.map(lambda w, part: w.translate(part), workers, parts)):
            found[first::processes] = texts
        return found

    return TextSystem(translate, f"{description}, {processes} processes")


def refusal(row: Competitor) -> str | None:
    """Why an engine does not take the files of a row of this module; None if it does."""
    try:
        rival_system(**{**row.arguments, **row.variants[0], "threads": 1})([_A_SENTENCE])
    except ModelError as error:
        return error.what
    return None


class _Worker:
    """A process of `rival_worker`, which ends with this object."""

    def __init__(self, python: str, settings: Mapping[str, Any]) -> None:
        # Another interpreter must not look for its library where this one has its own.
        isolated = [] if python == sys.executable else ["-E"]
        self._process = subprocess.Popen(
            [python, *isolated, str(Path(rival_worker.__file__))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self._end = weakref.finalize(self, _stop, self._process)
        self._ask(settings)

    def translate(self, lines: Sequence[str]) -> list[str]:
        """A translation of each line; of one without words an empty one."""
        asked = [i for i, line in enumerate(lines) if line.strip()]
        found = [""] * len(lines)
        if asked:
            for i, text in zip(asked, self._ask([lines[i] for i in asked]), strict=True):
                found[i] = text
        return found

    def _ask(self, request: object) -> list[str]:
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        answer = b""
        try:
            process.stdin.write(json.dumps(request).encode() + b"\n")
            process.stdin.flush()
            answer = process.stdout.readline()
        except BrokenPipeError:
            pass
        if not answer:
            said = process.stderr.read().decode(errors="replace").strip().splitlines()[-5:]
            raise ModelError("The rival's engine has failed: " + " | ".join(said), where=str(process.args))
        return list(json.loads(answer))


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()
