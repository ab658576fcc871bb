"""The endpoint's side: a protocol that reads responses, and the pool of idle connections."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from config.schema import Deadlines, Limits
from load_balancer.errors import ConnectFailed, ConnectTimeout, UpstreamError
from load_balancer.forwarding.heads import Fields
from rl.vocabulary import Endpoint

if TYPE_CHECKING:
    from load_balancer.forwarding.exchange import Exchange

MAX_INTERIM = 16
"""1xx answers to one request; a server that sends more is broken or hostile."""


class UpstreamConnection(asyncio.Protocol):
    """One connection to one endpoint, used by one exchange at a time.

    Attributes:
        exchange: whose request is on it; None while it is idle.
        served: responses completed on it.
        idle_since: when it was last put back.
        paused: the endpoint does not take more bytes at the moment.
        over: the response of the present exchange has ended.
        extra: bytes came that belong to no response; the connection cannot be used again.
        broken: why what came cannot be understood, or "".
    """

    __slots__ = (
        "_endpoint_id",
        "_field_bytes",
        "_fields",
        "_head_read",
        "_interim",
        "_limits",
        "_parser",
        "_pool",
        "_reason",
        "_trailers",
        "broken",
        "exchange",
        "extra",
        "idle_since",
        "over",
        "paused",
        "served",
        "transport",
    )

    transport: asyncio.Transport

    def __init__(self, pool: Pool, endpoint_id: str) -> None:
        self._pool = pool
        self._endpoint_id = endpoint_id
        self._limits = pool.limits
        self._parser = HttpResponseParser(self)
        self.exchange: Exchange | None = None
        self.served = 0
        self.idle_since = 0.0
        self.paused = False
        self._begin()

    def _begin(self) -> None:
        self.over = False
        self.extra = False
        self.broken = ""
        self._interim = 0
        self._head_read = False
        self._field_bytes = 0
        self._fields: Fields = []
        self._trailers: Fields = []
        self._reason = b""

    def send(self, exchange: Exchange, data: bytes) -> None:
        """Take up an exchange with its first bytes."""
        self.exchange = exchange
        self._begin()
        self.transport.write(data)

    def release(self, reusable: bool, skipped_body: bool) -> None:
        """The exchange is over. Keep the connection if nothing speaks against it.

        Args:
            skipped_body: the response announced a body that was not to come (HEAD), so that the
                parser still waits for it.
        """
        self.exchange = None
        self.served += 1
        if reusable and not self.extra and not self.broken and not self.transport.is_closing():
            if skipped_body:
                self._parser = HttpResponseParser(self)
            self._pool.put(self._endpoint_id, self)
        else:
            self.transport.close()

    def abort(self) -> None:
        """Drop the connection and forget its exchange."""
        self.exchange = None
        self.transport.abort()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Set up."""
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Bytes of a response, or bytes that nobody asked for."""
        exchange = self.exchange
        if exchange is None:
            # An answer to no request: what follows could be taken for the answer to the next one.
            self.transport.abort()
            return
        try:
            self._parser.feed_data(data)
        except HttpParserUpgrade:
            self.broken = self.broken or "switched protocols unasked"
        except HttpParserError as error:
            self.broken = self.broken or str(error)
        if self.broken and self.over:
            self.extra = True
        exchange.upstream_progress()

    def eof_received(self) -> bool:
        """The endpoint is done sending; close our side as well."""
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone, by whomever."""
        exchange = self.exchange
        if exchange is None:
            self._pool.discard(self._endpoint_id, self)
        else:
            self.exchange = None
            exchange.upstream_lost(self, clean=exc is None)

    def pause_writing(self) -> None:
        """The endpoint reads slowly: stop taking from the client."""
        self.paused = True
        if self.exchange is not None:
            self.exchange.client.update_reading()

    def resume_writing(self) -> None:
        """The endpoint has caught up."""
        self.paused = False
        if self.exchange is not None:
            self.exchange.client.update_reading()

    # httptools callbacks

    def on_message_begin(self) -> None:
        """A response starts."""
        if self.over:
            self.extra = True

    def on_status(self, reason: bytes) -> None:
        """The reason phrase, possibly in pieces."""
        self._reason += reason

    def on_header(self, name: bytes, value: bytes) -> None:
        """A field of the head, or of the trailers."""
        self._field_bytes += len(name) + len(value) + 4
        if self._field_bytes > self._limits.head_bytes:
            self.broken = "more field bytes than allowed"
        elif self._head_read:
            self._trailers.append((name, value))
        elif len(self._fields) >= self._limits.head_fields:
            self.broken = "more fields than allowed"
        else:
            self._fields.append((name, value))

    def on_headers_complete(self) -> None:
        """The head is whole."""
        exchange = self.exchange
        if self.over or self.broken or exchange is None:
            return
        parser = self._parser
        status = parser.get_status_code()
        if status < 200:
            self._interim += 1
            if status == 101:
                self.broken = "switched protocols unasked"
            elif self._interim > MAX_INTERIM or status < 100:
                self.broken = "too many interim responses" if status >= 100 else f"status {status}"
            else:
                exchange.interim(status, self._reason, self._fields)
            self._fields = []
            self._reason = b""
            return
        self._head_read = True
        self.broken = exchange.response_head(
            status, self._reason, parser.get_http_version(), self._fields
        )
        if exchange.skips_body:
            self.over = True

    def on_body(self, data: bytes) -> None:
        """Bytes of the body, without their framing."""
        if self.over:
            self.extra = True
        elif self.exchange is not None and not self.broken:
            self.exchange.response_body(data)

    def on_message_complete(self) -> None:
        """The response has ended; so has each interim one."""
        if self._head_read and not self.over:
            self.over = True
            if self.exchange is not None:
                self.exchange.trailers = self._trailers


