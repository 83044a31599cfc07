"""The processes of one run: the first one decides, the others hear what; one that ends, ends all.

Each of the others holds a connection to the first, on which it gets one line of JSON for each decision.
The system closes the connection of a process that has died; its keep-alive notices a host or a network that
is gone. How they come together is in `meeting.py`.
"""

from __future__ import annotations

import json
import os
import queue
import re
import socket
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from onepass.errors import OnepassError

GRACE_SECONDS = 30.0
"""For the main thread to write a checkpoint and end by itself, once another process is gone."""
PORT = 29500


class Place(NamedTuple):
    """Which one of how many processes this is.

    Attributes:
        rank, processes: among all; 0 is the first.
        local_rank, local_count: among those of this machine.
    """

    rank: int = 0
    processes: int = 1
    local_rank: int = 0
    local_count: int = 1

    @property
    def is_main(self) -> bool:
        """Whether it decides, writes and speaks."""
        return self.rank == 0


def place(environment: Mapping[str, str] = os.environ) -> Place:
    """What torchrun, `accelerate launch` or Slurm's srun has said to this process."""
    if "WORLD_SIZE" in environment and "RANK" in environment:
        rank, count = int(environment["RANK"]), int(environment["WORLD_SIZE"])
        local = int(environment.get("LOCAL_RANK", rank))
        return Place(rank, count, local, int(environment.get("LOCAL_WORLD_SIZE", count)))
    if "SLURM_PROCID" in environment and "SLURM_NTASKS" in environment:
        count = int(environment.get("SLURM_STEP_NUM_TASKS", environment["SLURM_NTASKS"]))
        rank = int(environment["SLURM_PROCID"])
        # "4(x2),3": four tasks on each of two hosts, three on the last.
        per_host = environment.get("SLURM_STEP_TASKS_PER_NODE", environment.get("SLURM_NTASKS_PER_NODE", ""))
        first = re.match(r"\d+", per_host)
        local = int(environment.get("SLURM_LOCALID", rank))
        return Place(rank, count, local, int(first[0]) if first else count)
    return Place()


def first_host(hosts: str) -> str:
    """The first of a list of Slurm's, such as `node[07-09,12]` or `a,b`."""
    found = re.match(r"([^\[,]+)(?:\[(\w+)[^\]]*\]([^,]*))?", hosts)
    return "localhost" if found is None else "".join(part or "" for part in found.groups())


def tell_launched(here: Place) -> None:
    """Puts what Slurm says where torch and accelerate look for it."""
    hosts = os.environ.get("SLURM_STEP_NODELIST", os.environ.get("SLURM_JOB_NODELIST", ""))
    said = {
        "RANK": here.rank,
        "WORLD_SIZE": here.processes,
        "LOCAL_RANK": here.local_rank,
        "LOCAL_WORLD_SIZE": here.local_count,
        "MASTER_ADDR": first_host(hosts),
        # Jobs on one host have ports of their own.
        "MASTER_PORT": PORT + int(os.environ.get("SLURM_JOB_ID", "0")) % 10_000,
    }
    for name, value in said.items():
        os.environ.setdefault(name, str(value))


