"""The client's side: a protocol that reads requests, in turn, and writes their answers.

A client may send several requests without waiting (pipelining); the parser hands them over in one
go. They queue here, reading stops while they do, and each starts when the one before is answered.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, cast

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser

from load_balancer.errors import NoCandidate
from load_balancer.forwarding.answers import answer, problem
from load_balancer.forwarding.exchange import Exchange
from load_balancer.forwarding.heads import Peer, Refusal, read_request

if TYPE_CHECKING:
    from load_balancer.forwarding.listener import Listener

LINGER_SECONDS = 2.0
"""How long what still comes is read and dropped after a refusal: closing at once would make the
kernel reset the connection, and the client might lose the answer that says why."""

RETRY_AFTER_SECONDS = 1


class ClientConnection(asyncio.Protocol):
    """One client's connection.

    Attributes:
        exchange: the one being answered.
        deadline: when something must have happened; the sweep asks.
        peer: who is at the other end.
        paused: the client does not take more bytes at the moment.
    """

    __slots__ = (
        "_closing",
        "_discarding",
        "_head_bytes",
        "_parser",
        "_parsing",
        "_queue",
        "_reading_paused",
        "deadline",
        "exchange",
        "listener",
        "paused",
        "peer",
        "transport",
    )

    transport: asyncio.Transport
    peer: Peer

    def __init__(self, listener: Listener) -> None:
        self.listener = listener
        self.exchange: Exchange | None = None
        self.deadline = 0.0
        self.paused = False
        self._parser = HttpRequestParser(self)
        self._parsing: Exchange | None = None
        self._queue: deque[Exchange] = deque()
        self._head_bytes = 0
        self._reading_paused = False
        self._closing = False
        self._discarding = False

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Accept, or turn away when there are too many."""
        self.transport = cast(asyncio.Transport, transport)
        listener = self.listener
        name = transport.get_extra_info("peername")
        address = str(name[0]) if name else "unknown"
        self.peer = listener.peer(address)
        self.deadline = listener.time() + listener.deadlines.head_seconds
        if not listener.admit(self):
            self._queue.append(self._refused(Refusal(503, "connections", "too many connections")))
            self._advance()

    def data_received(self, data: bytes) -> None:
        """Bytes of requests."""
        if self._closing:
            return
        if self._head_bytes == 0 and self.exchange is None:
            self.deadline = self.listener.time() + self.listener.deadlines.head_seconds
        self._feed(data)
        parsing = self._parsing
        if parsing is not None and parsing.head is None and parsing.refusal is None:
            # The head is not whole yet: httptools may hold a long line that no callback has seen.
            self._head_bytes += len(data)
            if self._head_bytes > self.listener.limits.head_bytes * 2:
                parsing.refusal = Refusal(431, "head_size", "the request head is too large")
                self._queue.append(parsing)
        exchange = self.exchange
        if exchange is not None and (exchange.buffered or exchange.received):
            if exchange is parsing or exchange.buffered:
                self._forward(exchange)
        elif exchange is None:
            self._advance()
        self.update_reading()

    def _forward(self, exchange: Exchange) -> None:
        if exchange.refusal is not None:
            self._body_broken(exchange)
        else:
            exchange.forward()

    def _feed(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except HttpParserUpgrade as upgrade:
            # The client would like another protocol and is not given it (RFC 9110 section 7.8):
            # the request was handed over without its Upgrade field, what follows is HTTP again.
            if not self._queue or self._queue[-1].refusal is None:
                self._parser = HttpRequestParser(self)
                rest = data[upgrade.args[0] :]
                if rest:
                    self._feed(rest)
        except HttpParserError as error:
            self._broken(str(error))

    def _broken(self, why: str) -> None:
        """What came cannot be read. What was whole before it is answered first."""
        parsing = self._parsing
        if parsing is None or parsing.received:
            parsing = Exchange(self)
        if parsing.refusal is None:
            parsing.refusal = Refusal(400, "syntax", f"the request cannot be read: {why}")
        if parsing is self.exchange:
            self._body_broken(parsing)
        elif parsing not in self._queue:
            self._queue.append(parsing)

    def _body_broken(self, exchange: Exchange) -> None:
        """The body under way turned out malformed: the endpoint must not take it for whole."""
        refusal = exchange.refusal
        assert refusal is not None
        exchange.client_gone()
        if exchange.begun:
            self.abort()
        else:
            self.refuse(refusal)

    def eof_received(self) -> bool:
        """The client is done; whoever closes its side while it waits has gone."""
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone, by whomever."""
        self._closing = True
        self._queue.clear()
        self.listener.forget(self)
        exchange = self.exchange
        self.exchange = None
        if exchange is not None:
            exchange.client_gone()

    def pause_writing(self) -> None:
        """The client reads slowly: stop taking from the endpoint."""
        self.paused = True
        exchange = self.exchange
        if exchange is not None and exchange.upstream is not None:
            exchange.upstream.transport.pause_reading()

    def resume_writing(self) -> None:
        """The client has caught up."""
        self.paused = False
        exchange = self.exchange
        if exchange is not None and exchange.upstream is not None:
            self.deadline = self.listener.time() + self.listener.deadlines.idle_seconds
            exchange.upstream.transport.resume_reading()

    # httptools callbacks

    def on_message_begin(self) -> None:
        """A request starts."""
        self._parsing = Exchange(self)
        self._head_bytes = 1

    def on_url(self, data: bytes) -> None:
        """The request target, possibly in pieces."""
        parsing = self._parsing
        assert parsing is not None
        parsing.target += data
        if len(parsing.target) > self.listener.limits.target_bytes and parsing.refusal is None:
            parsing.refusal = Refusal(414, "target_size", "the request target is too long")

    def on_header(self, name: bytes, value: bytes) -> None:
        """A field of the head, or of the trailers."""
        parsing = self._parsing
        assert parsing is not None
        self._head_bytes += len(name) + len(value) + 4
        limits = self.listener.limits
        fields = parsing.fields if parsing.head is None else parsing.trailers
        if self._head_bytes > limits.head_bytes or len(fields) >= limits.head_fields:
            if parsing.refusal is None:
                parsing.refusal = Refusal(431, "head_size", "the request head is too large")
        else:
            fields.append((name, value))

    def on_headers_complete(self) -> None:
        """The head is whole: judge it."""
        parsing = self._parsing
        assert parsing is not None
        self._head_bytes = 1
        if parsing.refusal is None:
            parser = self._parser
            try:
                parsing.head = read_request(
                    parser.get_method(),
                    parsing.target,
                    parser.get_http_version(),
                    parsing.fields,
                    self.peer,
                    self.listener.request_id(),
                )
            except Refusal as refusal:
                parsing.refusal = refusal
        self._queue.append(parsing)

    def on_body(self, data: bytes) -> None:
        """Bytes of the body, without their framing."""
        parsing = self._parsing
        assert parsing is not None
        if parsing.refusal is None:
            parsing.add_body(data)

    def on_message_complete(self) -> None:
        """The request has ended."""
        parsing = self._parsing
        assert parsing is not None
        parsing.received = True
        self._head_bytes = 0

    # What the exchange asks for.

    def update_reading(self) -> None:
        """Take more from the client only while it can be passed on."""
        exchange = self.exchange
        if self._closing:
            pause = not self._discarding
        elif exchange is None:
            pause = False
        elif self._queue:
            pause = True
        elif exchange.upstream is None:
            pause = exchange.buffered >= self.listener.limits.buffer_bytes
        else:
            pause = exchange.upstream.paused
        if pause != self._reading_paused and not self.transport.is_closing():
            self._reading_paused = pause
            if pause:
                self.transport.pause_reading()
            else:
                self.transport.resume_reading()

    def send(self, data: bytes) -> None:
        """Bytes of a response."""
        self.transport.write(data)

    def exchange_over(self, close: bool) -> None:
        """The response is whole."""
        exchange = self.exchange
        self.exchange = None
        if close or self._closing:
            self._close(linger=exchange is not None and not exchange.received)
            return
        if self._queue:
            self._advance()
        else:
            self.deadline = self.listener.time() + self.listener.deadlines.idle_seconds
        if self._reading_paused:
            self.update_reading()

    def answer(self, status: int, content_type: str, body: bytes) -> None:
        """Answer the present request with a page of our own."""
        exchange = self.exchange
        assert exchange is not None and exchange.head is not None
        head = exchange.head
        close = not head.keep_alive or not exchange.received or self.listener.draining
        self.send(
            answer(
                status,
                content_type,
                body,
                self.listener.date,
                close=close,
                modern=head.modern,
                head_only=head.method == "HEAD",
            )
        )
        self.exchange_over(close)

    def answer_error(self, status: int, label: str, detail: str) -> None:
        """Answer the present request with an error that is not the client's doing."""
        exchange = self.exchange
        assert exchange is not None and exchange.head is not None
        head = exchange.head
        close = not head.keep_alive or not exchange.received or self.listener.draining
        counters = self.listener.node.counters
        counters.refused(label)
        counters.answered(status)
        self.send(
            problem(
                status,
                detail,
                head.request_id,
                self.listener.date,
                close=close,
                accepts_json=head.accepts_json,
                modern=head.modern,
                head_only=head.method == "HEAD",
                retry_after=RETRY_AFTER_SECONDS if status == 503 else None,
            )
        )
        self.exchange_over(close)

    def refuse(self, refusal: Refusal) -> None:
        """Answer what cannot be forwarded, and close: what follows cannot be trusted either."""
        counters = self.listener.node.counters
        counters.refused(refusal.label)
        counters.answered(refusal.status)
        head = self.exchange.head if self.exchange is not None else None
        self.send(
            problem(
                refusal.status,
                refusal.reason,
                head.request_id if head else self.listener.request_id().decode("ascii"),
                self.listener.date,
                close=True,
                accepts_json=head.accepts_json if head else False,
                retry_after=RETRY_AFTER_SECONDS if refusal.status == 503 else None,
            )
        )
        self.exchange = None
        self._close(linger=True)

    def abort(self) -> None:
        """Cut the connection, so that nobody takes what came for a whole answer."""
        self._closing = True
        self.transport.abort()

    def expired(self) -> None:
        """The deadline has passed."""
        if self.exchange is not None:
            self.exchange.expired()
        elif self._closing:
            self.transport.abort()
        elif self._head_bytes:
            self.refuse(Refusal(408, "head_timeout", "the request head did not come in time"))
        else:
            self._close(linger=False)

    def finish(self) -> None:
        """Take no more requests; close when the present one is answered."""
        if self.exchange is None and not self._queue:
            self._close(linger=False)

    def _advance(self) -> None:
        """Start the next request, and go on while they are answered at once."""
        while self.exchange is None and self._queue and not self._closing:
            exchange = self._queue.popleft()
            self.exchange = exchange
            if exchange.refusal is not None:
                self.refuse(exchange.refusal)
                return
            try:
                exchange.start()
            except NoCandidate as error:
                self.answer_error(error.status, error.label, "no endpoint can take the request")

    def _refused(self, refusal: Refusal) -> Exchange:
        exchange = Exchange(self)
        exchange.refusal = refusal
        return exchange

    def _close(self, linger: bool) -> None:
        self._closing = True
        self._queue.clear()
        if not linger or not self.transport.can_write_eof():
            self.transport.close()
            return
        self._discarding = True
        self.deadline = self.listener.time() + LINGER_SECONDS
        self.transport.write_eof()
        self.update_reading()
