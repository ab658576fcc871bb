"""Answers from the cache, as they go to one client: at once, or piece by piece as it takes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from load_balancer.caching.cache_status import cache_status
from load_balancer.caching.vocabulary import Answer, Lookup
from load_balancer.errors import NoCandidate
from load_balancer.forwarding import endings
from load_balancer.forwarding.account import hit_lines
from load_balancer.forwarding.heads import BY_LENGTH
from load_balancer.forwarding.live_cache import Part
from load_balancer.forwarding.recording import PIECE_BYTES, Reader, whole
from load_balancer.forwarding.responses import ResponseHead
from metrics import access_record

if TYPE_CHECKING:
    from load_balancer.forwarding.exchange import Exchange


def place(exchange: Exchange) -> None:
    """Send it on, or tell its client why not."""
    client = exchange.client
    try:
        client.listener.placer.place(exchange, client.listener.time())
    except NoCandidate as error:
        client.answer_error(error.status, error.label, error.text)


def answer_found(exchange: Exchange, lookup: Lookup, now: float) -> None:
    """Answer with a HIT."""
    found, head, listener = lookup.answer, exchange.head, exchange.client.listener
    assert found is not None and head is not None
    if exchange.cached is None:
        exchange.cached = Part("stale" if lookup.ttl < 0 else "hit")
    told = listener.shaping is not None and exchange.account is not None
    if not head.plain or listener.draining or listener.tells_q or told:
        answer(exchange, found, cache_status(listener.node_name, lookup), now)
        return
    data = found.rendered
    if data is None:
        # Who asks for the same within one second gets the same head.
        data = found.rendered = _head(
            exchange, found, cache_status(listener.node_name, lookup), b""
        )
    _write(exchange, found, data, False, now)


def answer(exchange: Exchange, found: Answer, status: bytes, now: float) -> None:
    """Answer with what is stored.

    Args:
        status: the value of the Cache-Status field.
    """
    head, listener = exchange.head, exchange.client.listener
    assert head is not None
    more = hit_lines(exchange, now)
    close = not head.keep_alive or not exchange.received or listener.draining
    if close:
        more += b"Connection: close\r\n"
    elif not head.modern:
        more += b"Connection: keep-alive\r\n"
    _write(exchange, found, _head(exchange, found, status, more), close, now)


def _head(exchange: Exchange, found: Answer, status: bytes, more: bytes) -> bytes:
    listener = exchange.client.listener
    if listener.cache is not None and listener.cache.settings.expose_status:
        more += b"Cache-Status: %b\r\n" % status
    return b"%bVia: 1.1 %b\r\n%b\r\n" % (found.head, listener.node_name, more)


def _write(exchange: Exchange, found: Answer, head: bytes, close: bool, now: float) -> None:
    client, part = exchange.client, exchange.cached
    assert part is not None
    exchange.first_byte_at = now
    if len(found.body) > PIECE_BYTES:
        Piecewise(exchange, found, head, close)
        return
    part.head_bytes = len(head)
    data = head + found.body
    exchange.sent_bytes += len(data)
    client.transport.write(data)
    exchange.tell(access_record.CACHED, None, found.status, now)
    client.exchange_over(close, now)


class Piecewise(Part):
    """A stored body that is too large to be handed to a client's transport at once."""

    __slots__ = ("_reader",)

    def __init__(self, exchange: Exchange, found: Answer, head: bytes, close: bool) -> None:
        part = exchange.cached
        assert part is not None
        super().__init__(part.word)
        exchange.cached = self
        part.over(exchange)
        exchange.response = response = ResponseHead()
        response.status, response.wire = found.status, head
        response.body, response.length, response.chunk_out = BY_LENGTH, len(found.body), False
        response.load_report = response.retry_after = b""
        response.close_downstream = close
        exchange.outgoing().begin(response)
        self._reader = Reader(exchange, whole(found.body), lambda now: over(exchange, now))
        self._reader.feed(exchange.first_byte_at)

    def go_on(self, exchange: Exchange) -> None:
        """See Part."""
        self._reader.go_on(exchange.client.listener.time())

    def expired(self, exchange: Exchange, now: float) -> bool:
        """See Part."""
        if exchange.client.paused:
            endings.client_gone(exchange)
            exchange.client.abort()
        return True

    def over(self, exchange: Exchange) -> None:
        """See Part."""
        self._reader.leave()


def over(exchange: Exchange, now: float) -> None:
    """All of an answer that the cache gave has been handed to its client."""
    response = exchange.response
    assert response is not None
    exchange.tell(access_record.CACHED, None, response.status, now)
    exchange.client.exchange_over(response.close_downstream, now)
