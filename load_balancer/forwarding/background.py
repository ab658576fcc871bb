"""Exchanges that no client waits for: a stale response is validated after it has been served, and
a fetch goes on for others when the client that it began for has left.

Somebody has to stand where the client's connection would be. Nobody does: takes every byte and
drops it, is never slow, and goes when the exchange is over.
"""

from __future__ import annotations

import asyncio
import copy
from typing import TYPE_CHECKING

from load_balancer.caching.vocabulary import CacheRequest, Kind, Lookup
from load_balancer.forwarding import cached, endings
from load_balancer.forwarding.downstream import ClientConnection
from load_balancer.forwarding.exchange import Exchange
from load_balancer.forwarding.fetch import BACKGROUND, Fetch
from load_balancer.forwarding.live_cache import LiveCache
from load_balancer.forwarding.peer import Peer

if TYPE_CHECKING:
    from load_balancer.forwarding.heads import Refusal
    from load_balancer.forwarding.listener import Listener


CONDITIONS = frozenset(
    {
        b"range",
        b"if-range",
        b"if-match",
        b"if-none-match",
        b"if-modified-since",
        b"if-unmodified-since",
    }
)
"""Of the client that was answered: for its answer only."""


class Background:
    """The exchanges of one node that no client waits for.

    Attributes:
        members: what stands where their clients would.
        validations: so many stale responses were asked about.
        inherited: so many fetches went on without the client that they began for.
    """

    __slots__ = ("_listener", "inherited", "members", "validations")

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self.members: set[Nobody] = set()
        self.validations = 0
        self.inherited = 0

    def validate(
        self, exchange: Exchange, live: LiveCache, request: CacheRequest, lookup: Lookup
    ) -> None:
        """What the exchange is about to be answered with is stale: ask whether it is still good,
        if nobody does so already (RFC 5861 section 3)."""
        listener = self._listener
        if request.key in live.fetches or listener.draining:
            return
        if len(self.members) >= live.settings.background:
            return
        asked = exchange.head
        assert asked is not None
        head = copy.copy(asked)
        nobody = Nobody(self, listener, exchange.client.peer)
        own = nobody.exchange = Exchange(nobody)
        wire = exchange.wire
        if head.method == "HEAD":
            # The stored response is GET's.
            head.method, wire = "GET", b"GET" + wire[4:]
        head.plain = head.keep_alive = True
        own.head, own.wire, own.context = head, wire, exchange.context
        own.request_id = exchange.request_id
        own.started = listener.time()
        # It is no client's request, so there is nothing to tell of it.
        own.received = own.told = True
        removed = lookup.removed | CONDITIONS
        asking = Lookup(
            Kind.VALIDATE,
            lookup.forward,
            stored=lookup.stored,
            conditions=lookup.conditions,
            removed=removed,
            shared=True,
        )
        fields = [field for field in request.fields if field[0].lower() not in removed]
        own.cached = fetch = Fetch(live, own, live.request(head, fields), asking, leads=True)
        fetch.absent = True
        fetch.word = BACKGROUND
        self.validations += 1
        self.members.add(nobody)
        cached.place(own)

    def detach(self, exchange: Exchange) -> None:
        """The exchange's client has gone; it goes on for others."""
        client = exchange.client
        nobody = Nobody(self, self._listener, client.peer)
        nobody.exchange = exchange
        nobody.deadline = client.deadline
        client.exchange = None
        self.inherited += 1
        exchange.client = nobody
        self.members.add(nobody)

    def sweep(self, now: float) -> None:
        """Tell those whose deadline has passed."""
        for each in [each for each in self.members if each.deadline < now]:
            if each.deadline < now:
                each.expired()

    def cut(self) -> None:
        """End them all."""
        for each in list(self.members):
            each.abort()


class Nobody(ClientConnection):
    """Stands in for the connection of a client that is not there."""

    __slots__ = ("_background",)

    def __init__(self, background: Background, listener: Listener, peer: Peer) -> None:
        super().__init__(listener)
        self._background = background
        self.transport = Nowhere()
        self.peer = peer

    def update_reading(self) -> None:
        """There is nothing to read."""

    def exchange_over(self, close: bool, now: float) -> None:
        """The response is whole."""
        self._go()

    def answer(self, content_type: str, body: bytes) -> None:
        """Nobody is answered."""
        self._end()

    def answer_error(self, status: int, label: str, detail: str) -> None:
        """Nobody is told; those who wait for the answer see to themselves."""
        self._end()

    def refuse(self, refusal: Refusal) -> None:
        """Nobody is refused."""
        self._end()

    def abort(self) -> None:
        """Stop."""
        if self.exchange is not None:
            endings.let_go(self.exchange)
        self._end()

    def expired(self) -> None:
        """The deadline has passed."""
        if self.exchange is not None:
            endings.expired(self.exchange)

    def _end(self) -> None:
        exchange = self.exchange
        self._go()
        if exchange is not None and exchange.cached is not None:
            exchange.cached.over(exchange)

    def _go(self) -> None:
        self.exchange = None
        self._closing = True
        self._background.members.discard(self)


class Nowhere(asyncio.Transport):
    """Takes everything, at once."""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Drops it."""

    def get_write_buffer_size(self) -> int:
        """Nothing waits."""
        return 0

    def is_closing(self) -> bool:
        """It is as open as it ever was."""
        return False

    def close(self) -> None:
        """There is nothing to close."""

    def abort(self) -> None:
        """There is nothing to end."""

    def pause_reading(self) -> None:
        """Nothing comes."""

    def resume_reading(self) -> None:
        """Nothing comes."""
