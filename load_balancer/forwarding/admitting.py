"""Rules for clients on the data path: who a request's client is, timers for those that must wait,
the mark of its packets, and its connection at a rate.

What is decided is ``load_balancer.shaping``'s; this knows the time and the connections. A request
that no rule is for costs a look at who sends it, and nothing without any rules.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from config.balancer import LoadBalancer
from config.shaping import Shaping
from load_balancer.errors import Limited, NoCandidate
from load_balancer.forwarding.adapting import adaptive_for, measure
from load_balancer.forwarding.lanes import mark
from load_balancer.forwarding.paced import Paced
from load_balancer.shaping import rate_limit
from load_balancer.shaping.fair_queue import Share
from load_balancer.shaping.identity import Found, subject_of
from load_balancer.shaping.shaper import Shaper
from load_balancer.shaping.turns import Stage, Turn

if TYPE_CHECKING:
    from load_balancer.forwarding.downstream import ClientConnection
    from load_balancer.forwarding.exchange import Exchange
    from load_balancer.forwarding.listener import Listener

Again = Callable[[], None]
"""Begins the request once more, which is let through this time; may raise NoCandidate."""


class Ticket:
    """A request's turn, and how it goes on when that comes. Its account holds it.

    Attributes:
        exchange: whose it is.
        turn: by the rule of its client.
        shaping: where it came from.
    """

    __slots__ = ("_again", "_timer", "exchange", "shaping", "turn")

    def __init__(self, exchange: Exchange, turn: Turn, shaping: LiveShaping, again: Again) -> None:
        self.exchange = exchange
        self.turn = turn
        self.shaping = shaping
        self._again = again
        self._timer: asyncio.TimerHandle | asyncio.Handle | None = None
        turn.memo = self

    def wait(self, now: float) -> None:
        """Look again when something is to become of it."""
        turn, client = self.turn, self.exchange.client
        seconds = max(0.0, turn.until - now)
        listener = client.listener
        self._timer = listener.loop.call_later(seconds, self._due)
        client.deadline = now + seconds + listener.deadlines.idle_seconds

    def pass_soon(self) -> None:
        """It has passed, in the stead of one that is over: not within the end of that one."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self.exchange.client.listener.loop.call_soon(self._go)

    def _due(self) -> None:
        self._timer = None
        turn = self.turn
        now = self.exchange.client.listener.time()
        self.shaping.shaper.resume(turn, now)
        if turn.stage is Stage.PASSED:
            self._go()
        elif turn.stage is Stage.REFUSED:
            error = Limited(turn.label)
            self.exchange.client.answer_error(error.status, error.label, error.text)
        else:
            self.wait(now)

    def _go(self) -> None:
        self._timer = None
        exchange = self.exchange
        exchange.noted().queue += exchange.client.listener.time() - self.turn.since
        try:
            self._again()
        except NoCandidate as error:
            exchange.client.answer_error(error.status, error.label, error.text)

    def over(self, now: float, termination: str, status: int) -> None:
        """The request is over, in a way that ``metrics.access_record`` has the words for."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        exchange = self.exchange
        meter = self.turn.client.meter
        if meter is not None:
            measure(meter, exchange, self.turn, termination, status, now)
        attempt, body = exchange.attempt, exchange.body
        following = self.shaping.shaper.over(
            self.turn,
            now,
            None if attempt is None else now - attempt.started,
            0 if body is None else body.received,
            exchange.sent_bytes,
        )
        # Or each request would be a circle that only the collector finds.
        self.turn.memo = None
        del self.exchange, self._again
        if following is not None and isinstance(following.memo, Ticket):
            following.memo.pass_soon()


class LiveShaping:
    """See the module's text.

    Attributes:
        adaptive: the agents that move rules, if there are any.
        shaper: who decides.
        tells: clients are told what is left to them.
    """

    __slots__ = ("_listener", "adaptive", "shaper", "tells")

    def __init__(self, listener: Listener, settings: LoadBalancer) -> None:
        self._listener = listener
        self.shaper = Shaper(settings.shaping, listener.dice, self.pressure)
        self.tells = settings.shaping.expose
        self.adaptive = adaptive_for(listener, self.shaper, settings.shaping.adaptive)

    def apply(self, after: Shaping) -> None:
        """Hold clients by other settings."""
        listener = self._listener
        self.shaper.apply(after, listener.time())
        self.tells = after.expose
        if self.adaptive is not None and after.adaptive.enabled:
            self.adaptive.apply(after.adaptive)
        else:
            if self.adaptive is not None:
                self.adaptive.end()
            self.adaptive = adaptive_for(listener, self.shaper, after.adaptive)

    def pressure(self) -> float:
        """Of the node, from 0 to 1: by who waits for an endpoint, or by the node's load."""
        listener = self._listener
        queue = listener.placer.queue
        return max(queue.length / max(1, queue.most), listener.node.load / 100.0)

    def holds(self, exchange: Exchange, now: float, again: Again) -> bool:
        """Whether a request that has come must wait. Then ``again`` is called in its time, which
        comes here once more and is let through.

        Raises:
            Limited: it is refused.
        """
        client, head = exchange.client, exchange.head
        asked = client.peer.asked
        # A head that came again on its connection is the same object.
        known = asked is not None and asked[0] is head and asked[1] is self.shaper.recogniser
        found = asked[2] if asked is not None and known else None
        if known and found is None:
            return False
        account = exchange.account
        if account is not None and account.ticket is not None:
            exchange.started = account.ticket.turn.since
            return False
        if not known:
            found = self._found(exchange)
        if found is None:
            self._let_be(client)
            return False
        assert head is not None
        turn = self._listener.node.admit(found, now, head.fields, exchange.body is not None)
        assert turn is not None
        ticket = exchange.noted().ticket = Ticket(exchange, turn, self, again)
        if turn.stage is Stage.REFUSED:
            raise Limited(turn.label)
        self._dress(client, exchange, turn, now)
        if turn.stage is Stage.PASSED:
            return False
        ticket.wait(now)
        return True

    def _found(self, exchange: Exchange) -> Found | None:
        peer, head = exchange.client.peer, exchange.head
        assert head is not None
        recogniser = self.shaper.recogniser
        subject = ""
        if recogniser.reads_subject:
            if peer.subject is None:
                spoken = exchange.client.transport.get_extra_info("ssl_object")
                peer.subject = "" if spoken is None else subject_of(spoken.getpeercert())
            subject = peer.subject
        found = recogniser.find(head.client, head.path, head.fields, subject)
        peer.asked = head, recogniser, found
        return found

    def _dress(self, client: ClientConnection, exchange: Exchange, turn: Turn, now: float) -> None:
        """Let the connection be as the rule of this request's client wants it."""
        held = turn.client
        dscp = held.rule.dscp
        if dscp != client.peer.dscp:
            mark(client.transport, dscp or 0)
            client.peer.dscp = dscp
        transport = client.transport
        if held.up is None and held.down is None:
            if isinstance(transport, Paced):
                transport.held = None
            return
        paced = transport if isinstance(transport, Paced) else Paced(client)
        if paced.held is not held:
            paced.held = held
            if held.up is not None and exchange.body is not None:
                # It came with the head, before anybody knew whose it is.
                held.up.take(float(exchange.body.received), now)

    def _let_be(self, client: ClientConnection) -> None:
        if client.peer.dscp is not None:
            mark(client.transport, 0)
            client.peer.dscp = None
        if isinstance(client.transport, Paced):
            client.transport.held = None

    def lines(self, exchange: Exchange, now: float) -> bytes:
        """The field lines that tell a client what is left to it."""
        account = exchange.account
        if not self.tells or account is None or account.ticket is None:
            return b""
        held = account.ticket.turn.client
        return rate_limit.lines(held.rule, held.policy, held.requests, now)

    def sweep(self, now: float) -> None:
        """Forget who has been idle for too long."""
        self.shaper.sweep(now)

    def end(self) -> None:
        """There are no rules any more: connections are as others are."""
        if self.adaptive is not None:
            self.adaptive.end()
        for client in self._listener.connections:
            self._let_be(client)
            client.peer.asked = None


