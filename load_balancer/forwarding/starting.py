"""How an exchange begins: its turn on its connection has come and its head is judged. A part of the
exchange, apart for its length."""

from __future__ import annotations

from typing import TYPE_CHECKING

from load_balancer.caching.vocabulary import Kind
from load_balancer.errors import NoCandidate
from load_balancer.forwarding import endings
from load_balancer.forwarding.account import trace
from load_balancer.forwarding.cached import answer_found
from load_balancer.forwarding.consulting import begin
from load_balancer.forwarding.heads import RequestHead
from load_balancer.forwarding.json_field import JsonField
from rl.vocabulary import RequestContext

if TYPE_CHECKING:
    from load_balancer.forwarding.body import RequestBody
    from load_balancer.forwarding.exchange import Exchange
    from load_balancer.forwarding.repeat import RepeatedRequest


def repeat(exchange: Exchange, same: RepeatedRequest) -> None:
    """The request is byte for byte one that its connection sent before, and it is its turn.

    Raises:
        NoCandidate: no endpoint can take it, or its client's rule does not let it pass.
    """
    exchange.head = head = same.head
    exchange.received = True
    exchange.context = same.context
    listener = exchange.client.listener
    exchange.started = now = listener.time()
    if listener.shaping is not None and listener.shaping.holds(
        exchange, now, lambda: repeat(exchange, same)
    ):
        return
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
        NoCandidate: no endpoint can take it, or its client's rule does not let it pass.
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
    if listener.shaping is not None and listener.shaping.holds(
        exchange, now, lambda: start(exchange)
    ):
        return
    body = exchange.body
    if body is None or body.scan is None:
        _decide(exchange, head, head.affinity_key, now)
    else:
        _look_into(exchange, body, body.scan)


def _decide(exchange: Exchange, head: RequestHead, key: str | None, now: float) -> None:
    listener = exchange.client.listener
    read = listener.class_values
    exchange.context = RequestContext(
        head.method,
        head.path,
        head.domain,
        head.client,
        head.hops,
        head.length,
        key,
        () if read is None else read(head.fields),
    )
    if listener.tracer is not None:
        trace(exchange, listener.tracer)
    live = listener.cache
    # Who would like to switch protocols does not mean what is stored.
    if live is not None and not head.upgrade and begin(exchange, live, live.request(head), now):
        return
    listener.placer.place(exchange, now)


# A request whose affinity key is in its body waits for as much of that as may be needed.


def _look_into(exchange: Exchange, body: RequestBody, scan: JsonField) -> None:
    client = exchange.client
    listener, affinity = client.listener, client.listener.affinity
    # Who waits to be told to go on with the body is told so by the endpoint, which must be known.
    if scan.over or exchange.received or body.uninvited or affinity is None:
        _known(exchange, body, scan)
        return
    seconds = affinity.wait_seconds
    client.deadline = listener.time() + seconds + listener.deadlines.idle_seconds
    exchange.awaited = listener.loop.call_later(seconds, _resume, exchange)


def body_came(exchange: Exchange) -> None:
    """More of a body that is awaited, or its end."""
    body = exchange.body
    if body is None or body.scan is None or body.scan.over or exchange.received:
        _resume(exchange)


def _resume(exchange: Exchange) -> None:
    body, timer = exchange.body, exchange.awaited
    assert body is not None and body.scan is not None and timer is not None
    timer.cancel()
    exchange.awaited = None
    try:
        _known(exchange, body, body.scan)
    except NoCandidate as error:
        exchange.client.answer_error(error.status, error.label, error.text)


def _known(exchange: Exchange, body: RequestBody, scan: JsonField) -> None:
    """As much is known as is waited for."""
    head = exchange.head
    assert head is not None
    if exchange.received:
        scan.ended()
    body.scan = None
    key = scan.key if scan.over else None
    _decide(
        exchange, head, head.affinity_key if key is None else key, exchange.client.listener.time()
    )
