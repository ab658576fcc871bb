"""How packets leave for a client that a rule holds: their mark (RFC 2474), and from which address
and interface an endpoint is reached."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, TypeAlias

from load_balancer.shaping.clients import Lane
from rl.vocabulary import EndpointStats

if TYPE_CHECKING:
    from load_balancer.forwarding.exchange import Exchange
    from load_balancer.forwarding.hedge import Hedge

Key: TypeAlias = EndpointStats | tuple[EndpointStats, Lane]
"""What kept connections are sorted by: those of a lane serve nobody else."""


def lane_of(exchange: Exchange | Hedge) -> Lane | None:
    """The one that a request goes by; None for everybody's."""
    account = exchange.account
    if account is None or account.ticket is None:
        return None
    return account.ticket.turn.client.lane


def key_of(exchange: Exchange | Hedge, stats: EndpointStats) -> Key:
    """Where a connection for a request is looked for."""
    lane = lane_of(exchange)
    return stats if lane is None else (stats, lane)


def endpoint_of(key: Key) -> EndpointStats:
    """Whose connections are under a key."""
    return key if isinstance(key, EndpointStats) else key[0]


def mark(transport: asyncio.BaseTransport, dscp: int) -> None:
    """Mark what a connection sends from now on; 0 is no mark."""
    taken = transport.get_extra_info("socket")
    if taken is not None:
        mark_socket(taken, dscp)


def mark_socket(taken: socket.socket, dscp: int) -> None:
    """The same for a socket. One for both families may carry IPv4, so it gets both marks."""
    field = dscp << 2  # the lower bits are those of congestion (RFC 3168)
    try:
        if taken.family == socket.AF_INET6:
            taken.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, field)
        taken.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, field)
    except OSError:
        pass  # the connection is gone, or its socket knows one of the two only


async def connected_socket(
    loop: asyncio.AbstractEventLoop, host: str, port: int, lane: Lane
) -> socket.socket:
    """A socket that is connected by a lane, marked from its first packet.

    Raises:
        OSError: no address of the host can be reached that way.
    """
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    problem: OSError = OSError(f"{host} has no address")
    for family, kind, protocol, _, address in found:
        taken = socket.socket(family, kind, protocol)
        try:
            taken.setblocking(False)
            taken.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if lane.dscp is not None:
                mark_socket(taken, lane.dscp)
            if lane.interface is not None:
                name = lane.interface.encode("ascii") + b"\0"
                taken.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, name)
            if lane.source is not None:
                taken.bind((lane.source, 0))
            await loop.sock_connect(taken, address)
        except (OSError, asyncio.CancelledError) as error:
            taken.close()
            if not isinstance(error, OSError):
                raise
            problem = error
        else:
            return taken
    raise problem
