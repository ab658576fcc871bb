"""Replies of the balancer's own: its pages, its errors, its refusals; written, counted and told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from load_balancer.forwarding.account import refusal_lines
from load_balancer.forwarding.admitting import retry_after
from load_balancer.forwarding.answers import answer, problem
from load_balancer.forwarding.exchange import Exchange
from load_balancer.forwarding.heads import Refusal
from metrics import access_record

if TYPE_CHECKING:
    from load_balancer.forwarding.downstream import ClientConnection

RETRY_AFTER_SECONDS = 1

ALLOW = b"Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\n"
"""What may be asked for, as far as we know without asking an endpoint."""

NO_SERVICE = frozenset({"declined", "no_service"})
"""Labels of refusals with the configured status."""

# Who ended the request and in which phase, by the label of what went wrong; all others are refused.
_TERMINATIONS = {
    "no_candidate": access_record.NO_ENDPOINT,
    "no_service": access_record.NO_ENDPOINT,
    "declined": access_record.LIMITED,
    "queue_full": access_record.QUEUE,
    "queue_timeout": access_record.QUEUE,
    "connect_failed": access_record.CONNECT,
    "connect_timeout": access_record.CONNECT,
    "certificate_invalid": access_record.CONNECT,
    "response_timeout": access_record.ENDPOINT_WAIT,
    "response_invalid": access_record.ENDPOINT_WAIT,
    "connection_lost": access_record.ENDPOINT_WAIT,
    "status_declined": access_record.ENDPOINT_WAIT,
    "body_timeout": access_record.CLIENT_BODY,
    "body_rate": access_record.CLIENT_BODY,
    "head_timeout": access_record.CLIENT_HEAD,
    "connections": access_record.LIMITED,
    "client_connections": access_record.LIMITED,
    "request_timeout": access_record.LIMITED,
    "rate_limited": access_record.LIMITED,
    "upload_limited": access_record.LIMITED,
    "in_flight_limited": access_record.LIMITED,
    "shed": access_record.LIMITED,
}


def page(client: ClientConnection, content_type: str, body: bytes) -> bool:
    """Answer the present request with a page; whether the connection is to be closed."""
    exchange = client.exchange
    assert exchange is not None and exchange.head is not None
    head = exchange.head
    close = not head.keep_alive or not exchange.received or client.listener.draining
    data = answer(
        200,
        content_type,
        body,
        client.listener.date,
        close=close,
        modern=head.modern,
        head_only=head.method == "HEAD",
        extra=ALLOW if head.method == "OPTIONS" else b"",
    )
    _write(client, exchange, data, 200, access_record.LOCAL, None)
    return close


def error(client: ClientConnection, status: int, label: str, detail: str) -> bool:
    """Answer the present request with an error that is not the client's doing; whether the
    connection is to be closed."""
    exchange = client.exchange
    assert exchange is not None and exchange.head is not None
    head = exchange.head
    close = not head.keep_alive or not exchange.received or client.listener.draining
    data = problem(
        status,
        detail,
        exchange.request_id,
        client.listener.date,
        close=close,
        accepts_json=head.accepts_json,
        modern=head.modern,
        head_only=head.method == "HEAD",
        retry_after=retry_after(exchange) or _retry_after(status, label),
        extra=(ALLOW if status == 405 else b"") + _told(client, exchange, status, label),
    )
    client.listener.node.counters.refused(label)
    _write(client, exchange, data, status, _TERMINATIONS.get(label, access_record.REFUSED), label)
    return close


def refusal(client: ClientConnection, refused: Refusal) -> None:
    """Answer what cannot be forwarded; the connection is to be closed."""
    exchange = client.exchange or Exchange(client)
    head = exchange.head
    listener = client.listener
    if not exchange.request_id:
        exchange.request_id = head.request_id if head else listener.request_id().decode("ascii")
    data = problem(
        refused.status,
        refused.reason,
        exchange.request_id,
        listener.date,
        close=True,
        accepts_json=head is not None and head.accepts_json,
        head_only=head is not None and head.method == "HEAD",
        retry_after=_retry_after(refused.status, refused.label),
        extra=_told(client, exchange, refused.status, refused.label),
    )
    label = refused.label
    listener.node.counters.refused(label)
    how = _TERMINATIONS.get(label, access_record.REFUSED)
    _write(client, exchange, data, refused.status, how, label)


def _retry_after(status: int, label: str) -> int | None:
    # 429 of ours is else for one client alone, who knows best when it has fewer connections.
    asks = status == 503 or (status == 429 and label in NO_SERVICE)
    return RETRY_AFTER_SECONDS if asks else None


def _told(client: ClientConnection, exchange: Exchange, status: int, label: str) -> bytes:
    """What the node before is told of an error, of its own mistakes nothing; and what a client is
    told that a rule holds."""
    listener = client.listener
    more = b"" if listener.shaping is None else listener.shaping.lines(exchange, listener.time())
    if not listener.tells_q or (status < 500 and label not in NO_SERVICE):
        return more
    return more + refusal_lines(exchange, listener.time())


def _write(
    client: ClientConnection,
    exchange: Exchange,
    data: bytes,
    status: int,
    termination: str,
    reason: str | None,
) -> None:
    exchange.sent_bytes += len(data)
    client.transport.write(data)
    exchange.tell(termination, reason, status, client.listener.time())
