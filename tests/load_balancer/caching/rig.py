"""A cache to ask, in front of an origin that answers what a test wants."""

from __future__ import annotations

import re
from typing import Any

from config.caching import CacheSettings
from load_balancer.caching.cache import Cache
from load_balancer.caching.dates import write_date
from load_balancer.caching.vocabulary import CacheRequest, Lookup, Overflow, Stored
from load_balancer.forwarding.fields import Fields

NOW = 1_800_000_000.0
FRESH = "Cache-Control: max-age=60"


def lines(*texts: str) -> Fields:
    """Field lines from ``Name: value``; the value ``{-5}`` is the date 5 seconds before NOW."""
    found = []
    for text in texts:
        name, _, value = text.partition(": ")
        if offset := re.fullmatch(r"\{(-?\d+)\}", value):
            value = date(float(offset[1]))
        found.append((name.encode("latin-1"), value.encode("latin-1")))
    return found


def date(offset: float = 0.0) -> str:
    """The date so many seconds after NOW."""
    return write_date(NOW + offset).decode("ascii")


def asking(
    *texts: str, method: str = "GET", target: str = "/a", has_body: bool = False
) -> CacheRequest:
    return CacheRequest(method, "example.com", target, lines(*texts), has_body=has_body)


class Rig:
    """See the module's text."""

    def __init__(self, overflow: Overflow | None = None, **settings: Any) -> None:
        self.cache = Cache(CacheSettings(enabled=True, **settings), overflow)

    def keep(
        self,
        *texts: str,
        request: CacheRequest | None = None,
        status: int = 200,
        body: bytes = b"hello",
        now: float = NOW,
        delay: float = 0.0,
    ) -> Stored | None:
        """Forward a request whose answer comes ``now``, and do with it what the data path does."""
        request = asking() if request is None else request
        fields = lines(*texts)
        self.cache.completed(request, status, fields, now - delay, now)
        if not self.cache.storable(request, status, fields, now):
            return None
        return self.cache.store(request, now - delay, now, status, b"OK", fields, body)

    def ask(
        self, *texts: str, after: float = 1.0, request: CacheRequest | None = None, **more: Any
    ) -> Lookup:
        """What is said of a request some seconds ``after`` NOW."""
        request = asking(*texts, **more) if request is None else request
        return self.cache.lookup(request, NOW + after)
