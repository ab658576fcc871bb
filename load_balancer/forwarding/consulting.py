"""A request at the cache: answered from it, put to wait for another one, or sent on under its eyes.

Asked when a request begins, and again when what it waited for was not for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from load_balancer.caching.vocabulary import CacheRequest, Kind, Lookup
from load_balancer.forwarding import cached
from load_balancer.forwarding.fetch import Fetch
from load_balancer.forwarding.following import Follower
from load_balancer.forwarding.live_cache import LiveCache, Part

if TYPE_CHECKING:
    from load_balancer.forwarding.exchange import Exchange

TURNS = 2
"""So many requests may fail one after the other before who waited for them waits no more."""


def begin(
    exchange: Exchange,
    live: LiveCache,
    request: CacheRequest,
    now: float,
    lookup: Lookup | None = None,
    turns: int = TURNS,
) -> bool:
    """Let the cache see a request whose turn has come.

    Args:
        lookup: what it has said of it already.
        turns: how often it may wait for another one's answer.

    Returns:
        Whether it has been answered, or waits; otherwise it is to be sent on.
    """
    if lookup is None:
        lookup = live.cache.lookup(request, live.clock())
    kind = lookup.kind
    if kind is Kind.HIT:
        if lookup.refresh:
            exchange.client.listener.background.validate(exchange, live, request, lookup)
        cached.answer_found(exchange, lookup, now)
        return True
    if kind is Kind.ONLY_IF_CACHED:
        exchange.cached = Part("miss")
        exchange.client.answer_error(
            504, "only_if_cached", "nothing fit is stored, and nothing else was asked for"
        )
        return True
    leads = False
    if lookup.shared and live.settings.collapse and exchange.head is not None:
        leader = live.fetches.get(request.key)
        if leader is None:
            leads = not exchange.head.upgrade and not live.alone(request.key, now)
        elif turns > 0 and not exchange.head.own_hops:
            # Who has been here before may be what is being fetched, and would wait for itself.
            _follow(exchange, live, request, lookup, leader, turns, now)
            return True
    exchange.cached = Fetch(live, exchange, request, lookup, leads)
    return False


def _follow(
    exchange: Exchange,
    live: LiveCache,
    request: CacheRequest,
    lookup: Lookup,
    leader: Fetch,
    turns: int,
    now: float,
) -> None:
    exchange.cached = follower = Follower(live, exchange, request, lookup, leader, turns, again)
    exchange.client.deadline = now + live.settings.collapse_seconds
    if leader.recording is not None:
        follower.begin(leader.recording, now)


def again(exchange: Exchange, turns: int) -> None:
    """What a request waited for was not for it."""
    listener = exchange.client.listener
    live, head = listener.cache, exchange.head
    exchange.cached = None
    if (
        live is None
        or head is None
        or not begin(exchange, live, live.request(head), listener.time(), turns=turns)
    ):
        cached.place(exchange)
