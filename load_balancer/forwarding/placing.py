"""Where a request goes: the decision, a place where all are full, a connection, another try where
that is allowed, and a second one beside a slow first."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from config.balancer import LoadBalancer
from load_balancer.budget import Budget
from load_balancer.errors import (
    Declined,
    NoCandidate,
    NoService,
    QueueFull,
    QueueTimeout,
    StatusDeclined,
    UpstreamError,
)
from load_balancer.forwarding.account import retrace, tells_q
from load_balancer.forwarding.admitting import pool_of, whose
from load_balancer.forwarding.fields import Fields
from load_balancer.forwarding.hedge import Hedge
from load_balancer.forwarding.lanes import Key, key_of
from load_balancer.hedging import HedgeDelays, may_hedge
from load_balancer.node import Attempt
from load_balancer.retries import Failure, RetryRules
from load_balancer.shaping.fair_queue import FairQueue
from load_balancer.waiting import WaitingQueue
from rl.vocabulary import Outcome, Verdict

if TYPE_CHECKING:
    from load_balancer.forwarding.exchange import Exchange
    from load_balancer.forwarding.listener import Listener


class Placer:
    """Finds endpoints for the exchanges of one node. One for all of them: what a request has tried
    so far is in its exchange.

    Attributes:
        rules: when another try is made.
        queue: exchanges that wait for a place at an endpoint.
        answer_seconds: how long a try may take to its answer's first byte.
    """

    __slots__ = (
        "_declining",
        "_delays",
        "_displacing",
        "_hedge_budget",
        "_kept_bytes",
        "_listener",
        "_no_service_status",
        "_node",
        "_pool",
        "_retry_budget",
        "_serving",
        "_settings",
        "_shapes",
        "answer_seconds",
        "queue",
        "rules",
    )

    def __init__(self, listener: Listener, settings: LoadBalancer) -> None:
        self._listener = listener
        self._node = listener.node
        self._pool = listener.pool
        admission = settings.admission
        self.queue: WaitingQueue[Exchange] = WaitingQueue(
            admission.queue_length, admission.queue_seconds, self._node.counters
        )
        self._serving = self._displacing = self._shapes = False
        self._settings: LoadBalancer | None = None
        self._delays: HedgeDelays | None = None
        self.apply(settings)

    def apply(self, settings: LoadBalancer) -> None:
        """Take up other settings; who waits goes on waiting."""
        before, self._settings = self._settings, settings
        retries, hedging, admission = settings.retries, settings.hedging, settings.admission
        self.rules = RetryRules(retries)
        self._declining = settings.decline_load is not None
        self._no_service_status = settings.no_service_status
        self._kept_bytes = retries.replay_bytes if retries.attempts > 1 else 0
        first_byte = settings.deadlines.first_byte_seconds
        self.answer_seconds = min(retries.try_seconds or first_byte, first_byte)
        self.queue.bound(admission.queue_length, admission.queue_seconds)
        if before is None or before.retries != retries:
            self._retry_budget = Budget(
                retries.budget_share,
                retries.budget_minimum_per_second,
                retries.budget_window_seconds,
            )
        if before is None or before.hedging != hedging:
            self._hedge_budget = Budget(
                hedging.budget_share,
                hedging.budget_minimum_per_second,
                hedging.budget_window_seconds,
            )
            self._delays = None
            if hedging.enabled:
                self._delays = HedgeDelays(hedging, self._listener.time())

    def share_fairly(self, fairly: bool) -> None:
        """Let clients wait for places in a fair order, or in the order of their arrival; who waits
        goes on waiting."""
        self._shapes = fairly
        before, counters = self.queue, self._node.counters
        most = max(before.most, before.length)
        seconds = before.seconds
        queue: WaitingQueue[Exchange] = (
            FairQueue(most, seconds, counters, whose)
            if fairly
            else WaitingQueue(most, seconds, counters)
        )
        for place in before.places():
            exchange = place.item
            assert exchange is not None
            exchange.place = queue.join(exchange, place.since)
            counters.queued -= 1  # it was counted before
        queue.bound(before.most, seconds)
        self.queue = queue

    def kept_bytes(self, method: str) -> int:
        """How much of a request's body is kept for another try."""
        return self._kept_bytes if self.rules.repeats(method) else 0

    def place(self, exchange: Exchange, now: float) -> None:
        """Decide, and send the request there; or let it wait until there is room.

        Raises:
            NoCandidate: no endpoint can take it, or none serves its domain, or this node declines.
        """
        if self._declining and not exchange.tried and self._node.declines():
            raise Declined(self._no_service_status)
        queue = self.queue
        if not queue.length or self._overtakes_nobody(now):
            context = exchange.context
            assert context is not None
            try:
                held = self._shapes and exchange.account is not None
                pool = pool_of(exchange) if held else ""
                attempt = self._node.route(context, exchange.request_id, now, exchange.tried, pool)
            except Exception as error:
                self._no_decision(error)
            if attempt is not None:
                self._send(exchange, attempt, now)
                return
        if not self._full(exchange, exchange.tried):
            domains = self._node.domains
            if domains.named is not None and not domains.group(_domain(exchange)).members:
                raise NoService(self._no_service_status)
            raise NoCandidate
        gives_way = self._gives_way(exchange, now) if queue.full else None
        exchange.place = queue.join(exchange, now)
        if exchange.place is None:
            raise QueueFull
        if gives_way is not None:
            self._displace(gives_way)

    def _gives_way(self, exchange: Exchange, now: float) -> Exchange | None:
        """Who has left the full queue for one who comes, if anybody must."""
        place = None if self._displacing else self.queue.yields(exchange)
        found = None if place is None else place.item
        if found is not None:
            self._leave(found, now)
            self._node.counters.queue_refused("displaced")
        return found

    def _displace(self, exchange: Exchange) -> None:
        """Tell who has left the queue for another. What its client asks next, at once, displaces
        nobody."""
        self._displacing = True
        try:
            error = QueueFull()
            exchange.client.answer_error(error.status, error.label, error.text)
        finally:
            self._displacing = False

    def _send(self, exchange: Exchange, attempt: Attempt, now: float) -> None:
        exchange.attempt = attempt
        if self._delays is not None:
            self._watch(exchange, self._delays, now)
        head = exchange.head
        held = self._shapes and exchange.account is not None
        key: Key = key_of(exchange, attempt.stats) if held else attempt.stats
        connection = self._pool.take(key, head is None or not head.repeatable)
        if connection is None:
            self._pool.open(exchange, attempt)
        else:
            exchange.connected(connection, now)

    def _route(self, exchange: Exchange, tried: tuple[str, ...], now: float) -> Attempt | None:
        context = exchange.context
        assert context is not None
        try:
            return self._node.route(context, exchange.request_id, now, tried, pool_of(exchange))
        except Exception as error:
            self._no_decision(error)

    def _full(self, exchange: Exchange, tried: tuple[str, ...]) -> bool:
        return self._node.full(tried, _domain(exchange), pool_of(exchange))

    def _no_decision(self, error: Exception) -> NoReturn:
        # A strategy's fault must not leave its client waiting for ever.
        self._listener.report("a request could not be routed", error)
        raise NoCandidate from None

    def complete(self, attempt: Attempt, outcome: Outcome, now: float) -> None:
        """What came of an attempt; then whoever waits for a place may get that one."""
        try:
            self._node.complete(attempt, outcome, now)
        except Exception as error:
            self._listener.report("an attempt could not be learned from", error)
        if self._delays is not None and outcome.verdict is Verdict.SUCCESS:
            self._delays.observe(attempt.context.request_class, outcome.latency, now)
        if self.queue.length:
            self.serve(now)

    def outrun(self, first: Attempt, now: float) -> None:
        """A second try has answered before the first one, which would have taken longer still than
        it has so far: without that its class would seem to have only fast ones."""
        if self._delays is not None:
            self._delays.observe(first.context.request_class, now - first.started, now)

    # Waiting for a place.

    def serve(self, now: float) -> None:
        """Send those who wait, in order, while there is room."""
        if self._serving:
            return  # who is answered here may ask the next thing at once; the loop below goes on
        self._serving = True
        try:
            while self._serve_one(now):
                pass
        finally:
            self._serving = False

    def _serve_one(self, now: float) -> bool:
        """The first who can go, goes; whether there was one."""
        # Where all wait for the same endpoints, one answer is that of all.
        alike = self._node.domains.named is None and not self._shapes
        crowded: set[tuple[str, str]] = set()
        for exchange in self.queue.waiting():
            kin = _domain(exchange), pool_of(exchange)
            if not exchange.tried and kin in crowded:
                continue
            try:
                attempt = self._route(exchange, exchange.tried, now)
            except NoCandidate as error:
                self._leave(exchange, now)
                exchange.client.answer_error(error.status, error.label, error.text)
                return True
            if attempt is not None:
                self._leave(exchange, now, served=True)
                if exchange.tried:
                    self._node.counters.retries += 1
                self._send(exchange, attempt, now)
                return True
            if not exchange.tried:
                if alike:
                    return False  # there is no room for anybody
                crowded.add(kin)
            # What has room, it has tried: that need not stay empty for it.
        return False

    def _overtakes_nobody(self, now: float) -> bool:
        """Whether all have gone who wait and can go."""
        if self._serving:
            return False
        self.serve(now)
        return True

    def _leave(self, exchange: Exchange, now: float, served: bool = False) -> None:
        place = exchange.place
        if place is not None:
            self.queue.leave(place, served)
            exchange.place = None
            exchange.noted().queue += now - place.since

    def give_up(self, exchange: Exchange, now: float) -> None:
        """Its client has gone while it waited."""
        self._leave(exchange, now)

    def sweep(self, now: float) -> None:
        """Look after who waits, and tell the budgets of the traffic."""
        if self.queue.length:
            self.serve(now)
            for exchange in self.queue.expired(now):
                if exchange.place is not None:
                    exchange.noted().queue += now - exchange.place.since
                    exchange.place = None
                error = QueueTimeout()
                exchange.client.answer_error(error.status, error.label, error.text)
        counters = self._node.counters
        total = counters.attempts() - counters.retries - counters.hedges
        self._retry_budget.traffic(total, now)
        self._hedge_budget.traffic(total, now)

    # Another try.

    def again(self, exchange: Exchange, error: UpstreamError, now: float) -> None:
        """A try has failed before its answer began: make another one, or tell the client."""
        if isinstance(error, StatusDeclined) or self._may_retry(exchange, error.failure, now):
            retrace(exchange)
            try:
                self.place(exchange, now)
            except NoCandidate:
                pass
            else:
                if exchange.place is None:
                    self._node.counters.retries += 1
                return
        exchange.client.answer_error(error.status, error.label, str(error))

    def declines(self, exchange: Exchange, status: int, fields: Fields, now: float) -> bool:
        """Whether an answer with this status is to be dropped for another try's. What it says of
        its endpoint counts all the same."""
        attempt = exchange.attempt
        if attempt is None or not self.rules.retries_status(status):
            return False
        elsewhere = (*exchange.tried, attempt.stats.id)
        if not self._may_retry(exchange, Failure.STATUS, now, elsewhere):
            return False
        self.asked_to_wait(attempt, status, fields, now)
        return True

    def asked_to_wait(self, attempt: Attempt, status: int, fields: Fields, now: float) -> None:
        """Act upon the Retry-After of an answer that goes no further. A next node that tells what
        its way is worth speaks of this request only."""
        if tells_q(self._listener, attempt, fields):
            return
        for name, value in fields:
            if name.lower() == b"retry-after":
                self._listener.retry_after(attempt.stats, status, value, now)

    def _may_retry(
        self,
        exchange: Exchange,
        failure: Failure,
        now: float,
        tried: tuple[str, ...] | None = None,
    ) -> bool:
        head = exchange.head
        assert head is not None
        tried = exchange.tried if tried is None else tried
        if not self.rules.may_retry(
            head.method, exchange.sent, exchange.replayable(), failure, len(tried)
        ) or not self._full(exchange, tried):
            return False
        if self._retry_budget.take(now):
            return True
        self._node.counters.budget_refusals["retry"] += 1
        return False

    # A second try beside the first.

    def _watch(self, exchange: Exchange, delays: HedgeDelays, now: float) -> None:
        head, context = exchange.head, exchange.context
        assert head is not None and context is not None
        if head.upgrade or not may_hedge(head.method, exchange.body is not None):
            return
        delay = delays.delay(context.request_class, now)
        if delay is not None:
            timer = self._listener.loop.call_later(delay, self._hedge, exchange)
            exchange.hedge = Hedge(exchange, timer)

    def _hedge(self, exchange: Exchange) -> None:
        hedge, first = exchange.hedge, exchange.attempt
        if hedge is None or first is None or first.over or exchange.response is not None:
            return
        now = self._listener.time()
        tried = (*exchange.tried, first.stats.id)
        counters = self._node.counters
        if not self._full(exchange, tried):
            return
        if not self._hedge_budget.take(now):
            counters.budget_refusals["hedge"] += 1
            return
        try:
            attempt = self._route(exchange, tried, now)
        except NoCandidate:
            return
        if attempt is not None:
            counters.hedges += 1
            hedge.start(attempt)


def _domain(exchange: Exchange) -> str:
    return "" if exchange.context is None else exchange.context.domain
