"""The endpoint's side: a protocol that reads responses, and the pool of idle connections."""

from __future__ import annotations

import asyncio
import select
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from config.schema import Deadlines, Limits
from load_balancer.errors import ConnectFailed, ConnectionLost, ConnectTimeout, UpstreamError
from load_balancer.forwarding.fields import Fields, size_of
from load_balancer.node import Attempt

if TYPE_CHECKING:
    from load_balancer.forwarding.exchange import Exchange

TOO_LARGE = "a head or trailers too large"
MAX_INTERIM = 16
"""1xx answers to one request; a server that sends more is broken or hostile."""


class UpstreamConnection(asyncio.Protocol):
    """One connection to one endpoint, used by one exchange at a time.

    Attributes:
        exchange: whose request is on it; None while it is idle.
        held: nothing is read at the moment, because the client does not take it.
        kept: it has been idle, so its server may have closed it by now.
        idle_since: when it was last put back.
        paused: the endpoint does not take more bytes at the moment.
        over: the response of the present exchange has ended.
        extra: bytes came that belong to no response; the connection cannot be used again.
        broken: why what came cannot be understood, or "".
        trailers: of the response.
    """

    __slots__ = (
        "_barren",
        "_endpoint_id",
        "_fed",
        "_fields",
        "_head_read",
        "_interim",
        "_lost",
        "_most_bytes",
        "_most_fields",
        "_parser",
        "_pool",
        "_reason",
        "_span",
        "broken",
        "exchange",
        "extra",
        "held",
        "idle_since",
        "kept",
        "over",
        "paused",
        "trailers",
        "transport",
    )

    transport: asyncio.Transport

    def __init__(self, pool: Pool, endpoint_id: str) -> None:
        self._pool = pool
        self._endpoint_id = endpoint_id
        self._most_bytes = pool.limits.head_bytes
        self._most_fields = pool.limits.head_fields
        self._parser = HttpResponseParser(self)
        self.exchange: Exchange | None = None
        self.kept = False
        self.idle_since = 0.0
        self.paused = False
        self._fed = 0
        self._span = 0
        self.held = False
        self._lost = False
        self._begin()

    def _begin(self) -> None:
        self.over = False
        self.extra = False
        self.broken = ""
        self._interim = 0
        self._head_read = False
        # As on the client's side: bytes since the last that led to anything.
        self._barren = 0
        self._fields: Fields = []
        self.trailers: Fields = []
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
        if self.held:
            self.go_on()
        transport = self.transport
        if reusable and not (self.extra or self.broken or self.paused or transport.is_closing()):
            if skipped_body:
                self._parser = HttpResponseParser(self)
            self._pool.put(self._endpoint_id, self)
        else:
            # Not closed in peace, which would wait for who never takes an unwanted body.
            self.abort()

    def abort(self) -> None:
        """Drop the connection and forget its exchange."""
        self.exchange = None
        if not self._lost:
            self.transport.abort()

    def hold(self) -> None:
        """Read no more of the response."""
        self.held = True
        self.transport.pause_reading()

    def go_on(self) -> None:
        """Read on."""
        self.held = False
        self.transport.resume_reading()

    def readable(self) -> bool:
        """Something has come, or the other side has closed, and the loop has not told us yet."""
        poller = select.poll()
        poller.register(self.transport.get_extra_info("socket").fileno(), select.POLLIN)
        return bool(poller.poll(0))

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
        self._fed = len(data)
        self._barren += self._fed
        self._span += self._fed
        try:
            self._parser.feed_data(data)
        except HttpParserUpgrade:
            self.broken = self.broken or "switched protocols unasked"
        except HttpParserError as error:
            self.broken = self.broken or str(error)
        if self._barren > self._most_bytes:
            self.broken = self.broken or TOO_LARGE
        elif self._span > self._most_bytes or len(self._fields) > self._most_fields:
            self._check_size(self._fields)
        if self.broken and self.over:
            self.extra = True
        exchange.upstream_progress()

    def eof_received(self) -> bool:
        """The endpoint is done sending, and so are we with it. What we still have for it must not
        delay that: it might never take it."""
        exchange = self.exchange
        if exchange is not None:
            self.exchange = None
            exchange.upstream_lost(self, clean=True)
            self.abort()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone, by whomever."""
        self._lost = True
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
        self._span = self._fed
        if self.over:
            self.extra = True
            self._fields = []  # nobody asked for this response, so they are nobody's trailers

    def on_status(self, reason: bytes) -> None:
        """The reason phrase, possibly in pieces."""
        self._reason += reason

    def on_header(self, name: bytes, value: bytes) -> None:
        """A field of the head, or of the trailers. Counted when they are whole; until then
        ``_barren`` bounds them."""
        self._fields.append((name, value))

    def on_headers_complete(self) -> None:
        """The head is whole."""
        exchange = self.exchange
        if self.over or self.broken or exchange is None:
            return
        fields = self._fields
        if self._span > self._most_bytes or len(fields) > self._most_fields:
            self._check_size(fields)
            if self.broken:
                return
        self._barren = 0
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
        fields = self._fields
        self._head_read = True
        self._fields = self.trailers
        self.broken = exchange.response_head(
            status, self._reason, parser.get_http_version(), fields
        )
        if exchange.skips_body:
            self.over = True

    def on_body(self, data: bytes) -> None:
        """Bytes of the body, without their framing."""
        self._barren = 0
        if self.over:
            self.extra = True
        elif self.exchange is not None and not self.broken:
            self.exchange.response_body(data)

    def on_message_complete(self) -> None:
        """The response has ended; so has each interim one."""
        if self._head_read and not self.over:
            if self.trailers:
                self._check_size(self.trailers)
            if not self.broken:
                self.over = True

    def _check_size(self, fields: Fields) -> None:
        """Refuse more than is allowed in a head, or behind a body."""
        if len(fields) > self._most_fields or size_of(fields) > self._most_bytes:
            self.broken = self.broken or TOO_LARGE


class Pool:
    """Idle connections by endpoint, the last used first, and the opening of new ones."""

    __slots__ = ("_clock", "_closed", "_idle", "_opening", "deadlines", "limits", "loop")

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
        self._closed = False

    def take(self, endpoint_id: str, once: bool) -> UpstreamConnection | None:
        """An idle connection, if there is one.

        Args:
            once: what is to be sent cannot be sent again, so it is worth a look whether the other
                side has just closed.
        """
        idle = self._idle.get(endpoint_id)
        while idle:
            connection = idle.pop()
            if connection.transport.is_closing():
                continue
            if once and connection.readable():
                connection.abort()
                continue
            return connection
        return None

    def put(self, endpoint_id: str, connection: UpstreamConnection) -> None:
        """Keep a connection for the next request."""
        idle = self._idle.get(endpoint_id)
        if idle is None:
            idle = self._idle[endpoint_id] = []
        if self._closed or len(idle) >= self.limits.idle_connections_per_endpoint:
            connection.transport.close()
            return
        connection.kept = True
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

    def open(self, exchange: Exchange, attempt: Attempt) -> None:
        """Connect for an attempt; it hears of it by ``connected`` or ``attempt_failed``."""
        task = self.loop.create_task(self._open(exchange, attempt))
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)

    async def _open(self, exchange: Exchange, attempt: Attempt) -> None:
        endpoint = attempt.stats.endpoint
        error: UpstreamError
        try:
            async with asyncio.timeout(self.deadlines.connect_seconds):
                _, connection = await self.loop.create_connection(
                    lambda: UpstreamConnection(self, endpoint.id), endpoint.host, endpoint.port
                )
        except TimeoutError:
            error = ConnectTimeout(f"{endpoint.id} did not accept a connection in time")
        except (OSError, UnicodeError) as reason:
            why = getattr(reason, "strerror", None) or reason
            error = ConnectFailed(f"{endpoint.id} cannot be reached: {why}")
        else:
            if connection.transport.is_closing():
                error = ConnectionLost(f"{endpoint.id} closed the connection at once")
            elif exchange.attempt is attempt:
                exchange.connected(connection)
                return
            else:
                self.put(endpoint.id, connection)
                return
        if exchange.attempt is attempt:
            exchange.attempt_failed(error)

    async def close(self) -> None:
        """Close every idle connection, now and later, and give up those being opened."""
        self._closed = True
        for idle in self._idle.values():
            for connection in idle:
                connection.transport.close()
            idle.clear()
        opening = list(self._opening)
        for task in opening:
            task.cancel()
        await asyncio.gather(*opening, return_exceptions=True)
