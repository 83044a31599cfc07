"""Sessions of ONNX Runtime for one graph: one for each call that runs, made where they are needed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Semaphore
from typing import Any
from weakref import WeakSet

import onnxruntime

from onepass.errors import ModelError

_ALL: WeakSet[Sessions] = WeakSet()


class Sessions:
    """The sessions of a graph; may be asked by several threads at once.

    Args:
        path: the graph, see `onepass.export.onnx`.
        beside: the files beside it that it refers to.
        most: calls that run side by side, each in a session of its own, since two runs of one session wait
            for each other's memory (docs/results/LOG.md); further calls wait.

    Attributes:
        inputs, outputs: their names.

    Raises:
        ModelError: the file is no graph that this ONNX Runtime can run.
    """

    def __init__(self, path: Path, *beside: Path, most: int = 1) -> None:
        self._path = path
        self._files = {file: _stamp(file) for file in (path, *beside)}
        self._most = most
        self.renew()
        session = self._another()
        self._idle.put(session)
        _ALL.add(self)
        self.inputs = {value.name for value in session.get_inputs()}
        self.outputs = [output.name for output in session.get_outputs()]

    def renew(self) -> None:
        """Forgets the sessions; new ones are made where they are needed."""
        self._idle: SimpleQueue[Any] = SimpleQueue()
        self._to_make = Semaphore(self._most)

    @contextmanager
    def one(self) -> Iterator[Any]:
        """A session that nothing else runs in."""
        try:
            session = self._idle.get_nowait()
        except Empty:
            session = self._another() or self._idle.get()
        try:
            yield session
        finally:
            self._idle.put(session)

    def _another(self) -> Any:
        """A new session, if there may be one more."""
        if not self._to_make.acquire(blocking=False):
            return None
        try:
            return self._new()
        except BaseException:
            self._to_make.release()
            raise

    def _new(self) -> Any:
        options = onnxruntime.SessionOptions()
        # A batch a thread: products this small are not faster on two, several batches are.
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        if changed := [file for file, stamp in self._files.items() if _stamp(file) != stamp]:
            raise ModelError(
                "A file of the model has changed since it was loaded", where=changed[0], fix="load it again"
            )
        try:
            # By its path: what lies beside it is mapped and not copied, so workers share it.
            return onnxruntime.InferenceSession(str(self._path), options, providers=["CPUExecutionProvider"])
        except Exception as error:
            # ONNX Runtime raises classes of its own that share no public base.
            raise ModelError(f"ONNX Runtime cannot load the graph: {error}", where=self._path) from None


def _stamp(file: Path) -> tuple[int, int, int] | None:
    """What changes with a file's content; None where it is missing."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def _renew_all() -> None:
    for sessions in _ALL:
        sessions.renew()


if hasattr(os, "register_at_fork"):
    # In a child that was forked, a session may stay in use for ever by a thread that is not there.
    os.register_at_fork(after_in_child=_renew_all)
