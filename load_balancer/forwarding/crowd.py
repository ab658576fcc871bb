"""Who is connected: how many there may be in all and of one client, and who makes room.

Knows no socket: it asks connections to finish, and tells whether another one may stay.
"""

from __future__ import annotations

from functools import lru_cache
from heapq import nsmallest
from ipaddress import IPv6Address, ip_address
from typing import TYPE_CHECKING

from config.balancer import Deadlines, Limits

if TYPE_CHECKING:
    from load_balancer.forwarding.downstream import ClientConnection

NETWORK_BYTES = 8
"""Of an IPv6 address that count as one client: whoever has one has its /64."""

ROOM_SHARE = 64
"""When all places are taken, this part of them is made free at once, so that looking for the idlest
connections is paid for by many newcomers."""

NEWCOMER_SECONDS = 1.0
"""Who came just now is about to ask for something, and does not count as idle."""


class Crowd:
    """The client connections of one node.

    Attributes:
        members: those that are open.
    """

    __slots__ = ("_by_client", "_deadlines", "_limits", "members")

    def __init__(self, deadlines: Deadlines, limits: Limits) -> None:
        self.members: set[ClientConnection] = set()
        self._by_client: dict[str, int] = {}
        self.apply(deadlines, limits)

    def apply(self, deadlines: Deadlines, limits: Limits) -> None:
        """Other bounds, for those that come."""
        self._deadlines = deadlines
        self._limits = limits

    def join(self, connection: ClientConnection, now: float) -> str:
        """One more has connected; why it cannot stay, or ""."""
        members, limits = self.members, self._limits
        members.add(connection)
        client = client_of(connection.peer.address)
        count = self._by_client.get(client, 0) + 1
        self._by_client[client] = count
        if limits.connections_per_client is not None and count > limits.connections_per_client:
            return "client_connections"
        if len(members) > limits.connections and not self._make_room(now):
            return "connections"
        return ""

    def leave(self, connection: ClientConnection) -> None:
        """It is gone; a second time changes nothing."""
        if connection not in self.members:
            return
        self.members.remove(connection)
        client = client_of(connection.peer.address)
        count = self._by_client.get(client, 0) - 1
        if count > 0:
            self._by_client[client] = count
        else:
            self._by_client.pop(client, None)

    def _make_room(self, now: float) -> bool:
        """Ask those to go that have been idle for the longest time; whether there were any."""
        # A connection's deadline says since when it is idle, or waits for its first head.
        latest = now + self._deadlines.head_seconds
        newest = latest - NEWCOMER_SECONDS
        idle = [each for each in self.members if each.idle and not newest < each.deadline <= latest]
        count = 1 + self._limits.connections // ROOM_SHARE
        for each in nsmallest(count, idle, key=lambda each: each.deadline):
            each.finish()
        return bool(idle)


@lru_cache(maxsize=4096)
def client_of(address: str) -> str:
    """What counts as one client: an IPv4 address, or an IPv6 network of 64 bits."""
    try:
        ip = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(ip, IPv6Address):
        if ip.ipv4_mapped is not None:
            return str(ip.ipv4_mapped)
        return ip.packed[:NETWORK_BYTES].hex()
    return str(ip)
