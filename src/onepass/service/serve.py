"""The processes of a service: one that serves, or one that watches over several.

A worker that ends is started anew. A stop is graceful: workers answer what they have accepted, refuse the
rest, and end within the time that they are given.
"""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import os
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import FrameType

import uvicorn

from onepass.errors import ModelError, OnepassError
from onepass.service.app import Shared, Worker, build_worker
from onepass.service.directions import check_directions, load_directions
from onepass.service.health import Health
from onepass.service.keys import read_keys
from onepass.service.metrics import SHARED_FILES
from onepass.service.quotas import Quotas
from onepass.service.settings import ServiceSettings
from onepass.service.sockets import listening_sockets, url_of

CONNECTIONS = 1_000
"""Of a worker; uvicorn answers a further one with 503 by itself."""
EARLY_SECONDS = 10.0
EARLY_ENDS = 3
"""So many workers in a row that end early are no accident."""


def serve(settings: ServiceSettings) -> None:
    """Serves until it is stopped by SIGTERM or Ctrl-C.

    Raises:
        ModelError: a model is missing or damaged, or workers end as soon as they begin.
        UsageError: two models are of one direction, or the address cannot be had.
        DataError: the file of keys cannot be used.
    """
    check_directions(settings.models, precision=settings.precision, corrections=settings.corrections)
    keys = read_keys(settings.keys) if settings.keys is not None else ()
    with contextlib.ExitStack() as held:
        sockets = listening_sockets(settings.host, settings.port, settings.workers)
        for bound in sockets:
            held.enter_context(bound)
        folder = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="onepass-")))
        downloads, counters = folder / "downloads", folder / "counters"
        downloads.mkdir()
        counters.mkdir()
        shared = Shared(Health(settings.workers), Quotas(), downloads, keys)
        if settings.workers == 1:
            _work(settings, sockets[0], shared, 0)
        else:
            os.environ[SHARED_FILES] = str(counters)
            Supervisor(settings, sockets, shared).run()


class _Server(uvicorn.Server):
    """Uvicorn that tells the application of a stop, and whose process then ends with 0."""

    def __init__(self, config: uvicorn.Config, stop: Callable[[], None]) -> None:
        super().__init__(config)
        self._stop = stop

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._stop()
        self.should_exit = True


def server_of(worker: Worker, grace_seconds: int) -> uvicorn.Server:
    """The server of a worker's application.

    Args:
        worker: to serve.
        grace_seconds: that it has for what it has accepted when it is stopped.
    """
    config = uvicorn.Config(
        worker.app,
        log_config=None,
        access_log=False,
        server_header=False,
        ws="none",
        limit_concurrency=CONNECTIONS,
        timeout_graceful_shutdown=grace_seconds + 1,
    )
    return _Server(config, lambda: worker.admission.stop(grace_seconds))


def _work(settings: ServiceSettings, bound: socket.socket, shared: Shared, number: int) -> None:
    """A worker: loads the models and serves."""
    directions = load_directions(
        settings.models,
        precision=settings.precision,
        threads=settings.threads,
        corrections=settings.corrections,
    )
    worker = build_worker(settings, directions, shared, number=number)
    # What it says of a damaged form has bytes of it.
    logging.getLogger("python_multipart").setLevel(logging.CRITICAL)
    server = server_of(worker, settings.grace_seconds)
    if number == 0:
        names = ", ".join(direction.label for direction in directions)
        print(f"onepass serves {names} at {url_of(bound)}", file=sys.stderr, flush=True)
    server.run(sockets=[bound])


def _work_or_say_why(settings: ServiceSettings, bound: socket.socket, shared: Shared, number: int) -> None:
    """A worker in a process of its own, whose errors are said as those of any command."""
    threading.Thread(target=_stop_without_parent, daemon=True).start()
    try:
        _work(settings, bound, shared, number)
    except OnepassError as error:
        print(f"error: {error}", file=sys.stderr, flush=True)
        sys.exit(error.exit_code)


def _stop_without_parent() -> None:
    """Stops this process when the one that watches it is gone, killed perhaps: nobody else would."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)


class Supervisor:
    """Starts the workers, replaces those that end, stops all.

    Args:
        settings: of the operator.
        sockets: one for each worker, bound.
        shared: by all workers.
    """

    def __init__(self, settings: ServiceSettings, sockets: list[socket.socket], shared: Shared) -> None:
        self._settings, self._sockets, self._shared = settings, sockets, shared
        self._stopped = threading.Event()
        self._workers: dict[int, BaseProcess] = {}
        self._started: dict[int, float] = {}
        self._early_ends = 0

    def run(self) -> None:
        """Watches until SIGTERM or Ctrl-C.

        Raises:
            ModelError: workers end as soon as they begin.
        """
        for sig in (signal.SIGTERM, signal.SIGINT):
            signal.signal(sig, lambda *_: self._stopped.set())
        for number in range(self._settings.workers):
            self._start(number)
        try:
            while not self._stopped.wait(0.2):
                for number, worker in self._workers.items():
                    if not worker.is_alive():
                        self._replace(number, worker)
        finally:
            self._stop()

    def _start(self, number: int) -> None:
        context = multiprocessing.get_context("spawn")
        worker = context.Process(
            target=_work_or_say_why,
            args=(self._settings, self._sockets[number], self._shared, number),
            daemon=True,
        )
        worker.start()
        self._workers[number], self._started[number] = worker, time.monotonic()

    def _replace(self, number: int, worker: BaseProcess) -> None:
        from prometheus_client.multiprocess import mark_process_dead

        self._shared.health.forget(number)
        mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]
        is_early = time.monotonic() - self._started[number] < EARLY_SECONDS
        self._early_ends = self._early_ends + 1 if is_early else 0
        if self._early_ends >= EARLY_ENDS:
            raise ModelError("Workers end as soon as they begin", value=f"exit code {worker.exitcode}")
        print(f"worker {number} ended with {worker.exitcode}; another starts", file=sys.stderr, flush=True)
        self._start(number)

    def _stop(self) -> None:
        """Asks all to stop, and ends those that take longer than they may."""
        for worker in self._workers.values():
            worker.terminate()
        latest = time.monotonic() + self._settings.grace_seconds + 2
        for worker in self._workers.values():
            worker.join(max(0.0, latest - time.monotonic()))
            if worker.is_alive():
                worker.kill()
                worker.join()
