"""The cache of one node on its data path: what is stored, what is just being fetched, and for whom.

The decisions are ``caching``'s; this knows the time, and what several requests have in common.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from config.balancer import LoadBalancer
from config.caching import CacheSettings
from load_balancer.caching.cache import Cache
from load_balancer.caching.vocabulary import CacheRequest, Overflow
from load_balancer.forwarding.fields import Fields
from load_balancer.forwarding.heads import NO_BODY, RequestHead
from load_balancer.forwarding.recording import Budget

if TYPE_CHECKING:
    from load_balancer.forwarding.exchange import Exchange
    from load_balancer.forwarding.fetch import Fetch

REMEMBERED_ALONE = 1024
"""Keys of which is remembered that their answers are nobody else's."""

ALONE_SECONDS = 10.0
"""For how long: meanwhile nobody waits for another one's answer that it cannot have."""


class Part:
    """What the cache has to do with one exchange. Here: nothing any more.

    Attributes:
        word: for the access log.
        head_bytes: of an answer that was not an endpoint's.
    """

    __slots__ = ("head_bytes", "word")

    def __init__(self, word: str) -> None:
        self.word = word
        self.head_bytes = 0

    # Of an exchange that was sent on.

    def head(
        self, exchange: Exchange, status: int, reason: bytes, version: str, fields: Fields
    ) -> str:
        """The final answer's head has come and is the exchange's; why it goes no further, or ""."""
        return ""

    @property
    def keeps(self) -> bool:
        """The answer is for the cache, and not for the client."""
        return False

    def line(self) -> bytes:
        """A field line for the forwarded answer."""
        return b""

    def body(self, data: bytes) -> None:
        """Bytes of the answer's body."""

    def progress(self, exchange: Exchange, now: float) -> None:
        """What has come of the answer has been written to the client."""

    def finished(self, exchange: Exchange, trailers: Fields, now: float) -> bool:
        """The answer is whole; whether the exchange goes on nevertheless."""
        return False

    def saves(self, exchange: Exchange, status: int, answered: bool) -> bool:
        """Whether it has answered in the stead of an error with this status, which an endpoint has
        ``answered`` or not."""
        return False

    def pauses(self, exchange: Exchange) -> bool:
        """Whether the endpoint is to be read from no further because the client is slow."""
        return True

    def goes_on(self, exchange: Exchange) -> bool:
        """Whether the endpoint is to be read from again, because the client takes more."""
        return True

    def go_on(self, exchange: Exchange) -> None:
        """The client takes more again of what is here."""

    def expired(self, exchange: Exchange, now: float) -> bool:
        """Nothing has moved for too long; whether that was looked after."""
        return False

    def stands_in(self, exchange: Exchange) -> bool:
        """Whether it has answered in the stead of an endpoint's answer that it would not have."""
        return False

    def wanted(self) -> bool:
        """Others want the answer, even if the client has gone."""
        return False

    def detach(self, exchange: Exchange) -> None:
        """The client has gone, and the exchange goes on for others."""

    def over(self, exchange: Exchange) -> None:
        """The exchange is over, by whatever."""


class LiveCache:
    """See the module's text.

    Attributes:
        cache: the store and its rules.
        settings: of the cache.
        clock: Unix seconds.
        fetches: requests under way whose answers others may have as well, by key.
        budget: of what is recorded.
        stalled: fetches that wait for their readers.
        purges: how often something was removed by hand.
        collapsed: requests that were answered by another one's.
    """

    __slots__ = (
        "_alone",
        "budget",
        "cache",
        "clock",
        "collapsed",
        "fetches",
        "purges",
        "settings",
        "stalled",
    )

    def __init__(
        self,
        settings: CacheSettings,
        clock: Callable[[], float],
        overflow: Overflow | None = None,
    ) -> None:
        """
        Args:
            overflow: where responses go that the store has no room for.
        """
        self.cache = Cache(settings, overflow)
        self.settings = settings
        self.clock = clock
        self.fetches: dict[str, Fetch] = {}
        self.budget = Budget(settings.memory_bytes)
        self.stalled: set[Fetch] = set()
        self.collapsed = 0
        self.purges = 0
        self._alone: dict[str, float] = {}

    def request(self, head: RequestHead, fields: Fields | None = None) -> CacheRequest:
        """A judged request as the cache sees it, with all its fields or these."""
        return CacheRequest(
            head.method,
            head.authority,
            head.path,
            head.fields if fields is None else fields,
            head.scheme,
            head.body != NO_BODY,
            head.wire,
        )

    def take_up(self, settings: CacheSettings, cache: Cache) -> None:
        """Other settings and another store; what is being fetched goes on."""
        self.settings = settings
        self.cache = cache
        self.budget.most = settings.memory_bytes

    def purge(self, key: str) -> int:
        """Remove what is stored of one key; how much it was. What is just being fetched may have
        been made before, and is not stored."""
        self.purges += 1
        self.fetches.pop(key, None)
        return self.cache.purge(key)

    def purge_prefix(self, prefix: str) -> int:
        """Likewise, of all keys that begin so."""
        self.purges += 1
        for key in [key for key in self.fetches if key.startswith(prefix)]:
            del self.fetches[key]
        return self.cache.purge_prefix(prefix)

    def changed(self, key: str) -> None:
        """A request may have changed what this key is of: the answer to one that came before it is
        not for those who come after it."""
        fetch = self.fetches.pop(key, None)
        if fetch is not None:
            fetch.outdated = True

    def alone(self, key: str, now: float) -> bool:
        """An answer of late was its client's only: the next will be, too."""
        until = self._alone.get(key)
        if until is None:
            return False
        if until > now:
            return True
        del self._alone[key]
        return False

    def not_shared(self, key: str, now: float) -> None:
        """An answer has come that is its client's only."""
        alone = self._alone
        alone.pop(key, None)
        if len(alone) >= REMEMBERED_ALONE:
            del alone[next(iter(alone))]
        alone[key] = now + ALONE_SECONDS

    def shared(self, key: str) -> None:
        """An answer has come that others may have as well."""
        if self._alone:
            self._alone.pop(key, None)

    def sweep(self, now: float) -> None:
        """Look after fetches that wait for those who read them."""
        for fetch in list(self.stalled):
            fetch.stall(now, self.settings.collapse_seconds)


def cache_for(
    settings: LoadBalancer, clock: Callable[[], float], overflow: Overflow | None = None
) -> LiveCache | None:
    """An empty cache as these settings want it, or none."""
    if not settings.cache.enabled:
        return None
    return LiveCache(settings.cache, clock, overflow)


def refilled(settings: CacheSettings, old: Cache, overflow: Overflow | None) -> Cache:
    """A cache with other bounds that holds what the old one does, as far as it fits."""
    new = Cache(settings, overflow)
    new.counters = old.counters
    new.held.evicted = old.held.evicted
    for stored in old:
        new.held.put(stored)
    return new
