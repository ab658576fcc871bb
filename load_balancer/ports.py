"""Ports: kept for workers that will listen on them, and what is wrong with one in a sentence."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Sequence

NOT_HERE = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)
TRIES = 10


def addresses(host: str) -> list[tuple[socket.AddressFamily, str]]:
    """Each address that a host name means here, IPv4 first, so that ``localhost`` is both."""
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    unique = {(family, str(address[0])) for family, _, _, _, address in found}
    return sorted(unique, key=lambda each: (each[0] != socket.AF_INET, each[1]))


def reserve(host: str, port: int) -> list[socket.socket]:
    """Sockets that hold the port on each address of the host and never listen, so that processes
    of ours can share it by SO_REUSEPORT and no connection comes to these.

    Args:
        port: 0 lets the system choose one, the same for every address.

    Raises:
        OSError: it is taken, or the host has no address here.
    """
    found = addresses(host)
    tries = 1 if port else TRIES
    while True:
        tries -= 1
        try:
            return _reserved(found, port)
        except OSError as error:
            # The system's choice for one address may be taken on another one.
            if not tries or error.errno != errno.EADDRINUSE:
                raise


def _reserved(
    addresses: Sequence[tuple[socket.AddressFamily, str]], port: int
) -> list[socket.socket]:
    held: list[socket.socket] = []
    missing: OSError | None = None
    try:
        for family, address in addresses:
            try:
                if port:
                    # With SO_REUSEPORT alone another supervisor's port would seem to be free.
                    with _bound(family, address, port, shared=False):
                        pass
                held.append(_bound(family, address, port, shared=True))
            except OSError as error:
                if error.errno not in NOT_HERE:
                    raise
                missing = error
                continue
            port = held[-1].getsockname()[1]
        if not held and missing is not None:
            raise missing
    except BaseException:
        for each in held:
            each.close()
        raise
    return held


def _bound(family: socket.AddressFamily, address: str, port: int, shared: bool) -> socket.socket:
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        bound.bind((address, port))
    except BaseException:
        bound.close()
        raise
    return bound


def port_problem(key: str, host: str, port: int, error: OSError | UnicodeError) -> str:
    """What is wrong, with the key and what to do."""
    if isinstance(error, socket.gaierror | UnicodeError):
        host_key = key.replace("port", "host")
        return f"load_balancer.{host_key}: {host!r} is no address of this machine"
    # asyncio's own text repeats the address; the system's says what is wrong with it.
    why = os.strerror(error.errno) if error.errno else str(error)
    return (
        f"load_balancer.{key}: cannot listen on {host}:{port}: {why}; choose another one or stop "
        "what holds it"
    )
