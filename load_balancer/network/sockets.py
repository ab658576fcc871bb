"""Ports of a network's nodes: opened before any node runs, so that each knows the others'."""

from __future__ import annotations

import os
import socket

from config.layout import Address
from load_balancer.serving import StartError

BACKLOG = 1024


def opened(name: str, address: Address) -> socket.socket:
    """A socket that listens for a node; of a host name, at its first address.

    Raises:
        StartError: the port cannot be had; the message names the node and what to do.
    """
    host, port = address
    listening: socket.socket | None = None
    try:
        family, _, _, _, where = _first(host, port)
        listening = socket.socket(family, socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(where)
        listening.listen(BACKLOG)
    except (OSError, UnicodeError) as error:
        if listening is not None:
            listening.close()
        if isinstance(error, socket.gaierror | UnicodeError):
            raise StartError(f"node {name}: host {host!r} is unknown") from None
        number = getattr(error, "errno", None)
        why = os.strerror(number) if number else str(error)
        raise StartError(
            f"node {name} cannot listen on {address}: {why}; choose another base_port or port, "
            "or stop what holds it"
        ) from None
    listening.setblocking(False)
    return listening


def is_here(host: str) -> bool:
    """Whether a host's address is this machine's."""
    try:
        family, _, _, _, where = _first(host, 0)
        with socket.socket(family, socket.SOCK_STREAM) as trying:
            trying.bind(where)
    except (OSError, UnicodeError):
        return False
    return True


def _first(host: str, port: int) -> tuple[int, int, int, str, tuple[object, ...]]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    # Of a name with both, such as localhost, the IPv4 address.
    best = min(found, key=lambda each: each[0] != socket.AF_INET)
    return (best[0], best[1], best[2], best[3], tuple(best[4]))
