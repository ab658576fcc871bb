"""What is told of a request: its line in the access log, its trace, its Server-Timing, and to the
node before what its way is worth.

Most requests need nothing besides what their exchange holds anyway; an ``Account`` is made for
those that waited, connected, were tried again or take part in a trace.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from load_balancer import q_headers
from load_balancer.forwarding import tracing
from load_balancer.forwarding.fields import Fields
from load_balancer.node import Attempt
from metrics.access_record import CONNECT, NOT_REACHED, AccessRecord, FailedTry
from rl.vocabulary import Outcome, Verdict

if TYPE_CHECKING:
    from load_balancer.forwarding.admitting import Ticket
    from load_balancer.forwarding.exchange import Exchange
    from load_balancer.forwarding.listener import Listener


class Account:
    """The unusual of one request.

    Attributes:
        added: bytes of field lines of ours in the answer's head.
        queue: seconds that it waited for a place at an endpoint.
        connect: seconds that the last try's connection took to open.
        heard: the value and the reward, in the reward's unit, that the next node has told in the
            head of the answer under way; None if it told none, or is not believed.
        tries: those that failed.
        traceparent: as sent on with the last try, or None.
        parent: as it came, if it was valid.
        ticket: its turn by its client's rule; None if no rule is for it.
    """

    __slots__ = ("added", "connect", "heard", "parent", "queue", "ticket", "traceparent", "tries")

    def __init__(self) -> None:
        self.added = 0
        self.queue = 0.0
        self.connect = 0.0
        self.heard: tuple[float, float] | None = None
        self.tries: tuple[FailedTry, ...] = ()
        self.traceparent: bytes | None = None
        self.parent: bytes | None = None
        self.ticket: Ticket | None = None


def trace(exchange: Exchange, tracer: tracing.Tracer) -> None:
    """Put the request's trace, if it has one or is to have one, into the head that goes out."""
    head = exchange.head
    assert head is not None
    outgoing, parent = tracer.onward(head.traceparent)
    if outgoing is None:
        return
    account = exchange.noted()
    account.traceparent, account.parent = outgoing, parent
    state = tracing.state(head.tracestate) if parent is not None and head.tracestate else b""
    exchange.wire = exchange.wire[:-2] + tracing.lines(outgoing, state) + b"\r\n"


def retrace(exchange: Exchange) -> None:
    """Another try is made: it is a span of its own."""
    account, tracer = exchange.account, exchange.client.listener.tracer
    if account is not None and account.traceparent is not None and tracer is not None:
        exchange.wire, account.traceparent = tracing.renewed(
            exchange.wire, account.traceparent, tracer.span_id()
        )


def tell(exchange: Exchange, termination: str, reason: str | None, status: int, now: float) -> None:
    """Count the exchange, and write it down where that is wanted, when it is over."""
    listener = exchange.client.listener
    counters = listener.node.counters
    started, body = exchange.started, exchange.body
    first_byte_at = exchange.first_byte_at
    counters.finished(
        status,
        now - started if started >= 0.0 else 0.0,
        first_byte_at - started if first_byte_at >= 0.0 else NOT_REACHED,
        0 if body is None else body.received,
        exchange.sent_bytes,
    )
    if listener.access_log is not None:
        listener.access_log.append(record(exchange, termination, reason, status, now))
    account = exchange.account
    if account is not None and account.ticket is not None:
        account.ticket.over(now, termination, status)


def record(
    exchange: Exchange, termination: str, reason: str | None, status: int, now: float
) -> AccessRecord:
    """The exchange as the access log wants it, when it is over."""
    head, attempt, account = exchange.head, exchange.attempt, exchange.account
    client, body, response = exchange.client, exchange.body, exchange.response
    cached = exchange.cached
    peer = client.peer
    queue = connect = NOT_REACHED
    head_bytes = 0 if response is None else len(response.wire)
    if cached is not None:
        head_bytes += cached.head_bytes
    tries: tuple[FailedTry, ...] = ()
    traceparent = parent = None
    if attempt is not None:
        queue = 0.0
        connect = 0.0 if exchange.sent else NOT_REACHED
    if account is not None:
        queue, tries = account.queue, account.tries
        head_bytes += account.added
        traceparent, parent = account.traceparent, account.parent
        if exchange.sent:
            connect = account.connect
        if attempt is not None and tries and tries[-1][0] == attempt.stats.id:
            # The last try failed as well, and is told of as the last one.
            traceparent = tries[-1][4] or None
            tries = tries[:-1]
    if termination == CONNECT:
        connect = NOT_REACHED
    return (
        exchange.started if exchange.started >= 0.0 else now,
        now,
        queue,
        connect,
        exchange.first_byte_at,
        termination,
        reason,
        status,
        0 if body is None else body.received,
        exchange.sent_bytes,
        head_bytes,
        peer.address,
        None if head is None or head.client is peer.address else head.client.encode("ascii"),
        "" if head is None else head.method,
        "" if head is None else head.path,
        "" if head is None else head.domain,
        head is None or head.modern,
        peer.tls,
        exchange.request_id,
        traceparent,
        parent,
        0 if attempt is None else len(tries) + 1,
        None if attempt is None else attempt.stats.id,
        None if attempt is None else attempt.strategy.name,
        NOT_REACHED if attempt is None else attempt.started,
        attempt is not None and attempt.decision.explored,
        0.0 if attempt is None else attempt.decision.propensity,
        tries,
        None if cached is None else cached.word,
        None if head is None else head.agent,
        None if head is None else head.referer,
    )


