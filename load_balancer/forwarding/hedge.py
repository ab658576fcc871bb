"""A second try of a request beside a slow first one; whoever answers first is the exchange's.

Stands in for the exchange at its own connection until that brings the head of a good final answer,
or until the first try fails: then the exchange takes over its attempt and connection. The slower
try is cut and ignored: it says only that it was slower. A second try that fails, be it with a
status, leaves the first one alone: a fast failure is no reason to cut who may do better. Knows
nothing of delays and budgets.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from load_balancer.errors import ResponseInvalid, StatusDeclined, UpstreamError
from load_balancer.forwarding.account import Account, heard
from load_balancer.forwarding.fields import Fields
from load_balancer.forwarding.lanes import key_of
from load_balancer.forwarding.responses import ResponseHead, refused_response
from load_balancer.node import Attempt
from rl.vocabulary import Outcome, Verdict

if TYPE_CHECKING:
    from load_balancer.forwarding.downstream import ClientConnection
    from load_balancer.forwarding.exchange import Exchange
    from load_balancer.forwarding.heads import RequestHead
    from load_balancer.forwarding.tunnel import Tunnel
    from load_balancer.forwarding.upstream import UpstreamConnection


class Hedge:
    """See the module's text.

    Attributes:
        attempt: the second try; None until its time has come.
        upstream: its connection, once there is one.
        tunnel: a request that may switch protocols is not tried twice at once.
    """

    __slots__ = (
        "_connect",
        "_declined",
        "_exchange",
        "_heard",
        "_taken",
        "_timer",
        "attempt",
        "upstream",
    )

    tunnel: Tunnel | None = None

    def __init__(self, exchange: Exchange, timer: asyncio.TimerHandle) -> None:
        self._exchange = exchange
        self._timer = timer
        self._taken = False
        self._connect = 0.0
        self._declined = 0
        self._heard: tuple[float, float] | None = None
        self.attempt: Attempt | None = None
        self.upstream: UpstreamConnection | None = None

    def start(self, attempt: Attempt) -> None:
        """The second try has been decided."""
        self.attempt = attempt
        listener = self.client.listener
        connection = listener.pool.take(key_of(self, attempt.stats), once=False)
        if connection is None:
            listener.pool.open(self, attempt)
        else:
            self.connected(connection, attempt.started)

    def stop(self) -> None:
        """The first try has answered, or nobody waits any more."""
        self._timer.cancel()
        self._exchange.hedge = None
        attempt = self.attempt
        if attempt is not None and not attempt.over and not self._taken:
            if self.upstream is not None:
                self.upstream.abort()
            self._complete(attempt, Verdict.IGNORED)

    def take_over(self) -> bool:
        """The first try has failed: whether there is a second one to go on with."""
        self._timer.cancel()
        self._exchange.hedge = None
        attempt = self.attempt
        if attempt is None or attempt.over:
            return False
        self._hand_over(attempt)
        # The first one may have used up its time; this one began later.
        client = self.client
        client.deadline = attempt.started + client.listener.placer.answer_seconds
        return True

    def _win(self) -> None:
        """The second try has answered first."""
        attempt = self.attempt
        assert attempt is not None
        exchange = self._exchange
        first, upstream = exchange.attempt, exchange.upstream
        assert first is not None
        self.client.listener.node.counters.hedges_won += 1
        if upstream is not None:
            upstream.abort()
        self._hand_over(attempt)
        listener = self.client.listener
        listener.placer.outrun(first, listener.time())
        self._complete(first, Verdict.IGNORED)

    def _hand_over(self, attempt: Attempt) -> None:
        exchange = self._exchange
        self._taken = True
        exchange.hedge = None
        exchange.attempt = attempt
        exchange.upstream = self.upstream
        if self._connect or exchange.account is not None:
            exchange.noted().connect = self._connect
        if self.upstream is not None:
            self.upstream.exchange = exchange
            exchange.sent = True
            if self.client.paused:
                self.upstream.hold()

    def _complete(self, attempt: Attempt, verdict: Verdict, status: int = 0) -> None:
        listener = self.client.listener
        now = listener.time()
        value, reward = self._heard or (None, None)
        outcome = Outcome(verdict, now - attempt.started, status, value, reward)
        listener.placer.complete(attempt, outcome, now)

    # In the exchange's stead, for its own connection.

    @property
    def client(self) -> ClientConnection:
        """The exchange's."""
        return self._exchange.client

    @property
    def account(self) -> Account | None:
        """The exchange's."""
        return self._exchange.account

    @property
    def head(self) -> RequestHead | None:
        """The exchange's."""
        return self._exchange.head

    @property
    def response(self) -> ResponseHead | None:
        """The exchange's, once it has taken over."""
        return self._exchange.response if self._taken else None

    def connected(self, connection: UpstreamConnection, now: float) -> None:
        """There is a connection to its endpoint."""
        if self._taken:
            self._exchange.connected(connection, now)
            return
        self.upstream = connection
        if not connection.kept and self.attempt is not None:
            self._connect = now - self.attempt.started
        connection.send(self, self._exchange.wire)

    def attempt_failed(self, error: UpstreamError) -> None:
        """It failed before its answer began; the first try goes on alone."""
        if self._taken:
            self._exchange.attempt_failed(error)
            return
        attempt = self.attempt
        assert attempt is not None
        self._exchange.hedge = None
        self._complete(attempt, Verdict.FAILURE, error.answered)

    def answered(self, response: ResponseHead, body: bytes) -> bool:
        """See Exchange."""
        self._win()
        return self._exchange.answered(response, body)

    def interim(self, status: int, reason: bytes, fields: Fields) -> None:
        """The first try's interim answers are the client's."""

    def switch(self, reason: bytes, fields: Fields) -> str:
        """See Exchange."""
        return "switched protocols unasked"

    def response_head(self, status: int, reason: bytes, version: str, fields: Fields) -> str:
        """See Exchange."""
        head, attempt, listener = self._exchange.head, self.attempt, self.client.listener
        assert head is not None and attempt is not None
        if status >= 500 or listener.placer.rules.retries_status(status):
            self._declined = status
            if listener.hears_q:
                self._heard = heard(listener, attempt, fields)
            listener.placer.asked_to_wait(attempt, status, fields, listener.time())
            return "declined"
        # Before the first one is cut.
        why = refused_response(status, reason, version, fields, head)
        if why:
            return why
        self._win()
        return self._exchange.response_head(status, reason, version, fields)

    def response_body(self, data: bytes) -> None:
        """See Exchange."""
        self._exchange.response_body(data)

    def upstream_progress(self) -> None:
        """See Exchange."""
        if self._taken:
            self._exchange.upstream_progress()
            return
        upstream = self.upstream
        assert upstream is not None
        if upstream.broken:
            self.upstream = None
            upstream.abort()
            declined = self._declined
            self.attempt_failed(
                StatusDeclined(declined) if declined else ResponseInvalid(upstream.broken)
            )

    def upstream_lost(self, connection: UpstreamConnection, clean: bool) -> None:
        """See Exchange."""
        if self._taken:
            self._exchange.upstream_lost(connection, clean)
            return
        attempt = self.attempt
        assert attempt is not None
        self.upstream = None
        if connection.kept:
            self.client.listener.pool.open(self, attempt)
            return
        self._exchange.hedge = None
        self._complete(attempt, Verdict.FAILURE)