@dataclass
class Team:
    """The processes of a run, seen from one of them. Of a run of one process, nothing is heard or told.

    Attributes:
        here: which one this is.
        host: its machine.
        stage: what it is at, for messages.
        links: to the others, by their rank; of those, to the first alone.
        name: of the team, which no other one has.
        code: with which it ends, once that is known.
    """

    here: Place
    host: str = field(default_factory=socket.gethostname)
    stage: str = "start"
    name: str = ""
    links: dict[int, Link] = field(default_factory=dict)
    _heard: queue.Queue[dict[str, Any]] = field(default_factory=queue.Queue)
    _ended: threading.Event = field(default_factory=threading.Event)
    _printed: threading.Lock = field(default_factory=threading.Lock)
    code: int | None = None

    def tell(self, message: Mapping[str, Any]) -> None:
        """Sends a decision to all others; of the first process."""
        for link in self.links.values():
            link.send(message)

    def hear(self) -> dict[str, Any]:
        """The next decision of the first process, however long it takes. Raises SystemExit where it ended."""
        while True:
            with suppress(queue.Empty):
                message = self._heard.get(timeout=1.0)  # a signal is seen in between
                if "end" in message:
                    raise SystemExit(message["end"])
                return message

    def failed(self, error: OnepassError) -> None:
        """Brings an error to the user, once for all processes, and ends them. Raises SystemExit."""
        if self.here.is_main:
            if self._say(f"error: {error}"):
                self.code = error.exit_code
                self.tell({"end": error.exit_code})
        else:
            self.links[0].send({"error": str(error), "code": error.exit_code})
            self._ended.wait(10.0)  # for the first process to have read it
        raise SystemExit(error.exit_code if self.code is None else self.code)

    def leave(self, code: int) -> None:
        """Ends this process's part; the first one's end is that of all."""
        self._ended.set()
        for link in self.links.values():
            link.send({"end": code} if self.here.is_main else {"bye": code})

    def waits_for_end(self, seconds: float) -> bool:
        """Whether the end of the run is known within that time: a collective may break before it is."""
        return self._ended.wait(seconds)

    def watch(self) -> None:
        """Begins to listen to all connections."""
        for link in self.links.values():
            threading.Thread(target=self._listen, args=(link,), daemon=True).start()

    def _listen(self, link: Link) -> None:
        while True:
            message = link.receive()
            if message is None:
                self._lost(link)
                return
            if "bye" in message:
                if message["bye"] >= 128:  # by a signal, which has nothing to be told
                    self._end(message["bye"])
                elif message["bye"]:
                    self._lost(link)
                return
            if "error" in message:
                if self._say(f"error: {message['error']}"):
                    self.tell({"end": message["code"]})
                self._end(message["code"])
                return
            self._heard.put(message)
            if "end" in message:
                self._end(message["end"])
                return

    def _lost(self, link: Link) -> None:
        if self._ended.is_set():
            return
        # Of those whom the first one has left, one on each host says so.
        speaks = self.here.is_main or self.here.local_rank == (1 if self.host == link.host else 0)
        if speaks:
            self._say(
                f"error: rank {link.rank} on {link.host} has ended in the stage {self.stage}; "
                "start the same command again to go on"
            )
        if self.here.is_main:
            self.tell({"end": 1})
        self._heard.put({"end": 1})
        self._end(1)

    def _say(self, text: str) -> bool:
        """Prints unless something was printed already; whether it did."""
        if not self._printed.acquire(blocking=False):
            return False
        print(text, file=sys.stderr, flush=True)
        return True

    def _end(self, code: int) -> None:
        """Ends the process where its main thread hangs: in a collective that nobody will answer."""
        self.code = code
        self._ended.set()
        if code:
            time.sleep(GRACE_SECONDS)
            os._exit(code)


class Link:
    """A connection to another process: lines of JSON."""

    def __init__(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in (("TCP_KEEPIDLE", 15), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3)):
            if hasattr(socket, name):
                connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 45_000)
        self.rank, self.host = 0, ""
        self.own_address: str = connection.getsockname()[0].removeprefix("::ffff:")
        self._connection = connection
        self._lines = connection.makefile("r", encoding="utf-8", newline="\n")

    def send(self, message: Mapping[str, Any]) -> None:
        """Sends a line; to one that is gone, nothing."""
        with suppress(OSError):
            self._connection.sendall((json.dumps(message) + "\n").encode())

    def wait_for_ever(self) -> None:
        """From now on a line may take as long as a stage does."""
        self._connection.settimeout(None)

    def receive(self) -> dict[str, Any] | None:
        """The next line, or None where the other end is gone."""
        try:
            line = self._lines.readline()
            return dict(json.loads(line)) if line.endswith("\n") else None
        except (OSError, ValueError):
            return None
