"""The sockets that workers listen at: one port, and where the system shares it fairly, a socket each."""

from __future__ import annotations

import errno
import socket
import sys

from onepass.errors import UsageError


def listening_sockets(host: str, port: int, count: int) -> list[socket.socket]:
    """Binds a socket for each worker.

    Args:
        host: name or address.
        port: 0 is any that is free.
        count: of workers.

    Raises:
        UsageError: the address is in use, or none of this machine.
    """
    where = f"{host}:{port}"
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        # Without a share first: then an address that another service has is an error, not shared with it.
        first = _bound(family, address, shares=False)
        if count == 1 or sys.platform != "linux":  # elsewhere one of the sockets would get everything
            return [first] * count
        address = (address[0], first.getsockname()[1], *address[2:])
        first.close()
        return [_bound(family, address, shares=True) for _ in range(count)]
    except OSError as error:
        in_use = error.errno == errno.EADDRINUSE
        raise UsageError(
            f"Cannot listen at this address: {error.strerror or error}",
            where="--host, --port",
            value=where,
            fix="choose another --port" if in_use else None,
        ) from None


def url_of(bound: socket.socket) -> str:
    """The address of a socket as a URL."""
    host, port = bound.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _bound(family: int, address: tuple[object, ...], *, shares: bool) -> socket.socket:
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shares:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        bound.bind(address)
    except OSError:
        bound.close()
        raise
    return bound
