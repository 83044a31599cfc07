"""The processes of one run: the first one decides, the others hear what; one that ends, ends all.

Each of the others holds a connection to the first, on which it gets one line of JSON for each decision.
The system closes the connection of a process that has died; its keep-alive notices a host or a network that
is gone. torch's process group, in which trainings add up gradients, is made once, with a time limit.
"""

from __future__ import annotations

import hashlib
import json
import os
import queue
import re
import secrets
import socket
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

from onepass.errors import OnepassError, UsageError
from onepass.files import write_text
from onepass.version import __version__

START_SECONDS = 60.0
"""In which all processes must have come, with the same recipe and the same directory."""
GRACE_SECONDS = 30.0
"""For the main thread to write a checkpoint and end by itself, once another process is gone."""
COLLECTIVE_HOURS = 6
"""Time limit of torch's collectives. That a process has died is noticed long before."""
PORT = 29500
TOKEN = ".token"


class Place(NamedTuple):
    """Which one of how many processes this is.

    Attributes:
        rank, count: among all; 0 is the first.
        local_rank, local_count: among those of this machine.
    """

    rank: int = 0
    count: int = 1
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
        "WORLD_SIZE": here.count,
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
    """

    here: Place
    host: str = field(default_factory=socket.gethostname)
    stage: str = "start"
    _links: dict[int, _Link] = field(default_factory=dict)
    _heard: queue.Queue[dict[str, Any]] = field(default_factory=queue.Queue)
    _ended: threading.Event = field(default_factory=threading.Event)
    _printed: threading.Lock = field(default_factory=threading.Lock)
    code: int | None = None

    def tell(self, message: Mapping[str, Any]) -> None:
        """Sends a decision to all others; of the first process."""
        for link in self._links.values():
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
            self._links[0].send({"error": str(error), "code": error.exit_code})
            self._ended.wait(10.0)  # for the first process to have read it
        raise SystemExit(error.exit_code if self.code is None else self.code)

    def leave(self, code: int) -> None:
        """Ends this process's part; the first one's end is that of all."""
        self._ended.set()
        for link in self._links.values():
            link.send({"end": code} if self.here.is_main else {"bye": code})

    def waits_for_end(self, seconds: float) -> bool:
        """Whether the end of the run is known within that time: a collective may break before it is."""
        return self._ended.wait(seconds)

    def watch(self) -> None:
        """Begins to listen to all connections."""
        for link in self._links.values():
            threading.Thread(target=self._listen, args=(link,), daemon=True).start()

    def _listen(self, link: _Link) -> None:
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

    def _lost(self, link: _Link) -> None:
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


class _Link:
    """A connection to another process: lines of JSON."""

    def __init__(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in (("TCP_KEEPIDLE", 15), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3)):
            if hasattr(socket, name):
                connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 45_000)
        self.rank, self.host = 0, ""
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


# --- the start ---------------------------------------------------------------


@contextmanager
def said_once() -> Iterator[None]:
    """For errors that all processes meet alike: one on each host says it, the others end with its code."""
    try:
        yield
    except OnepassError as error:
        if place().local_rank:
            raise SystemExit(error.exit_code) from None
        raise


@contextmanager
def together(run: Path, recipe: str) -> Iterator[Team]:
    """The team of this run, and torch's process group while it is entered.

    Args:
        run: the run directory, which exists.
        recipe: what is to be done, as text; all processes must have the same.

    Raises:
        UsageError: a process has not come in time, or has another recipe, version or directory.
    """
    team = Team(place())
    if team.here.count == 1:
        yield team
        return
    _check_device(team.here)
    tell_launched(team.here)
    store = _meet(team)
    with said_once():
        _connect(team, store)
        _agree(team, run, recipe)
    team.watch()
    code = 1
    try:
        _make_group(team, store)
        yield team
        code = 0
    except OnepassError as error:
        team.failed(error)
    except SystemExit as error:
        code = int(error.code or 0)
        raise
    except KeyboardInterrupt as error:
        code = 128 + getattr(error, "number", 2)
        raise
    except RuntimeError:
        # A collective has failed because a process is gone: that has been said.
        if team.waits_for_end(3.0):
            raise SystemExit(team.code or 1) from None
        raise
    finally:
        team.leave(code)


def _check_device(here: Place) -> None:
    import torch

    device = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
    if torch.accelerator.is_available() and (device is None or device.type != "cuda"):
        raise UsageError(
            "Processes cannot train together on this device",
            where=device,
            value=f"{here.count} processes",
            fix="start one",
        )


def _meet(team: Team) -> Any:
    """The store in which the processes find each other."""
    from torch.distributed import DistError, rendezvous

    try:
        store, _, _ = next(
            rendezvous("env://", team.here.rank, team.here.count, timeout=timedelta(seconds=START_SECONDS))
        )
        return store
    except (DistError, RuntimeError, ValueError) as error:
        raise UsageError(
            f"Not all of the {team.here.count} processes have come: {str(error).splitlines()[0]}",
            where=f"rank {team.here.rank} on {team.host}",
            fix="start all within a minute, with a free MASTER_PORT and the first host as MASTER_ADDR",
        ) from None


def _connect(team: Team, store: Any) -> None:
    hello = {"rank": team.here.rank, "host": team.host}
    try:
        if not team.here.is_main:
            port = int(store.get("onepass/port"))
            connection = socket.create_connection((os.environ["MASTER_ADDR"], port), START_SECONDS)
            team._links[0] = link = _Link(connection)
            link.send(hello)
            _named(link, link.receive())
            connection.settimeout(START_SECONDS)
            return
        with socket.create_server(("", 0), backlog=team.here.count) as server:
            server.settimeout(START_SECONDS)
            store.set("onepass/port", str(server.getsockname()[1]))
            while len(team._links) < team.here.count - 1:
                connection = server.accept()[0]
                connection.settimeout(START_SECONDS)
                link = _Link(connection)
                _named(link, link.receive())
                link.send(hello)
                team._links[link.rank] = link
    except (OSError, RuntimeError) as error:
        raise UsageError(
            f"The {team.here.count} processes cannot reach each other: {error}",
            where=f"rank {team.here.rank} on {team.host}",
            fix="let the hosts reach each other on all ports, or start them again",
        ) from None


def _named(link: _Link, hello: dict[str, Any] | None) -> None:
    if hello is None:
        raise OSError("a connection was closed")
    link.rank, link.host = int(hello["rank"]), str(hello["host"])


def _agree(team: Team, run: Path, recipe: str) -> None:
    """Compares recipe, version and directory of all processes. Raises UsageError in all of them."""
    own = {"recipe": hashlib.sha256(recipe.encode()).hexdigest(), "version": __version__}
    if team.here.is_main:
        token = secrets.token_hex(8)
        write_text(run / TOKEN, token)
        team.tell({"token": token})
        problem = None
        for link in team._links.values():
            difference = _difference(own, link.receive())
            if difference is not None and problem is None:
                problem = f"rank {link.rank} on {link.host} {difference}"
        (run / TOKEN).unlink(missing_ok=True)
        team.tell({"problem": problem})
    else:
        link = team._links[0]
        token = (link.receive() or {}).get("token", "")
        link.send({**own, "sees": _sees(run / TOKEN, token)})
        answer = link.receive()
        problem = "the first process has ended" if answer is None else answer["problem"]
    for link in team._links.values():
        link.wait_for_ever()
    if problem is not None:
        raise UsageError(
            "The processes do not belong together",
            where=run,
            value=problem,
            fix="start all with the same command and version, in a directory that all hosts share",
        )


def _difference(own: Mapping[str, str], theirs: Mapping[str, Any] | None) -> str | None:
    if theirs is None:
        return "has ended"
    if theirs["version"] != own["version"]:
        return f"has version {theirs['version']} and not {own['version']}"
    if theirs["recipe"] != own["recipe"]:
        return "has another recipe or other settings"
    return None if theirs["sees"] else "has another directory"


def _sees(path: Path, token: str) -> bool:
    """Whether the token is in this process's directory, too; a network may need some seconds."""
    deadline = time.monotonic() + START_SECONDS / 3
    while time.monotonic() < deadline:
        with suppress(OSError):
            os.listdir(path.parent)  # makes a network file system look anew
            if path.read_text(encoding="utf-8") == token:
                return True
        time.sleep(0.5)
    return False


def _make_group(team: Team, store: Any) -> None:
    import torch
    from torch import distributed

    backend = "gloo"
    if torch.cuda.is_available():
        torch.cuda.set_device(team.here.local_rank)
        backend = "cpu:gloo,cuda:nccl"
    distributed.init_process_group(
        backend,
        store=distributed.PrefixStore("onepass", store),
        rank=team.here.rank,
        world_size=team.here.count,
        timeout=timedelta(hours=COLLECTIVE_HOURS),
    )
