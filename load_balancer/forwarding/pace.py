"""How slow a client may be: deadlines of a whole body and a whole request, and least rates.

Asked at each sweep about each request under way, if any of these bounds is set; a request itself
costs nothing. Rates count only while it is the client's turn: who is not read from is not slow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from config.balancer import Deadlines, Limits
from load_balancer.forwarding import endings
from load_balancer.forwarding.paced import Paced
from rl.vocabulary import Verdict

if TYPE_CHECKING:
    from load_balancer.forwarding.downstream import ClientConnection
    from load_balancer.forwarding.exchange import Exchange

UP, DOWN = 1, 2

Window: TypeAlias = tuple[int, float, int]
"""Which way bytes are awaited, since when, and how many there were by then."""


class Pace:
    """The bounds of one node.

    Attributes:
        watches: any bound is set.
    """

    __slots__ = ("_deadlines", "_limits", "watches")

    def __init__(self, deadlines: Deadlines, limits: Limits) -> None:
        self._deadlines = deadlines
        self._limits = limits
        self.watches = (
            deadlines.body_seconds is not None
            or deadlines.request_seconds is not None
            or limits.minimum_upload_bytes_per_second > 0
            or limits.minimum_download_bytes_per_second > 0
        )

    def check(self, client: ClientConnection, exchange: Exchange, now: float) -> None:
        """End the exchange if it has passed a bound."""
        deadlines = self._deadlines
        if exchange.started < 0.0 or exchange.tunnel is not None:
            return
        taken = now - exchange.started
        if deadlines.request_seconds is not None and taken > deadlines.request_seconds:
            self._request_expired(client, exchange, now)
            return
        sending = not exchange.received and exchange.client_sends()
        if sending and deadlines.body_seconds is not None and taken > deadlines.body_seconds:
            _stop(client, exchange, "body_timeout", "the request body took too long")
        elif self._too_slow(client, exchange, sending, now):
            _stop(client, exchange, "body_rate", "the request body comes too slowly")

    def _request_expired(self, client: ClientConnection, exchange: Exchange, now: float) -> None:
        attempt = exchange.attempt
        if exchange.begun:
            endings.client_gone(exchange)
            client.abort()
            return
        if exchange.sent and exchange.received and attempt is not None and not attempt.over:
            # It had all it needed for an answer.
            exchange.complete(Verdict.FAILURE, 0, now)
        endings.let_go(exchange)
        client.answer_error(504, "request_timeout", "the request took too long in all")

    def _too_slow(
        self, client: ClientConnection, exchange: Exchange, sending: bool, now: float
    ) -> bool:
        limits = self._limits
        if isinstance(client.transport, Paced):
            return False  # it is as slow as we let it be
        if sending and not client.reading_paused:
            way, least = UP, limits.minimum_upload_bytes_per_second
            body = exchange.body
            count = 0 if body is None else body.received
        elif exchange.begun and client.paused:
            way, least = DOWN, limits.minimum_download_bytes_per_second
            count = exchange.sent_bytes - client.transport.get_write_buffer_size()
        else:
            client.window = None
            return False
        window = client.window
        if window is None or window[0] != way:
            client.window = (way, now, count)
            return False
        seconds = now - window[1]
        if seconds < limits.rate_window_seconds:
            return False
        client.window = (way, now, count)
        return count - window[2] < least * seconds


def hold(exchange: Exchange) -> None:
    """The client reads slowly: stop taking from the endpoint."""
    upstream = exchange.upstream
    if upstream is not None and (exchange.cached is None or exchange.cached.pauses(exchange)):
        upstream.hold()


def go_on(exchange: Exchange) -> None:
    """The client has caught up."""
    upstream, client, part = exchange.upstream, exchange.client, exchange.cached
    if upstream is not None:
        client.deadline = client.listener.time() + client.listener.deadlines.idle_seconds
        if part is None or part.goes_on(exchange):
            upstream.go_on()
    elif part is not None:
        part.go_on(exchange)


def _stop(client: ClientConnection, exchange: Exchange, label: str, detail: str) -> None:
    if exchange.begun:
        endings.client_gone(exchange)
        client.abort()
    else:
        endings.let_go(exchange)
        client.answer_error(408, label, detail)
