"""The client's side: a protocol that takes requests, in turn, and writes their answers.

A client may send several requests without waiting (pipelining). They queue; each starts when the
one before is answered and the client has taken enough of what it was sent.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from math import inf
from typing import TYPE_CHECKING, cast

from load_balancer.errors import NoCandidate
from load_balancer.forwarding.answers import answer, problem
from load_balancer.forwarding.exchange import Exchange
from load_balancer.forwarding.heads import Peer, Refusal
from load_balancer.forwarding.reader import RequestReader

if TYPE_CHECKING:
    from load_balancer.forwarding.listener import Listener

LINGER_SECONDS = 2.0
"""How long after a refusal the client may be silent before it is cut off. What it still sends is
read and dropped: closing at once would make the kernel reset the connection, and the client might
lose the answer that says why (RFC 9112 section 9.6)."""

LONGEST_LINGER_SECONDS = 30.0

PIPELINED = 16
"""Requests that wait behind the present one until no more are read: enough for who pipelines, and
reading on shows when the client leaves. One read of many small requests may exceed it."""

RETRY_AFTER_SECONDS = 1

_NO_LINGER = struct.pack("ii", 1, 0)


class ClientConnection(asyncio.Protocol):
    """One client's connection.

    Attributes:
        exchange: the one being answered.
        deadline: when something must have happened; the sweep asks.
        peer: who is at the other end.
        paused: the client does not take more bytes at the moment.
    """

    __slots__ = (
        "_advancing",
        "_closing",
        "_discarding",
        "_linger_until",
        "_reader",
        "_reading_paused",
        "_unsent",
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
        self._reader = RequestReader(self)
        self._reading_paused = False
        self._advancing = False
        self._closing = False
        self._discarding = False
        self._linger_until = 0.0
        self._unsent = inf

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
            self.refuse(Refusal(503, "connections", "too many connections"))

    def data_received(self, data: bytes) -> None:
        """Bytes of requests."""
        if self._closing:
            if self._discarding:
                self.deadline = min(self.listener.time() + LINGER_SECONDS, self._linger_until)
            return
        reader = self._reader
        exchange = self.exchange
        if exchange is None and not reader.started:
            self.deadline = self.listener.time() + self.listener.deadlines.head_seconds
        reader.feed(data)
        if exchange is None:
            self._advance()
        elif exchange.refusal is not None:
            self._body_broken(exchange, exchange.refusal)
        else:
            exchange.forward()
        exchange = self.exchange
        if (
            self._reading_paused
            or self._closing
            or reader.queue
            or (exchange is not None and exchange.body is not None)
        ):
            self.update_reading()

    def _body_broken(self, exchange: Exchange, refusal: Refusal) -> None:
        """The body under way turned out malformed: the endpoint must not take it for whole."""
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
        self._reader.queue.clear()
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
            exchange.upstream.hold()

    def resume_writing(self) -> None:
        """The client has caught up."""
        self.paused = False
        exchange = self.exchange
        if exchange is None:
            self._advance()
            self.update_reading()
        elif exchange.upstream is not None:
            self.deadline = self.listener.time() + self.listener.deadlines.idle_seconds
            exchange.upstream.go_on()

    # What the exchange asks for.

    def update_reading(self) -> None:
        """Take more from the client only while it can be passed on."""
        exchange = self.exchange
        queue = self._reader.queue
        if self._closing:
            pause = not self._discarding
        elif queue:
            last = queue[-1]
            pause = len(queue) > PIPELINED or last.refusal is not None or self._full(last)
        elif exchange is None or exchange.body is None:
            pause = False
        else:
            upstream = exchange.upstream
            pause = self._full(exchange) or (upstream is not None and upstream.paused)
        if pause != self._reading_paused and not self.transport.is_closing():
            self._reading_paused = pause
            if pause:
                self.transport.pause_reading()
            else:
                self.transport.resume_reading()

    def _full(self, exchange: Exchange) -> bool:
        body = exchange.body
        return body is not None and body.buffered >= self.listener.limits.buffer_bytes

    def send(self, data: bytes) -> None:
        """Bytes of a response."""
        self.transport.write(data)

    def exchange_over(self, close: bool) -> None:
        """The response is whole."""
        exchange = self.exchange
        assert exchange is not None and exchange.head is not None
        self.exchange = None
        listener = self.listener
        if close or self._closing or listener.draining:
            # Whoever did not ask for the end may be sending the next request.
            self._close(linger=not exchange.received or exchange.head.keep_alive)
            return
        reader = self._reader
        deadlines = listener.deadlines
        # Bytes of the next head may have come behind the request that is over.
        started = reader.parsing is not exchange and reader.started
        self.deadline = listener.time() + (
            deadlines.head_seconds if started else deadlines.idle_seconds
        )
        if reader.queue and not self._advancing:
            self._advance()
        if self._reading_paused:
            self.update_reading()

    def answer(self, status: int, content_type: str, body: bytes) -> None:
        """Answer the present request with a page of our own."""
        exchange = self.exchange
        assert exchange is not None and exchange.head is not None
        head = exchange.head
        close = not head.keep_alive or not exchange.received or self.listener.draining
        self.listener.node.counters.answered(status)
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
        head = None if self.exchange is None else self.exchange.head
        self.send(
            problem(
                refusal.status,
                refusal.reason,
                head.request_id if head else self.listener.request_id().decode("ascii"),
                self.listener.date,
                close=True,
                accepts_json=head is not None and head.accepts_json,
                head_only=head is not None and head.method == "HEAD",
                retry_after=RETRY_AFTER_SECONDS if refusal.status == 503 else None,
            )
        )
        self.exchange = None
        self._close(linger=True)

    def abort(self) -> None:
        """Cut the connection, so that nobody takes what came for a whole answer."""
        self._closing = True
        try:
            # By a reset: for a body that the connection's end delimits, any other is a good end.
            self.transport.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER
            )
        except OSError:
            pass  # the connection is gone
        self.transport.abort()

    def expired(self) -> None:
        """The deadline has passed."""
        if self._closing:
            unsent = self.transport.get_write_buffer_size()
            if not unsent:
                self.transport.abort()
            elif unsent >= self._unsent:
                self.abort()
            else:
                # The client still takes what was written before.
                self._unsent = unsent
                self.deadline = self.listener.time() + self.listener.deadlines.idle_seconds
        elif self.exchange is not None:
            self.exchange.expired()
        elif self._reader.started:
            self.refuse(Refusal(408, "head_timeout", "the request head did not come in time"))
        else:
            self._close(linger=False)

    def finish(self) -> None:
        """Take no more requests; close when the present one is answered."""
        if self.exchange is None and not self._closing:
            self._close(linger=False)

    def _advance(self) -> None:
        """Start the next request, and go on while they are answered at once."""
        queue = self._reader.queue
        self._advancing = True
        try:
            while queue and self.exchange is None and not self._closing and not self.paused:
                exchange = self.exchange = queue.popleft()
                if exchange.refusal is not None:
                    self.refuse(exchange.refusal)
                    return
                try:
                    exchange.start()
                except NoCandidate as error:
                    self.answer_error(error.status, error.label, "no endpoint can take the request")
        finally:
            self._advancing = False

    def _close(self, linger: bool) -> None:
        self._closing = True
        self._reader.queue.clear()
        now = self.listener.time()
        if not linger or self.transport.is_closing():
            self.deadline = now + self.listener.deadlines.idle_seconds
            self.transport.close()
            return
        self._discarding = True
        self._linger_until = now + LONGEST_LINGER_SECONDS
        self.deadline = now + LINGER_SECONDS
        self.transport.write_eof()
        self.update_reading()
