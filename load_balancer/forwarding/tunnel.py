"""What follows a 101: bytes of another protocol, both ways, until both sides are done.

Knows nothing of what it carries. One side's end is passed on as such, so that a protocol that half
closes works; over TLS, which cannot, it ends both.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

from load_balancer.forwarding.fields import Fields
from load_balancer.forwarding.responses import BadUpstream, switching_response
from metrics import access_record
from rl.vocabulary import Verdict

if TYPE_CHECKING:
    from load_balancer.forwarding.exchange import Exchange


def switch(exchange: Exchange, reason: bytes, fields: Fields) -> str:
    """Judge a 101 answer, and be ready for what follows it; why it cannot be passed on, or ""."""
    head = exchange.head
    assert head is not None
    if not head.upgrade:
        return "switched protocols unasked"
    listener = exchange.client.listener
    try:
        wire = switching_response(reason, fields, head.upgrade, listener.node_name)
    except BadUpstream as error:
        return str(error)
    exchange.first_byte_at = listener.time()
    exchange.outgoing().interim(wire)
    exchange.tunnel = Tunnel(exchange)
    return ""


def end_writing(transport: asyncio.Transport) -> None:
    """No more from us, what was written goes out first; by an abort if the other side is gone
    already and the loop has not told us yet."""
    try:
        transport.write_eof()
    except OSError:
        transport.abort()


class Tunnel:
    """The rest of an exchange whose endpoint has switched protocols.

    Attributes:
        exchange: what it came from; its attempt is completed when the tunnel is over.
    """

    __slots__ = ("_client_end", "_upstream_end", "exchange")

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange

    def open(self, rest: bytes) -> None:
        """Take both connections over.

        Args:
            rest: what came behind the 101.
        """
        exchange = self.exchange
        client, upstream = exchange.client, exchange.upstream
        assert upstream is not None
        exchange.begun = True
        data = exchange.outgoing().take(False, []) + rest
        exchange.sent_bytes += len(data)
        # What the client sent without waiting for the answer.
        held = client.held_back()
        counters = client.listener.node.counters
        counters.tunnels += 1
        counters.open_tunnels += 1
        down = self._client_end = _End(self, client.transport)
        up = self._upstream_end = _End(self, upstream.transport)
        down.other, up.other = up, down
        client.transport.set_protocol(down)
        upstream.transport.set_protocol(up)
        upstream.exchange = None
        exchange.upstream = None
        for paused, end in ((client.paused, up), (upstream.paused, down)):
            if not paused:
                end.transport.resume_reading()
        # Behind that: what is written may be so much that the other side has to stop at once.
        down.transport.write(data)
        if held:
            up.transport.write(held)
        if client.half_closed:
            down.eof_received()  # it was told of that before the tunnel was there
        self.moved()

    def moved(self) -> None:
        """Bytes came; it is not idle."""
        client = self.exchange.client
        client.deadline = client.listener.time() + client.listener.deadlines.tunnel_idle_seconds

    def expired(self) -> None:
        """Nothing came for too long."""
        self.abort()

    def abort(self) -> None:
        """Cut both sides."""
        for end in (self._client_end, self._upstream_end):
            if not end.lost:
                end.transport.abort()

    def end_lost(self, end: _End) -> None:
        """One side's connection is gone."""
        other = end.other
        exchange = self.exchange
        client = exchange.client
        if not other.lost:
            if client.cut:
                other.transport.abort()
                return
            # What it was sent still goes out, if it is taken.
            listener = client.listener
            client.deadline = listener.time() + listener.deadlines.idle_seconds
            other.transport.close()
            return
        client.listener.node.counters.open_tunnels -= 1
        now = client.listener.time()
        exchange.complete(Verdict.SUCCESS, 101, now)
        exchange.tell(access_record.TUNNEL, None, 101, now)
        client.connection_lost(None)


class _End(asyncio.Protocol):
    __slots__ = ("_ended", "_tunnel", "lost", "other", "transport")

    other: _End

    def __init__(self, tunnel: Tunnel, transport: asyncio.Transport) -> None:
        self._tunnel = tunnel
        self.transport = transport
        self.lost = False
        self._ended = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._tunnel.moved()
        if not self.other.lost:
            self.other.transport.write(data)

    def eof_received(self) -> bool:
        self._ended = True
        other = self.other
        if other.lost or other._ended or not other.transport.can_write_eof():
            return False
        end_writing(other.transport)
        # The other side may go on for as long as it has something to say.
        return self.transport.can_write_eof()

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True
        self._tunnel.end_lost(self)

    def pause_writing(self) -> None:
        if not self.other.lost:
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        if not self.other.lost:
            self.other.transport.resume_reading()
