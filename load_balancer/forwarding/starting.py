"""How an exchange begins: its turn on its connection has come and its head is judged. A part of the
exchange, apart for its length."""

from __future__ import annotations

from typing import TYPE_CHECKING

from load_balancer.caching.vocabulary import Kind
from load_balancer.forwarding import endings
from load_balancer.forwarding.account import trace
from load_balancer.forwarding.cached import answer_found
from load_balancer.forwarding.consulting import begin
from rl.vocabulary import RequestContext

if TYPE_CHECKING:
    from load_balancer.forwarding.exchange import Exchange
    from load_balancer.forwarding.repeat import RepeatedRequest


def repeat(exchange: Exchange, same: RepeatedRequest) -> None:
    """The request is byte for byte one that its connection sent before, and it is its turn.

    Raises:
        NoCandidate: no endpoint can take it.
    """
    exchange.head = head = same.head
    exchange.received = True
    exchange.context = same.context
    listener = exchange.client.listener
    exchange.started = now = listener.time()
    live, cacheable, lookup = listener.cache, same.cacheable, None
    if live is not None and cacheable is not None:
        lookup = live.cache.lookup(cacheable, live.clock())
        if lookup.kind is Kind.HIT and not lookup.refresh and listener.access_log is None:
            answer_found(exchange, lookup, now)
            return
    if same.own_id:
        exchange.request_id = head.request_id
        exchange.wire = head.wire
    else:
        request_id = listener.request_id()
        exchange.request_id = request_id.decode("ascii")
        exchange.wire = b"%b%b\r\n\r\n" % (same.start, request_id)
    if listener.tracer is not None:
        trace(exchange, listener.tracer)
    if live is not None and cacheable is not None and begin(exchange, live, cacheable, now, lookup):
        return
    listener.placer.place(exchange, now)


def start(exchange: Exchange) -> None:
    """It is this request's turn on its connection.

    Raises:
        NoCandidate: no endpoint can take it.
    """
    head = exchange.head
    assert head is not None
    exchange.request_id = head.request_id
    exchange.wire = head.wire
    client = exchange.client
    listener = client.listener
    exchange.started = now = listener.time()
    page = listener.local.get(head.path)
    if page is None and "?" in head.path:
        page = listener.local.get(head.path.partition("?")[0])
    if page is not None and head.method in ("GET", "HEAD"):
        client.answer(*page())
        return
    if (head.hops or head.last) and endings.goes_no_further(exchange, head):
        return
    exchange.context = RequestContext(
        head.method,
        head.path,
        head.domain,
        head.client,
        head.hops,
        head.length,
        head.affinity_key,
    )
    if listener.tracer is not None:
        trace(exchange, listener.tracer)
    live = listener.cache
    # Who would like to switch protocols does not mean what is stored.
    if live is not None and not head.upgrade and begin(exchange, live, live.request(head), now):
        return
    listener.placer.place(exchange, now)
