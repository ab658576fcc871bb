"""A connection that a proxy in front of us introduces, until it has said whose it is.

The PROXY header is read to its last byte and not one further, because a TLS hello may follow it,
which is for somebody else to read from its beginning. Then the transport is handed on.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

from load_balancer.forwarding.downstream import ClientConnection
from load_balancer.forwarding.proxy_protocol import SHORTEST, Malformed, Preamble, read_preamble

if TYPE_CHECKING:
    from load_balancer.forwarding.listener import Listener

LABEL = "proxy_protocol"
"""Of the counter of those who are turned away."""


class Arrival(asyncio.BufferedProtocol):
    """A connection whose PROXY header is being read.

    Attributes:
        deadline: when the header must be there; the sweep asks.
    """

    __slots__ = ("_address", "_buffer", "_header", "_listener", "_transport", "deadline")

    _transport: asyncio.Transport

    def __init__(self, listener: Listener) -> None:
        self.deadline = 0.0
        self._listener = listener
        self._address = "unknown"
        self._header = b""
        self._buffer = bytearray(SHORTEST)

    # asyncio.BufferedProtocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Let in whom we trust, as long as there is room."""
        self._transport = cast(asyncio.Transport, transport)
        listener = self._listener
        name = transport.get_extra_info("peername")
        if name:
            self._address = str(name[0])
        self.deadline = listener.time() + listener.deadlines.head_seconds
        if not listener.peer(self._address).trusted:
            self.turn_away(LABEL)
        elif not listener.arrivals.join(self):
            self.turn_away("connections")

    def get_buffer(self, sizehint: int) -> bytearray:
        """Room for so many bytes as certainly belong to the header."""
        return self._buffer

    def buffer_updated(self, count: int) -> None:
        """Bytes of the header."""
        self._header += self._buffer[:count]
        try:
            found = read_preamble(self._header)
        except Malformed:
            self.turn_away(LABEL)
            return
        if isinstance(found, int):
            self._buffer = bytearray(found)
            return
        self._introduce(found)

    def eof_received(self) -> bool:
        """It has gone before it said who it is."""
        self.turn_away(LABEL)
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone, by whomever."""
        self._listener.arrivals.leave(self)

    # What the listener asks for.

    def turn_away(self, label: str) -> None:
        """Close without an answer: who does not speak the protocol would not understand one."""
        if not self._transport.is_closing():
            self._listener.node.counters.refused(label)
        self.abort()

    def abort(self) -> None:
        """Cut the connection."""
        self._listener.arrivals.leave(self)
        self._transport.abort()

    def _introduce(self, found: Preamble) -> None:
        listener = self._listener
        transport = self._transport
        address = found.address or self._address
        client = ClientConnection(listener)
        protocol = listener.tls.over(client, address)
        # Both loops read into the new one's buffer from here on, even in the middle of a turn.
        transport.set_protocol(protocol)
        if protocol is client:
            client.begin(transport, address)
        else:
            protocol.connection_made(transport)
        listener.arrivals.leave(self)


class Arrivals:
    """The connections whose PROXY header is being read; as many as there may be clients.

    Attributes:
        members: those.
    """

    __slots__ = ("_listener", "members")

    def __init__(self, listener: Listener) -> None:
        self.members: set[Arrival] = set()
        self._listener = listener

    def join(self, arrival: Arrival) -> bool:
        """One more; whether there is room for it."""
        if len(self.members) >= self._listener.limits.connections:
            return False
        self.members.add(arrival)
        return True

    def leave(self, arrival: Arrival) -> None:
        """It is gone, or has become a client; a second time changes nothing."""
        self.members.discard(arrival)
        self._listener.left()

    def sweep(self, now: float) -> None:
        """Turn away those whose deadline has passed."""
        for arrival in [each for each in self.members if each.deadline < now]:
            arrival.turn_away(LABEL)

    def cut(self) -> None:
        """End them all."""
        for arrival in list(self.members):
            arrival.abort()
