"""How the processes of a run come together: they connect, compare what they are to do, and form a group.

torch's process group, in which trainings add up gradients, is made once, with a time limit.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

from onepass.errors import OnepassError, UsageError
from onepass.files import write_text
from onepass.pipeline.processes import Link, Place, Team, place, tell_launched
from onepass.runtime.cores import available_cores
from onepass.version import __version__

START_SECONDS = 50.0
"""In which all processes must have come, with the same recipe and the same directory."""
SPEAKING_SECONDS = 3.0
"""That a process leaves the one that speaks for it: a launcher ends all as soon as the first has ended."""
COLLECTIVE_HOURS = 6
"""Time limit of torch's collectives. That a process has died is noticed long before."""
PORT_KEY = "onepass/port"
"""Of the store: where the first process listens."""
TOKEN = ".token"


@contextmanager
def said_once() -> Iterator[None]:
    """For errors that all processes meet alike: one on each host says it, the others end with its code."""
    try:
        yield
    except OnepassError as error:
        if place().local_rank:
            time.sleep(SPEAKING_SECONDS)
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
    if team.here.processes == 1:
        yield team
        return
    _check_device(team.here)
    tell_launched(team.here)
    store = _meet(team)
    _connect(team, store)
    with said_once():
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
            value=f"{here.processes} processes",
            fix="start one",
        )


def _meet(team: Team) -> Any:
    """The store in which the processes find each other."""
    from torch.distributed import DistError
    from torch.distributed.rendezvous import rendezvous

    try:
        store, _, _ = next(
            rendezvous(
                "env://", team.here.rank, team.here.processes, timeout=timedelta(seconds=START_SECONDS)
            )
        )
        return store
    except (DistError, RuntimeError, ValueError) as error:
        raise UsageError(
            f"Not all of the {team.here.processes} processes have come: {str(error).splitlines()[0]}",
            where=f"rank {team.here.rank} on {team.host}",
            fix="start all within a minute, with a free MASTER_PORT and the first host as MASTER_ADDR",
        ) from None


def _connect(team: Team, store: Any) -> None:
    try:
        if team.here.is_main:
            _accept_others(team, store)
        else:
            team.links[0] = _link_to_first(team, store)
    except (OSError, RuntimeError) as error:
        raise UsageError(
            f"The {team.here.processes} processes cannot reach each other: {error}",
            where=f"rank {team.here.rank} on {team.host}",
            fix="let the hosts reach each other on all ports, or start them again",
        ) from None


def _accept_others(team: Team, store: Any) -> None:
    family = socket.AF_INET6 if socket.has_dualstack_ipv6() else socket.AF_INET
    both = family == socket.AF_INET6
    with socket.create_server(("", 0), family=family, backlog=64, dualstack_ipv6=both) as server:
        server.settimeout(START_SECONDS)
        store.set(PORT_KEY, str(server.getsockname()[1]))
        while len(team.links) < team.here.processes - 1:
            connection = server.accept()[0]
            connection.settimeout(START_SECONDS)
            link = Link(connection)
            with suppress(OSError):  # of somebody else
                _name(link, link.receive())
                link.send(_hello(team))
                team.links[link.rank] = link


def _link_to_first(team: Team, store: Any) -> Link:
    """The connection to the first process.

    After a restart the store may still have the port of the one before, so a failure is tried again.
    """
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            address = (os.environ["MASTER_ADDR"], int(store.get(PORT_KEY)))
            link = Link(socket.create_connection(address, START_SECONDS))
            link.send(_hello(team))
            _name(link, link.receive())
            return link
        except (OSError, RuntimeError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)


def _hello(team: Team) -> dict[str, Any]:
    return {"rank": team.here.rank, "host": team.host}


def _name(link: Link, hello: dict[str, Any] | None) -> None:
    if hello is None or not {"rank", "host"} <= hello.keys():
        raise OSError("a connection was closed")
    link.rank, link.host = int(hello["rank"]), str(hello["host"])


def _agree(team: Team, run: Path, recipe: str) -> None:
    """Compares recipe, version and directory of all processes. Raises UsageError in all of them."""
    own = {"recipe": hashlib.sha256(recipe.encode()).hexdigest(), "version": __version__}
    if team.here.is_main:
        token = secrets.token_hex(8)
        write_text(run / TOKEN, token)
        team.name = token
        team.tell({"token": token})
        problem = None
        for link in team.links.values():
            difference = _difference(own, link.receive())
            if difference is not None and problem is None:
                problem = f"rank {link.rank} on {link.host} {difference}"
        (run / TOKEN).unlink(missing_ok=True)
        team.tell({"problem": problem})
    else:
        link = team.links[0]
        team.name = token = (link.receive() or {}).get("token", "")
        link.send({**own, "sees": _sees(run / TOKEN, token)})
        answer = link.receive()
        problem = "the first process has ended" if answer is None else answer["problem"]
    for link in team.links.values():
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


def _interface(address: str) -> str | None:
    """The name of the network interface that has an address."""
    import psutil  # accelerate needs it, too

    found = psutil.net_if_addrs()
    return next((name for name, own in found.items() if any(a.address == address for a in own)), None)


def _make_group(team: Team, store: Any) -> None:
    import torch
    from torch import distributed

    from onepass.nn.device import own_device

    # By itself gloo takes the network of the host's own name, which may be one that no other host reaches.
    if (name := _interface(next(iter(team.links.values())).own_address)) is not None:
        os.environ.setdefault("GLOO_SOCKET_IFNAME", name)
    if "OMP_NUM_THREADS" not in os.environ:  # else each of a machine's processes takes all cores
        torch.set_num_threads(max(1, available_cores() // team.here.local_count))
    backend = "gloo"
    if torch.cuda.is_available():
        torch.cuda.set_device(own_device())
        backend = "cpu:gloo,cuda:nccl"
    distributed.init_process_group(
        backend,
        store=distributed.distributed_c10d.PrefixStore(f"onepass/{team.name}", store),
        rank=team.here.rank,
        world_size=team.here.processes,
        timeout=timedelta(hours=COLLECTIVE_HOURS),
    )