def decoration(exchange: Exchange, now: float) -> bytes:
    """Field lines of ours for an answer whose head has just come."""
    attempt, head, client = exchange.attempt, exchange.head, exchange.client
    assert attempt is not None and head is not None
    listener = client.listener
    more = b""
    affinity = listener.affinity
    if affinity is not None and affinity.sets_cookie:
        more = affinity.cookie(head.affinity_key or "", attempt.stats.id, bool(client.peer.tls))
        if more:
            # A cache in front of us must not give one client's cookie to others.
            more += b'\r\nCache-Control: private="set-cookie"\r\n'
    settings = listener.settings.server_timing
    if settings.when == "on" or (
        settings.when == "header"
        and head.wants_timing
        and (client.peer.trusted or not settings.trusted_only)
    ):
        account = exchange.account
        queue, connect = (0.0, 0.0) if account is None else (account.queue, account.connect)
        endpoint = attempt.stats.id.encode("ascii") if settings.endpoint else None
        more += tracing.server_timing(queue, connect, now - exchange.started, endpoint)
    if listener.tells_q:
        more += _answered(exchange, attempt, now)
    if listener.shaping is not None:
        more += listener.shaping.lines(exchange, now)
    if more:
        exchange.noted().added = len(more)
    return more


# What proxy nodes tell each other.


def heard(listener: Listener, attempt: Attempt, fields: Fields) -> tuple[float, float] | None:
    """The value and the reward, in the reward's unit, that an answer's head tells; None unless it
    is a believed node's. Counts what was ignored."""
    if not attempt.stats.endpoint.proxy_node:
        return None
    told = q_headers.Told(fields, listener.settings.q_headers.largest)
    if told.value is None or told.reward is None:
        listener.node.counters.q_headers["ignored"] += told.sent
        return None
    listener.node.counters.q_headers["believed"] += 1
    scale = listener.node.scale
    return told.value * scale, told.reward * scale


def tells_q(listener: Listener, attempt: Attempt, fields: Fields) -> bool:
    """Whether an answer's head tells what a believed node's way is worth."""
    if not (listener.hears_q and attempt.stats.endpoint.proxy_node):
        return False
    return q_headers.Told(fields, listener.settings.q_headers.largest).value is not None


def outcome(exchange: Exchange, verdict: Verdict, latency: float, status: int) -> Outcome:
    """What came of the try under way, with what the next node has told of it."""
    account = exchange.account
    if account is None or account.heard is None:
        return Outcome(verdict, latency, status)
    value, reward = account.heard
    return Outcome(verdict, latency, status, value, reward)


def _answered(exchange: Exchange, attempt: Attempt, now: float) -> bytes:
    response = exchange.response
    assert response is not None
    verdict = Verdict.SUCCESS if response.status < 500 else Verdict.FAILURE
    listener = exchange.client.listener
    likely = outcome(exchange, verdict, now - attempt.started, response.status)
    return _lines(listener, listener.node.answered(attempt, likely, now))


def hit_lines(exchange: Exchange, now: float) -> bytes:
    """The field lines of an answer from the cache; none unless they are wanted."""
    listener = exchange.client.listener
    more = b"" if listener.shaping is None else listener.shaping.lines(exchange, now)
    if not listener.tells_q:
        return more
    return more + _lines(listener, listener.node.hit(now - exchange.started))


def refusal_lines(exchange: Exchange, now: float) -> bytes:
    """The field lines of an error of this node's own; none unless they are wanted."""
    listener = exchange.client.listener
    if not listener.tells_q:
        return b""
    elapsed = now - exchange.started if exchange.started >= 0.0 else 0.0
    return _lines(listener, listener.node.refused(elapsed))


def _lines(listener: Listener, told: tuple[float, float] | None) -> bytes:
    if told is None:
        return b""
    scale = listener.node.scale
    return q_headers.lines(told[0] / scale, told[1] / scale, listener.settings.q_headers.largest)
