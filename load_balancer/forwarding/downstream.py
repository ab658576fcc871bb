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
from load_balancer.forwarding import endings, pace, replies, starting
from load_balancer.forwarding.exchange import Exchange
from load_balancer.forwarding.heads import Refusal
from load_balancer.forwarding.pace import Window
from load_balancer.forwarding.peer import Peer
from load_balancer.forwarding.reader import RequestReader
from load_balancer.forwarding.repeat import LARGEST_HEAD_BYTES, RepeatedRequest, remembered
from load_balancer.forwarding.tls import asked_of, version_of
from load_balancer.forwarding.tunnel import end_writing

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

_NO_LINGER = struct.pack("ii", 1, 0)


class ClientConnection(asyncio.Protocol):
    """One client's connection.

    Attributes:
        exchange: the one being answered.
        deadline: when something must have happened; the sweep asks.
        peer: who is at the other end.
        paused: the client does not take more bytes at the moment.
        window: what its pace is measured from.
    """

    __slots__ = (
        "_advancing",
        "_closing",
        "_discarding",
        "_last",
        "_linger_until",
        "_reading",
        "_reading_paused",
        "_ready",
        "_repeat",
        "_unsent",
        "deadline",
        "exchange",
        "half_closed",
        "listener",
        "paused",
        "peer",
        "transport",
        "window",
    )

    transport: asyncio.Transport
    peer: Peer

    def __init__(self, listener: Listener) -> None:
        self.listener = listener
        self.exchange: Exchange | None = None
        self.deadline = 0.0
        self.paused = False
        self.window: Window | None = None
        # None while nothing of a request has come: most of an idle connection would be its reader.
        self._reading: RequestReader | None = None
        self._repeat: RepeatedRequest | None = None
        self._last = 0
        # No request is being read, or waits, or is being answered, and one may be.
        self._ready = True
        self._reading_paused = self._advancing = self._closing = False
        self._discarding = self.half_closed = False
        self._linger_until = 0.0
        self._unsent = inf

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Accept, or turn away when there are too many."""
        name = transport.get_extra_info("peername")
        self.begin(cast(asyncio.Transport, transport), str(name[0]) if name else "unknown")

    def begin(self, transport: asyncio.Transport, address: str) -> None:
        """The connection is ready for requests, of a peer at this address."""
        self.transport = transport
        listener = self.listener
        self.peer = listener.peer(address, version_of(transport), asked_of(transport))
        self.deadline = listener.time() + listener.deadlines.head_seconds
        label = listener.admit(self)
        if label:
            status = 503 if label == "connections" else 429
            self.refuse(Refusal(status, label, "too many connections"))

    def data_received(self, data: bytes) -> None:
        """Bytes of requests."""
        ready = self._ready
        if ready:
            self._ready = False
            same = self._repeat
            if same is not None:
                if same.data == data:
                    self.exchange = repeated = Exchange(self)
                    try:
                        starting.repeat(repeated, same)
                    except NoCandidate as error:
                        self._no_candidate(error)
                    return
                self._repeat = None
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
            only = reader.parsing if ready and reader.whole() else None
            self._advance()
            # An answer from the cache is over by now, and its request may come again as well.
            if only is not None and (self.exchange is only or only.cached is not None):
                self._remember(only, data)
        elif exchange.refusal is not None:
            self._body_broken(exchange, exchange.refusal)
        else:
            exchange.forward()
        exchange = self.exchange
        if (
            self._reading_paused
            or self._closing
            or reader.queue
            or reader.switching is not None
            or (exchange is not None and exchange.body is not None)
        ):
            self.update_reading()

    def _remember(self, exchange: Exchange, data: bytes) -> None:
        """The segment is a whole request that has been sent on: it may come again."""
        digest = hash(data) if len(data) <= LARGEST_HEAD_BYTES else 0
        last, self._last = self._last, digest
        # At its second time: most of what comes once does not come again.
        if digest and digest == last:
            self._repeat = remembered(data, exchange)

    def _body_broken(self, exchange: Exchange, refusal: Refusal) -> None:
        """The body under way turned out malformed: the endpoint must not take it for whole."""
        if exchange.begun:
            endings.client_gone(exchange)
            self.abort()
        else:
            endings.let_go(exchange)
            self.refuse(refusal)

    def eof_received(self) -> bool:
        """The client is done; who closes its side while it waits has gone, unless configured."""
        if self.listener.settings.half_closed == "drop" or not self.transport.can_write_eof():
            return False
        exchange = self.exchange
        self.half_closed = exchange is not None and (exchange.received or bool(self._reader.queue))
        return self.half_closed

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone, by whomever."""
        self._closing = True
        self._ready = False
        self._drop_queue()
        self.listener.forget(self)
        exchange = self.exchange
        self.exchange = None
        if exchange is not None:
            endings.client_gone(exchange)

    def pause_writing(self) -> None:
        """The client reads slowly: stop taking from the endpoint."""
        self.paused = True
        self._ready = False
        exchange = self.exchange
        if exchange is not None:
            pace.hold(exchange)

    def resume_writing(self) -> None:
        """The client has caught up."""
        self.paused = False
        exchange = self.exchange
        if exchange is None:
            self._advance()
            self.update_reading()
        else:
            pace.go_on(exchange)

    # What the exchange asks for.

    def update_reading(self) -> None:
        """Take more from the client only while it can be passed on."""
        exchange = self.exchange
        queue = self._reader.queue
        if self._closing:
            pause = not self._discarding
        elif self._reader.switching is not None:
            pause = len(self._reader.held) >= self.listener.limits.buffer_bytes
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

    def held_back(self) -> bytes:
        """What came behind a request that has switched protocols; once."""
        held, self._reader.held = self._reader.held, b""
        return held

    @property
    def cut(self) -> bool:
        """It was aborted, or is gone."""
        return self._closing

    def exchange_over(self, close: bool, now: float) -> None:
        """The response is whole."""
        exchange = self.exchange
        assert exchange is not None and exchange.head is not None
        self.exchange = None
        listener = self.listener
        reader = self._reading
        if reader is not None and reader.switching is exchange:
            reader.stay()
        left = self.half_closed and not self._reader.queue
        if close or self._closing or listener.draining or left:
            # Whoever did not ask for the end may be sending the next request.
            self._close(linger=not exchange.received or exchange.head.keep_alive)
            return
        deadlines = listener.deadlines
        if (reader is None or reader.idle) and not (self._reading_paused or self.paused):
            if reader is not None:
                reader.parsing = None
            self.deadline = now + deadlines.idle_seconds
            self._ready = True
            return
        reader = self._reader
        # Bytes of the next head may have come behind the request that is over.
        started = reader.parsing is not exchange and reader.started
        self.deadline = now + (deadlines.head_seconds if started else deadlines.idle_seconds)
        if reader.queue and not self._advancing:
            self._advance()
        if self._reading_paused:
            self.update_reading()

    def answer(self, content_type: str, body: bytes) -> None:
        """Answer the present request with a page of our own."""
        self.exchange_over(replies.page(self, content_type, body), self.listener.time())

    def answer_error(self, status: int, label: str, detail: str) -> None:
        """Answer the present request with an error that is not the client's doing."""
        if self.exchange is None or not self.exchange.saved(status, label):
            self.exchange_over(replies.error(self, status, label, detail), self.listener.time())

    def refuse(self, refusal: Refusal) -> None:
        """Answer what cannot be forwarded, and close: what follows cannot be trusted either."""
        replies.refusal(self, refusal)
        self.exchange = None
        self._close(linger=True)

    def abort(self) -> None:
        """Cut the connection, so that nobody takes what came for a whole answer."""
        self._closing = True
        self._ready = False
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
            endings.expired(self.exchange)
        elif self._reading is not None and self._reading.started:
            self.refuse(Refusal(408, "head_timeout", "the request head did not come in time"))
        else:
            self._close(linger=False)

    @property
    def idle(self) -> bool:
        """No request is under way, nor has one begun to come."""
        reading = self._reading
        return (
            self.exchange is None
            and not self._closing
            and (reading is None or not (reading.started or reading.queue))
        )

    @property
    def reading_paused(self) -> bool:
        """Nothing is taken from the client at the moment."""
        return self._reading_paused

    def forget(self) -> None:
        """Hold nothing of the last request."""
        self._repeat = self.peer.asked = None
        if self._ready:
            self._reading = None

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
                exchange = self.exchange = queue.pop(0)
                if exchange.refusal is not None:
                    self.refuse(exchange.refusal)
                    return
                try:
                    starting.start(exchange)
                except NoCandidate as error:
                    self._no_candidate(error)
                if queue and self.transport.is_closing():
                    return  # the client has gone, which its connection tells in the next turn
        finally:
            self._advancing = False

    @property
    def _reader(self) -> RequestReader:
        reader = self._reading
        if reader is None:
            reader = self._reading = RequestReader(self)
        return reader

    def _drop_queue(self) -> None:
        if self._reading is not None:
            self._reading.queue.clear()

    def _no_candidate(self, error: NoCandidate) -> None:
        self.answer_error(error.status, error.label, error.text)

    def _close(self, linger: bool) -> None:
        self._closing = True
        self._ready = False
        self._drop_queue()
        now = self.listener.time()
        if not linger or self.half_closed or self.transport.is_closing():
            self.deadline = now + self.listener.deadlines.idle_seconds
            self.transport.close()
            return
        self._discarding = True
        self._linger_until = now + LONGEST_LINGER_SECONDS
        self.deadline = now + LINGER_SECONDS
        end_writing(self.transport)
        self.update_reading()