def whose(exchange: Exchange) -> tuple[Share | None, Turn | None]:
    """From whose share of the endpoints' time a request takes, and its turn; neither, if no rule is
    for it."""
    account = exchange.account
    if account is None or account.ticket is None:
        return None, None
    turn = account.ticket.turn
    return turn.client.share, turn


def pool_of(exchange: Exchange) -> str:
    """The tag of the endpoints that a request may go to; "" for all of them."""
    account = exchange.account
    if account is None or account.ticket is None:
        return ""
    return account.ticket.turn.client.rule.pool or ""


def retry_after(exchange: Exchange) -> int | None:
    """When a request that was refused by its rule is worth another try."""
    account = exchange.account
    if account is None or account.ticket is None:
        return None
    turn = account.ticket.turn
    return turn.retry_after if turn.stage is Stage.REFUSED else None


def take_up(listener: Listener, settings: LoadBalancer) -> Callable[[], None]:
    """Hold clients by these settings from now on.

    Returns:
        What puts back what was in force.
    """
    live, before = listener.shaping, None
    wanted = settings.shaping.enabled
    if live is not None and wanted:
        before = live.shaper.settings, live.shaper.rules, live.adaptive
        live.apply(settings.shaping)
        _forget(listener)
    else:
        _swap(listener, LiveShaping(listener, settings) if wanted else None)

    def undo() -> None:
        if listener.shaping is not live:
            _swap(listener, live)
        elif live is not None and before is not None:
            live.apply(before[0])
            live.shaper.hold(before[1], listener.time())
            live.adaptive = before[2]
            _forget(listener)

    return undo


def _swap(listener: Listener, live: LiveShaping | None) -> None:
    if listener.shaping is not None:
        listener.shaping.end()
    listener.shaping = live
    listener.node.shaper = None if live is None else live.shaper
    listener.placer.share_fairly(live is not None)
    _forget(listener)


def _forget(listener: Listener) -> None:
    for connection in listener.connections:
        connection.forget()  # a head that is remembered may lack its fields
