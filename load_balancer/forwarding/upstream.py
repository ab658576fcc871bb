"""The endpoint's side: a protocol that reads responses."""

from __future__ import annotations

import asyncio
import select
from typing import TYPE_CHECKING, cast

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from load_balancer.forwarding.fields import Fields, size_of
from load_balancer.forwarding.heads import BY_LENGTH, NO_BODY
from load_balancer.forwarding.lanes import Key, endpoint_of
from load_balancer.forwarding.repeat import LARGEST_HEAD_BYTES, RepeatedResponse, worth_remembering
from load_balancer.forwarding.responses import BadUpstream
from load_balancer.forwarding.tls_stream import TlsStream

if TYPE_CHECKING:
    from load_balancer.forwarding.exchange import Exchange
    from load_balancer.forwarding.hedge import Hedge
    from load_balancer.forwarding.pool import Pool

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
        secured: it speaks TLS.
        over: the response of the present exchange has ended.
        extra: bytes came that belong to no response; the connection cannot be used again.
        broken: why what came cannot be understood, or "".
        trailers: of the response.
    """

    __slots__ = (
        "_barren",
        "_fed",
        "_fields",
        "_fresh",
        "_head_read",
        "_interim",
        "_key",
        "_lost",
        "_misses",
        "_most_bytes",
        "_most_fields",
        "_parser",
        "_pool",
        "_reason",
        "_repeat",
        "_span",
        "_stats",
        "broken",
        "exchange",
        "extra",
        "held",
        "idle_since",
        "kept",
        "over",
        "paused",
        "secured",
        "trailers",
        "transport",
    )

    transport: asyncio.Transport

    def __init__(self, pool: Pool, key: Key) -> None:
        """
        Args:
            key: where it is kept while it is idle.
        """
        self._pool = pool
        self._key = key
        self._stats = endpoint_of(key)
        self._most_bytes = pool.limits.head_bytes
        self._most_fields = pool.limits.head_fields
        self._parser = HttpResponseParser(self)
        self.exchange: Exchange | Hedge | None = None
        self.kept = False
        self.idle_since = 0.0
        self.paused = False
        self.secured = False
        self._fed = 0
        self._span = 0
        self.held = False
        self._lost = False
        self._repeat: RepeatedResponse | None = None
        self._misses = 0
        # Nothing of the present response has come.
        self._fresh = True
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

    def send(self, exchange: Exchange | Hedge, data: bytes) -> None:
        """Take up an exchange with its first bytes."""
        self.exchange = exchange
        self._fresh = True
        self.transport.write(data)

    def give_back(self, now: float) -> None:
        """The exchange is over, and the connection as good as before."""
        self.exchange = None
        if self.held or self.paused or self.transport.is_closing():
            self.release(not self.paused, skipped_body=False)
        else:
            self._pool.put(self._key, self, now)

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
            self._pool.put(self._key, self, self._pool.clock())
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

    def interrupts(self) -> bool:
        """An answer may have come that the loop has not told us of. Over TLS nobody can say: it
        brings words of its own too, for which a body must not wait."""
        return not (self.held or self.secured) and self.readable()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Set up."""
        self.transport = cast(asyncio.Transport, transport)
        self.secured = isinstance(transport, TlsStream)

    def data_received(self, data: bytes) -> None:
        """Bytes of a response, or bytes that nobody asked for."""
        exchange = self.exchange
        if exchange is None:
            # An answer to no request: what follows could be taken for the answer to the next one.
            self.transport.abort()
            return
        fresh = self._fresh
        if fresh:
            same = self._repeat
            if same is not None:
                if (
                    same.size == len(data)
                    and data.startswith(same.raw)
                    and exchange.answered(same.head, data[len(same.raw) :])
                ):
                    self._misses = 0
                    return
                self._misses += 1
            self._fresh = False
            self._begin()
        self._fed = len(data)
        self._barren += self._fed
        self._span += self._fed
        try:
            self._parser.feed_data(data)
        except HttpParserUpgrade as upgrade:
            if not self.broken and exchange.tunnel is not None:
                exchange.tunnel.open(data[upgrade.args[0] :])
                return
            self.broken = self.broken or "switched protocols unasked"
        except HttpParserError as error:
            self.broken = self.broken or str(error)
        if self._barren > self._most_bytes:
            self.broken = self.broken or TOO_LARGE
        elif self._span > self._most_bytes or len(self._fields) > self._most_fields:
            self._check_size(self._fields)
        if self.over:
            if self.broken:
                self.extra = True
            elif fresh and not self.extra and worth_remembering(self._misses):
                self._remember(exchange, data)
        exchange.upstream_progress()

    def _remember(self, exchange: Exchange | Hedge, data: bytes) -> None:
        """The segment is a whole response: its head may come again."""
        response, request = exchange.response, exchange.head
        assert response is not None and request is not None
        size = len(data) - response.length
        if (
            response.body == BY_LENGTH
            and request.plain
            and size <= LARGEST_HEAD_BYTES
            and not (self._interim or response.close_upstream or response.close_downstream)
            # A Date of ours would not stay true; every report is another one; and a request to
            # wait is acted upon each time.
            and response.dated
            and not (response.load_report or response.retry_after)
            # What a next node tells of the way is heard each time.
            and not self._stats.endpoint.proxy_node
            # An error may be a reason to ask somebody else, which depends on the request.
            and response.status < 400
        ):
            self._repeat = RepeatedResponse(data[:size], len(data), response)

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
            self._pool.discard(self._key, self)
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
                self.broken = exchange.switch(self._reason, self._fields)
            elif self._interim > MAX_INTERIM or status < 100:
                self.broken = "too many interim responses" if status >= 100 else f"status {status}"
            else:
                try:
                    exchange.interim(status, self._reason, self._fields)
                except BadUpstream as error:
                    self.broken = str(error)
            self._fields = []
            self._reason = b""
            return
        fields = self._fields
        self._head_read = True
        self._fields = self.trailers
        self.broken = exchange.response_head(
            status, self._reason, parser.get_http_version(), fields
        )
        response = exchange.response
        if response is not None and response.body == NO_BODY:
            self.over = True

    def on_body(self, data: bytes) -> None:
        """Bytes of the body, without their framing."""
        self._barren = 0
        if self.over:
            self.extra = True
        elif not self._head_read:
            # RFC 9110 section 15.2: there is none; what goes on would be taken for an answer.
            self.broken = self.broken or "an interim response with a body"
        elif self.exchange is not None and not self.broken:
            self.exchange.response_body(data)

    def on_message_complete(self) -> None:
        """The response has ended; so has each interim one."""
        if self._head_read and not self.over:
            if self.trailers:
                self._check_size(self.trailers)
                self._heed_trailers()
            if not self.broken:
                self.over = True

    def _heed_trailers(self) -> None:
        """Do not use a connection again whose trailers speak of it. They are not to (RFC 9110
        section 6.5.1), but the parser heeds them and would not read another answer."""
        response = self.exchange.response if self.exchange is not None else None
        if response is not None and not self._parser.should_keep_alive():
            response.close_upstream = True

    def _check_size(self, fields: Fields) -> None:
        """Refuse more than is allowed in a head, or behind a body."""
        if len(fields) > self._most_fields or size_of(fields) > self._most_bytes:
            self.broken = self.broken or TOO_LARGE
