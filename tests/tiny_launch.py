"""`torchrun` and `accelerate launch` at work, with processes that are forked and so start at once."""

import contextlib
import json
import os
import shutil
import socket
import socketserver
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

from tiny_run import Command, start

LAUNCHERS = {"torchrun": "torch.distributed.run", "accelerate": "accelerate.commands.accelerate_cli"}
"""The module of each."""
TRAININGS = ("teacher", "student", "student.finetune")
TWO = [part for name in TRAININGS for part in ("--set", f"{name}.training.accumulate=2")]
"""Batches of an update, one for each process: of more the sums would be rounded in another order."""


def free_port() -> int:
    with socket.socket() as server:
        server.bind(("localhost", 0))
        return int(server.getsockname()[1])


class Forked:
    """The processes that a launcher has started.

    Attributes:
        python: what PYTHON_EXEC shall be.
        commands: those that run, or ran.
    """

    def __init__(self, python: Path) -> None:
        self.python = python
        self.commands: list[Command] = []

    def launch(self, launcher: str, *words: object, forks: bool = True) -> Command:
        """Starts a launcher, which is forked itself.

        Args:
            launcher: its name.
            words: its arguments.
            forks: else it starts new processes of Python, as it does everywhere else.
        """
        left = [name for name in os.environ if name.startswith(("ACCELERATE_", "SLURM_"))]  # by a training
        environment: dict[str, str | None] = {
            **dict.fromkeys(left),
            "OMP_NUM_THREADS": "1",
            "HF_HOME": str(self.python.parent),
            "PYTHON_EXEC": str(self.python) if forks else None,
        }
        return start(*words, module=LAUNCHERS[launcher], environment=environment)


@contextlib.contextmanager
def forked() -> Iterator[Forked]:
    """For launchers that start `python -u -m onepass ...`; nothing of theirs is left afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="onepass-fork-"))  # the path of a socket must be short
    found, one_at_a_time = Forked(folder / "python"), threading.Lock()
    waits = Path(__file__).with_name("stand_in_python.py")
    found.python.write_text(f'#!/bin/sh\nexec "{sys.executable}" -S -E "{waits}" "{folder}/socket" "$@"\n')
    found.python.chmod(0o755)

    class Fork(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            asked = json.loads(self.rfile.readline())
            assert asked["words"][:3] == ["-u", "-m", "onepass"]
            with one_at_a_time:
                command = start(*asked["words"][3:], cwd=Path(asked["cwd"]), environment=asked["environment"])
                found.commands.append(command)
            answer = threading.Thread(target=self.answer, args=(command,))
            answer.start()
            for line in self.rfile:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(command.pid, int(line))
            command.process.kill()  # who waited for it is gone, killed perhaps
            answer.join()

        def answer(self, command: Command) -> None:
            done = command.wait()
            with contextlib.suppress(OSError):
                self.wfile.write(json.dumps(done._asdict()).encode() + b"\n")

    with socketserver.ThreadingUnixStreamServer(str(folder / "socket"), Fork) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield found
        finally:
            for command in found.commands:
                command.process.kill()
            server.shutdown()
            thread.join()
    shutil.rmtree(folder)
