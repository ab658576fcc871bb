"""How an exchange ends otherwise than well: who broke it off, who learns of it, and what the client
is told. A part of the exchange, apart for its length."""

from __future__ import annotations

from typing import TYPE_CHECKING

from load_balancer.errors import ConnectionLost, ResponseTimeout, StatusDeclined, UpstreamError
from load_balancer.forwarding.heads import IDEMPOTENT, UNTIL_CLOSE, Refusal, RequestHead
from metrics import access_record
from rl.vocabulary import Verdict

if TYPE_CHECKING:
    from load_balancer.forwarding.exchange import Exchange
    from load_balancer.forwarding.upstream import UpstreamConnection


def upstream_lost(exchange: Exchange, connection: UpstreamConnection, clean: bool) -> None:
    """The endpoint's connection closed under the exchange."""
    if connection is not exchange.upstream:
        return
    response, attempt, head = exchange.response, exchange.attempt, exchange.head
    assert attempt is not None and head is not None
    if response is not None and response.body == UNTIL_CLOSE and clean and exchange.begun:
        # The end of the connection is the end of the body.
        connection.over = True
        exchange.upstream_progress()
    elif (
        connection.kept and response is None and exchange.replayable() and head.method in IDEMPOTENT
    ):
        # A kept connection that its server closed just then: says nothing of the endpoint.
        # It is asked again on a new one, once, because that is not a kept one.
        exchange.upstream = None
        listener = exchange.client.listener
        listener.node.counters.reconnections += 1
        listener.pool.open(exchange, attempt)
    else:
        upstream_broken(
            exchange, ConnectionLost("the connection closed before the answer was whole")
        )


def upstream_broken(exchange: Exchange, error: UpstreamError) -> None:
    """The answer will never be whole."""
    upstream = exchange.upstream
    exchange.upstream = None
    if upstream is not None:
        upstream.abort()
    if not exchange.begun:
        exchange.no_response()
        if exchange.cached is not None and exchange.cached.stands_in(exchange):
            return
        declined = exchange.declined
        if not declined:
            _unheard(exchange)
        attempt_failed(exchange, StatusDeclined(declined) if declined else error)
        return
    _unheard(exchange)
    # The client has seen part of it: it must not look whole.
    status = exchange.response.status if exchange.response else 0
    now = exchange.client.listener.time()
    exchange.complete(Verdict.FAILURE, status, now)
    exchange.tell(access_record.ENDPOINT_BODY, error.label, status, now)
    exchange.client.abort()


def _unheard(exchange: Exchange) -> None:
    """What the next node has told in the answer's head has not come true."""
    if exchange.account is not None:
        exchange.account.heard = None


def attempt_failed(exchange: Exchange, error: UpstreamError) -> None:
    """The endpoint failed before its answer began."""
    attempt = exchange.attempt
    assert attempt is not None
    listener = exchange.client.listener
    now = listener.time()
    exchange.complete(Verdict.FAILURE, error.answered, now)
    exchange.declined = 0
    account = exchange.noted()
    endpoint = attempt.stats.id
    traceparent = account.traceparent or b""
    account.tries += ((endpoint, attempt.started, now, error.label, traceparent),)
    account.connect = 0.0
    exchange.tried = (*exchange.tried, endpoint)
    if exchange.hedge is None or not exchange.hedge.take_over():
        listener.placer.again(exchange, error, now)


def goes_no_further(exchange: Exchange, head: RequestHead) -> bool:
    """Whether the request has come too far, in which case it has been answered."""
    client = exchange.client
    limits = client.listener.limits
    if head.hops >= limits.hops or head.own_hops > limits.own_hops:
        client.refuse(Refusal(508, "hops", "the request has passed too many proxies"))
    elif not head.last:
        return False
    elif head.method == "OPTIONS":
        client.answer("text/plain", b"")
    else:
        # The answer to TRACE is the request, and who is in between may have added secrets to it.
        client.answer_error(405, "trace", "requests are not shown to who traces them")
    return True


def let_go(exchange: Exchange) -> None:
    """Stop the endpoints' work for this exchange; nothing is learned from it."""
    upstream, attempt = exchange.upstream, exchange.attempt
    exchange.upstream = None
    if exchange.awaited is not None:
        exchange.awaited.cancel()
        exchange.awaited = None
    if upstream is not None:
        upstream.abort()
    if exchange.hedge is not None:
        exchange.hedge.stop()
    now = exchange.client.listener.time()
    if exchange.place is not None:
        exchange.client.listener.placer.give_up(exchange, now)
    if attempt is not None and not attempt.over:
        status = exchange.response.status if exchange.response else 0
        exchange.complete(Verdict.IGNORED, status, now)


def client_gone(exchange: Exchange) -> None:
    """Nobody waits for the answer."""
    if exchange.told:
        return
    listener = exchange.client.listener
    part = exchange.cached
    wanted = part is not None and part.wanted()
    if not wanted:
        let_go(exchange)
    if listener.draining:
        how = access_record.DRAIN
    elif exchange.begun:
        how = access_record.CLIENT_READ
    elif exchange.received:
        how = access_record.CLIENT_WAIT
    else:
        how = access_record.CLIENT_BODY
    status = exchange.response.status if exchange.response else 0
    if part is not None and wanted:
        exchange.note(how, None, status, listener.time())
        part.detach(exchange)
    else:
        exchange.tell(how, None, status, listener.time())


def expired(exchange: Exchange) -> None:
    """Nothing has moved for too long; whose fault it is decides who learns of it."""
    upstream, client, body = exchange.upstream, exchange.client, exchange.body
    if exchange.cached is not None and exchange.cached.expired(exchange, client.listener.time()):
        return
    if upstream is None:
        if exchange.tunnel is not None:
            exchange.tunnel.expired()
        return  # connecting and waiting have their own deadlines
    if client.paused:
        client_gone(exchange)
        client.abort()
    elif not exchange.client_sends() or upstream.paused or (body and body.buffered):
        upstream_broken(exchange, ResponseTimeout("the endpoint did not answer in time"))
    elif exchange.begun:
        client_gone(exchange)
        client.abort()
    else:
        let_go(exchange)
        client.answer_error(408, "body_timeout", "the request body did not come in time")