class Pool:
    """Idle connections by endpoint, the last used first, and the opening of new ones."""

    __slots__ = ("_clock", "_idle", "_opening", "deadlines", "limits", "loop")

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        clock: Callable[[], float],
        deadlines: Deadlines,
        limits: Limits,
    ) -> None:
        self.loop = loop
        self._clock = clock
        self.deadlines = deadlines
        self.limits = limits
        self._idle: dict[str, list[UpstreamConnection]] = {}
        self._opening: set[asyncio.Task[None]] = set()

    def take(self, endpoint_id: str) -> UpstreamConnection | None:
        """An idle connection, if there is one."""
        idle = self._idle.get(endpoint_id)
        while idle:
            connection = idle.pop()
            if not connection.transport.is_closing():
                return connection
        return None

    def put(self, endpoint_id: str, connection: UpstreamConnection) -> None:
        """Keep a connection for the next request."""
        idle = self._idle.get(endpoint_id)
        if idle is None:
            idle = self._idle[endpoint_id] = []
        if len(idle) >= self.limits.idle_connections_per_endpoint:
            connection.transport.close()
            return
        connection.idle_since = self._clock()
        idle.append(connection)

    def discard(self, endpoint_id: str, connection: UpstreamConnection) -> None:
        """A connection closed by itself."""
        idle = self._idle.get(endpoint_id)
        if idle is not None and connection in idle:
            idle.remove(connection)

    def idle_count(self) -> int:
        """Connections waiting for a request."""
        return sum(len(idle) for idle in self._idle.values())

    def sweep(self, now: float) -> None:
        """Close what has been idle for too long; the oldest stand in front."""
        limit = now - self.deadlines.upstream_idle_seconds
        for idle in self._idle.values():
            expired = 0
            for connection in idle:
                if connection.idle_since > limit:
                    break
                expired += 1
            if expired:
                for connection in idle[:expired]:
                    connection.transport.close()
                del idle[:expired]

    def open(self, exchange: Exchange, endpoint: Endpoint) -> None:
        """Connect for an exchange; it hears of it by ``connected`` or ``connect_failed``."""
        task = self.loop.create_task(self._open(exchange, endpoint))
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)

    async def _open(self, exchange: Exchange, endpoint: Endpoint) -> None:
        attempt = exchange.attempt
        error: UpstreamError
        try:
            async with asyncio.timeout(self.deadlines.connect_seconds):
                _, connection = await self.loop.create_connection(
                    lambda: UpstreamConnection(self, endpoint.id), endpoint.host, endpoint.port
                )
        except TimeoutError:
            error = ConnectTimeout(f"{endpoint.id} did not accept a connection in time")
        except OSError as reason:
            error = ConnectFailed(f"{endpoint.id} cannot be reached: {reason.strerror or reason}")
        else:
            if exchange.attempt is attempt and exchange.upstream is None:
                exchange.connected(connection)
            else:
                self.put(endpoint.id, connection)
            return
        if exchange.attempt is attempt:
            exchange.attempt_failed(error)

    async def close(self) -> None:
        """Close every idle connection and give up those being opened."""
        for idle in self._idle.values():
            for connection in idle:
                connection.transport.close()
            idle.clear()
        opening = list(self._opening)
        for task in opening:
            task.cancel()
        await asyncio.gather(*opening, return_exceptions=True)
