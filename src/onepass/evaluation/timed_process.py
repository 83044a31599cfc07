"""A text-to-text system in a process of its own, and the clock in there.

Thread pools of different engines in one process steal cores from each other, so every system is built in
a fresh Python process (this module run with `-m`), which answers JSON lines. It runs only while it is asked:
else it is stopped (SIGSTOP, where the platform has it), so that no idle thread pool spins beside another one.

The clock is around text in, text out. A callable that returns text has waited for its device, so there is
nothing left to synchronise before the clock is read.
"""

from __future__ import annotations

import ctypes
import importlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from onepass.errors import ModelError

Translate = Callable[[list[str]], list[str]]


@dataclass(frozen=True)
class SystemSpec:
    """A system to time, built in a process of its own.

    Attributes:
        name: unique among the systems measured together.
        factory: `package.module:function`. Called in the child with the arguments, it returns a callable
            from a list of sentences to the list of their translations. A string attribute `description`
            of the callable (engine, compute type, device) is passed on.
        arguments: keyword arguments of the factory; whatever JSON can carry.
        threads: sets OMP_NUM_THREADS and its like in the child. An engine that does not read those
            (CTranslate2, ONNX Runtime) must be given the same number in `arguments`.
        one_by_one: whether it gets each sentence alone where its quality is measured.
    """

    name: str
    factory: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    threads: int = 1
    one_by_one: bool = False


class TimedProcess:
    """The parent's hold on one system's process, which runs inside `with child:` and is stopped outside."""

    def __init__(self, spec: SystemSpec, timeout: float) -> None:
        self.spec, self.timeout, self.description = spec, timeout, ""
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 (open as long as the child)
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "onepass.evaluation.timed_process"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            env=_environment(spec.threads),
            # A group of its own: Ctrl-C reaches the parent alone, which then kills its children.
            process_group=0 if os.name == "posix" else None,
        )

    def load(self) -> None:
        """Builds the system, then stops the process."""
        request = {"factory": self.spec.factory, "arguments": dict(self.spec.arguments)}
        with self:
            self.description = self._ask(request, "loading")["description"]

    def seconds(self, sentences: Sequence[str], batch_size: int) -> list[float]:
        """One pass: the seconds of each batch, in order."""
        request = {"sentences": list(sentences), "batch_size": batch_size}
        seconds: list[float] = self._ask(request, "translating")["seconds"]
        return seconds

    def __enter__(self) -> Self:
        if hasattr(signal, "SIGCONT"):
            self._process.send_signal(signal.SIGCONT)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if hasattr(signal, "SIGSTOP"):
            self._process.send_signal(signal.SIGSTOP)

    def kill(self) -> None:
        """Ends the process, stopped or not, and frees what the parent holds of it."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout, self._stderr):
            assert pipe is not None
            with suppress(BrokenPipeError):
                pipe.close()

    def _ask(self, request: Mapping[str, Any], doing: str) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        overdue = threading.Event()

        def give_up() -> None:
            overdue.set()
            self._process.kill()

        timer = threading.Timer(self.timeout, give_up)
        timer.start()
        try:
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()
            answer = self._process.stdout.readline()
        except BrokenPipeError:
            answer = b""
        finally:
            timer.cancel()
        if not answer.endswith(b"\n"):
            raise self._failure(f"took more than {self.timeout:g} s" if overdue.is_set() else "failed", doing)
        result: dict[str, Any] = json.loads(answer)
        return result

    def _failure(self, how: str, doing: str) -> ModelError:
        self._process.kill()
        code = self._process.wait()
        self._stderr.seek(0)
        last_lines = self._stderr.read().decode(errors="replace").strip().splitlines()[-15:]
        message = f"The system {self.spec.name!r} {how} while {doing} (exit code {code})"
        return ModelError("\n  | ".join([message, *last_lines]), where=self.spec.factory)


def _environment(threads: int) -> dict[str, str]:
    """The parent's environment and import path, and the threads for the pools that look for them there."""
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
    path = os.pathsep.join(entry or os.getcwd() for entry in sys.path)
    return {**os.environ, **dict.fromkeys(names, str(threads)), "PYTHONPATH": path}


def _serve() -> None:
    """The child: builds the system from the first line of stdin, then times a pass for each further line.

    Any failure is a traceback on stderr and the end of the process.
    """
    if sys.platform == "linux":
        # A parent that is killed cannot tidy up, and a stopped process would wait for ever.
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)
    # The protocol keeps the pipes to itself: what a library prints goes to stderr, what it reads is empty.
    requests, answers = os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)

    first = json.loads(next(requests))
    module, _, function = first["factory"].partition(":")
    translate: Translate = getattr(importlib.import_module(module), function)(**first["arguments"])
    print(json.dumps({"description": str(getattr(translate, "description", ""))}), file=answers, flush=True)
    for line in requests:
        request = json.loads(line)
        seconds = _timed_pass(translate, request["sentences"], request["batch_size"])
        print(json.dumps({"seconds": seconds}), file=answers, flush=True)


def _timed_pass(translate: Translate, sentences: list[str], batch_size: int) -> list[float]:
    """Seconds of each batch of one pass over the sentences."""
    seconds = []
    for start in range(0, len(sentences), batch_size):
        batch = sentences[start : start + batch_size]
        begin = time.perf_counter()
        hyp = translate(batch)
        seconds.append(time.perf_counter() - begin)
        if len(hyp) != len(batch) or not all(isinstance(line, str) for line in hyp):
            raise ValueError(f"{len(batch)} sentences came back as {len(hyp)} items, or not as text")
    return seconds


if __name__ == "__main__":
    _serve()
