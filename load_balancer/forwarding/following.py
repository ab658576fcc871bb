"""A request that waits for what another one is just fetching, and is fed from its answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from load_balancer.caching.cache_status import cache_status
from load_balancer.caching.vocabulary import CacheRequest, Lookup, Stored
from load_balancer.forwarding import cached, endings
from load_balancer.forwarding.account import hit_lines
from load_balancer.forwarding.fields import Fields
from load_balancer.forwarding.live_cache import LiveCache, Part
from load_balancer.forwarding.recording import Reader, Recording
from load_balancer.forwarding.responses import BadUpstream

if TYPE_CHECKING:
    from load_balancer.forwarding.exchange import Exchange
    from load_balancer.forwarding.fetch import Fetch


class Follower(Part):
    """See the module's text."""

    __slots__ = (
        "_again",
        "_exchange",
        "_fetch",
        "_live",
        "_lookup",
        "_reader",
        "_request",
        "_turns",
    )

    def __init__(
        self,
        live: LiveCache,
        exchange: Exchange,
        request: CacheRequest,
        lookup: Lookup,
        fetch: Fetch,
        turns: int,
        again: Callable[[Exchange, int], None],
    ) -> None:
        """
        Args:
            turns: how often it may wait, this time included.
            again: asks the cache once more, if there is nothing to wait for.
        """
        super().__init__("collapsed")
        self._live = live
        self._exchange = exchange
        self._request = request
        self._lookup = lookup
        self._fetch = fetch
        self._turns = turns
        self._again = again
        self._reader: Reader | None = None
        fetch.followers[self] = None

    def begin(self, recording: Recording, now: float) -> None:
        """There is a head: take it, and what has come of the body, if it is for this one too."""
        live, fetch, exchange = self._live, self._fetch, self._exchange
        wall = live.clock()
        if not recording.from_start or not live.cache.shareable(
            self._request, fetch.request, recording.status, recording.fields, wall
        ):
            self._go_alone()
            return
        fetch.followers.pop(self, None)
        reader = Reader(exchange, recording, lambda now: cached.over(exchange, now))
        text = cache_status(
            exchange.client.listener.node_name, self._lookup, recording.status, collapsed=True
        )
        more = b"Cache-Status: %b\r\n" % text if live.settings.expose_status else b""
        more = hit_lines(exchange, now) + more
        try:
            reader.begin(more, aged(recording.fields, int(wall - fetch.answered_at)))
        except BadUpstream:
            reader.leave()
            self._go_alone()
            return
        self._reader = reader
        live.collapsed += 1
        exchange.first_byte_at = now
        fetch.room()
        reader.feed(now)

    def freshened(self, fetch: Fetch, stored: Stored, wall: float, now: float) -> None:
        """The response that it would have asked to validate has been, just now."""
        live, exchange = self._live, self._exchange
        cache = live.cache
        if not cache.shareable(
            self._request, fetch.request, stored.status, list(stored.fields), wall
        ):
            self._go_alone()
            return
        live.collapsed += 1
        text = cache_status(exchange.client.listener.node_name, self._lookup, 304, collapsed=True)
        cached.answer(exchange, cache.answer(self._request, stored, wall), text, now)

    def saved(self, stored: Stored | None, status: int | None, now: float) -> None:
        """What it waited for was an error, for which a stale response stands in.

        Args:
            status: of the error, None if there was no answer.
        """
        live, found = self._live, None
        if stored is not None and self._lookup.stored is stored:
            found = live.cache.stale_on_error(self._request, stored, live.clock(), status)
        if found is None:
            self.released(-1)
            return
        live.collapsed += 1
        cached.answer_found(self._exchange, found, now)

    def released(self, turns: int) -> None:
        """There is nothing to wait for: see for itself.

        Args:
            turns: see Fetch.
        """
        self._again(self._exchange, self._turns - 1 if turns < 0 else turns)

    def go_on(self, exchange: Exchange) -> None:
        """See Part."""
        if self._reader is not None:
            now = exchange.client.listener.time()
            self._reader.go_on(now)
            self._fetch.room()

    def expired(self, exchange: Exchange, now: float) -> bool:
        """See Part."""
        client = exchange.client
        if self._reader is None:
            self._go_alone()
        elif client.paused:
            endings.client_gone(exchange)
            client.abort()
        else:
            # It is the fetch's turn, which has a deadline of its own.
            client.deadline = now + client.listener.deadlines.idle_seconds
        return True

    def over(self, exchange: Exchange) -> None:
        """See Part. Its client may have gone."""
        if self._reader is not None:
            self._reader.leave()
        self._fetch.left(self)

    def _go_alone(self) -> None:
        self._fetch.left(self)
        self._again(self._exchange, 0)


def aged(fields: Fields, seconds: int) -> Fields:
    """The field lines of a response that came so many seconds ago (RFC 9111 section 5.1)."""
    if seconds <= 0:
        return fields
    age = 0
    for name, value in fields:
        if name.lower() == b"age" and value.isdigit() and len(value) < 10:
            age = int(value)
    kept = [field for field in fields if field[0].lower() != b"age"]
    return [*kept, (b"Age", b"%d" % (age + seconds))]
