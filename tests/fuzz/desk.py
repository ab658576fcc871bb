"""The whole data path without a socket: real connections on transports that only keep what they are
given, so that one exchange takes a tenth of a millisecond and depends on nothing but its bytes."""

from __future__ import annotations

import asyncio
import os
from typing import Any, cast

from load_balancer.forwarding.downstream import ClientConnection
from load_balancer.forwarding.exchange import Exchange
from load_balancer.forwarding.hedge import Hedge
from load_balancer.forwarding.pool import Pool
from load_balancer.forwarding.upstream import UpstreamConnection
from load_balancer.node import Attempt
from tests.live.rig import Clock, First, Rig, settings_for

LIMITS = {"head_bytes": 1024, "head_fields": 16, "target_bytes": 256, "buffer_bytes": 4096}
"""Small, so that short inputs meet them."""


class Line:
    """A transport, and the side of a connection that is not ours.

    Attributes:
        written: what our side has sent.
        paused: our side does not want to read at the moment.
        ended: how our side ended it: "", "close" or "abort".
        raw_from: offset behind which ``written`` is no HTTP, or None.
    """

    def __init__(self, desk: Desk, protocol: asyncio.Protocol) -> None:
        self.written = bytearray()
        self.paused = False
        self.ended = ""
        self.raw_from: int | None = None
        self._desk = desk
        self._protocol = protocol
        self._told = False

    # What a connection asks of its transport.

    def write(self, data: bytes) -> None:
        if not self.ended:
            self.written += data

    def pause_reading(self) -> None:
        self.paused = True

    def resume_reading(self) -> None:
        self.paused = False

    def is_closing(self) -> bool:
        return bool(self.ended)

    def close(self) -> None:
        self._end("close")

    def abort(self) -> None:
        self._end("abort")

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        pass

    def get_write_buffer_size(self) -> int:
        return 0

    def get_extra_info(self, name: str) -> Any:
        return {"peername": ("127.0.0.1", 1), "socket": self}.get(name)

    def set_protocol(self, protocol: asyncio.Protocol) -> None:
        self._protocol = protocol
        self.raw_from = len(self.written)

    def _end(self, how: str) -> None:
        if not self.ended:
            self.ended = how
            self._desk.ending.append(self)

    # As much of a socket as is asked for.

    def setsockopt(self, *option: object) -> None:
        pass

    def fileno(self) -> int:
        """One that never has anything to read."""
        return self._desk.silent

    # What the other side does.

    def take(self, data: bytes) -> bool:
        """Bytes from the other side; whether our side wanted them."""
        if self.ended or self.paused:
            return False
        self._protocol.data_received(data)
        self._desk.settle()
        return True

    def end(self, clean: bool) -> None:
        """The other side has ended it."""
        if not self.ended and (not clean or not self._protocol.eof_received()):
            self._end("close" if clean else "abort")
        self._desk.settle()

    def tell(self) -> None:
        """The connection is gone; once."""
        if not self._told:
            self._told = True
            self._protocol.connection_lost(None if self.ended == "close" else ConnectionError())


class _Pool(Pool):
    """Opens connections at once, to nowhere."""

    __slots__ = ("desk",)

    desk: Desk

    def open(self, exchange: Exchange | Hedge, attempt: Attempt) -> None:
        connection = UpstreamConnection(self, attempt.stats)
        line = Line(self.desk, connection)
        connection.connection_made(cast(asyncio.Transport, line))
        self.desk.origins.append(line)
        exchange.connected(connection, self.clock())


class Desk:
    """A proxy whose clock stands still, used by one client at a time.

    Attributes:
        origins: lines to the endpoint, in the order of their making.
        ending: lines whose connection is to be told of its end.
        silent: a descriptor that never has anything to read.
    """

    def __init__(self) -> None:
        self.origins: list[Line] = []
        self.ending: list[Line] = []
        self.silent, self._other_end = os.pipe()
        asyncio.run(self._set_up())

    async def _set_up(self) -> None:
        settings = settings_for(
            9, limits=LIMITS, ejection={"consecutive_failures": None}, retries={"attempts": 1}
        )
        self.rig = Rig(settings, First(), None, Clock(runs=False))
        listener = self.listener = self.rig.listener
        balancer = settings.load_balancer
        pool = listener.pool = _Pool(
            listener.loop, self.rig.clock, balancer.deadlines, balancer.limits
        )
        pool.desk = self
        listener.placer = type(listener.placer)(listener, balancer)
        listener.date = b"Fri, 01 Jan 2027 00:00:00 GMT"

    def client(self) -> Line:
        """A new client; what the one before left behind is gone, and dice fall as for that."""
        for line in self.origins:
            line.abort()
        # What a law broken half-way left over would be held against all that come after.
        for left in list(self.listener.connections):
            left.transport.abort()
        self.settle()
        self.origins.clear()
        log = self.rig.log
        for kept in (log.attempts, log.completed, log.latencies, self.rig.learned):
            kept.clear()
        self.listener.dice.seed(0)
        self.rig.node.routed = 0
        connection = ClientConnection(self.listener)
        line = Line(self, connection)
        connection.connection_made(cast(asyncio.Transport, line))
        return line

    def settle(self) -> None:
        """Tell connections of their end, as a loop does in its next turn."""
        while self.ending:
            self.ending.pop(0).tell()

    def leave(self, client: Line) -> None:
        """The client goes, and then the endpoint; the laws that hold afterwards."""
        client.end(clean=True)
        for line in self.origins:
            if not client.ended:
                line.end(clean=True)
        assert client.ended, "the client's connection is still there"
        assert not self.listener.connections, "a connection is still counted"
        assert len(self.rig.log.completed) == self.rig.node.routed, "an attempt is not completed"
        assert [each.in_flight for each in self.rig.table.all] == [0], "something is in flight"

    def held(self) -> int:
        """Bytes of requests that wait in the proxy."""
        total = 0
        for client in self.listener.connections:
            reader = client._reader
            total += len(reader.held) + len(reader._target)
            total += sum(len(name) + len(value) for name, value in reader._fields)
            for exchange in (client.exchange, reader.parsing, *reader.queue):
                if exchange is not None and exchange.body is not None:
                    total += exchange.body.buffered
        return total

    def close(self) -> None:
        """Give back what the system lent."""
        os.close(self.silent)
        os.close(self._other_end)
