"""Balancers in front of stations in virtual time: every request of a plan, from its coming to its
answer.

It is handed its balancers, the very nodes that the live proxy runs, and does around them what the
data path does: it makes the outcome of each attempt, passes on load reports, polls, tries again and
asks what a policy wants to know. Deterministic: dice and time are handed in or its own.
"""

from __future__ import annotations

import random
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import nan
from typing import Generic, Protocol

from rl.simulation.balancer import AttemptT, Balancer, Polls, Retries
from rl.simulation.kernel import Kernel, Timeouts
from rl.simulation.latency_estimate import LatencyEstimate
from rl.simulation.service import ServiceBehaviour
from rl.simulation.station import Station, Visit
from rl.vocabulary import Endpoint, EndpointStats, Outcome, Prober, RequestContext, Verdict

REPORT_SECONDS = 0.1
"""A balancer reads ten load reports a second of each endpoint, as the live one does."""

SWEEP_SECONDS = 0.25
"""Retry budgets are told of the traffic that often, as in the live data path."""

RETRY_AFTER_SECONDS = 1.0
"""What a station's 503 asks for, as the live backend's."""

NO_ANSWER = 0
UNAVAILABLE, GATEWAY_TIMEOUT = 503, 504
NOWHERE = -1

BEGINNING = 100_000.0
"""Monotonic seconds at the first moment: a clock does not begin at 0."""

_SUCCESS, _FAILURE = Verdict.SUCCESS, Verdict.FAILURE


class Planned(Protocol):
    """A request of the plan: seconds after the beginning, what is asked, and how large it is among
    those of its kind."""

    offset: float
    method: str
    path: str
    body_bytes: int
    quantile: float


@dataclass(frozen=True, slots=True)
class Conditions:
    """What surrounds the balancers; seconds.

    Attributes:
        timeout: of an attempt; None is never.
        network: one way between a balancer and a station.
        improve_period: of ``improve``.
        domain: that all requests are for.
    """

    timeout: float | None = None
    network: float = 0.0
    improve_period: float = 0.1
    domain: str = ""


class Record:
    """What became of each request, in the order of their coming.

    Attributes:
        arrived: seconds after the beginning.
        latency: from there to the first byte of what the client got.
        status: of that.
        station: number of the last one it was sent to; -1 for none.
        balancer: number of the one that it came to.
        tries: attempts made.
    """

    __slots__ = ("arrived", "balancer", "latency", "station", "status", "tries")

    def __init__(self, plan: Sequence[Planned] = ()) -> None:
        length = len(plan)
        self.arrived = array("d", [each.offset for each in plan])
        self.latency = array("d", [nan]) * length
        self.status = array("H", [NO_ANSWER]) * length
        self.station = array("i", [NOWHERE]) * length
        self.balancer = array("H", [0]) * length
        self.tries = array("B", [0]) * length

    def __len__(self) -> int:
        return len(self.arrived)


class Cluster(Generic[AttemptT]):
    """Moves requests between balancers and stations.

    Attributes:
        kernel: the clock.
        stations: all of them, also those that have not joined yet.
        balancers: in front of them; put in before ``run``.
        record: what became of the requests.
    """

    def __init__(
        self,
        conditions: Conditions,
        dice: random.Random,
        beginning: float = BEGINNING,
    ) -> None:
        """
        Args:
            dice: which balancer a request comes to, if there are several.
        """
        self.kernel = Kernel(beginning)
        self.stations: list[Station] = []
        self.balancers: list[Balancer[AttemptT]] = []
        self.record = Record()
        self._beginning = beginning
        self._conditions = conditions
        self._network = conditions.network
        self._throw = dice.random
        self._by_id: dict[str, Station] = {}
        self._plan: Sequence[Planned] = ()
        self._came = 0
        self._open = 0
        self._timeouts: Timeouts[Visit] | None = None
        if conditions.timeout is not None:
            self._timeouts = Timeouts(self.kernel, conditions.timeout, self._timed_out)

    def add_station(self, id: str, behaviour: ServiceBehaviour, estimates: bool = False) -> Station:
        """One more backend.

        Args:
            estimates: it is probed, so that it keeps its estimate up.
        """
        estimate = LatencyEstimate() if estimates else None
        number = len(self.stations)
        station = Station(id, number, behaviour, self.kernel, self._answered, estimate)
        self.stations.append(station)
        self._by_id[id] = station
        return station

    def join(self, second: float, endpoint: Endpoint) -> None:
        """At that second a station that is there is made known to all balancers."""
        self.kernel.at(self._beginning + second, self._joins, endpoint)

    def run(self, plan: Sequence[Planned]) -> Record:
        """All requests of the plan, which are in the order of their coming, each to its end.

        Raises:
            RuntimeError: some never end: they hang, and there is no timeout.
        """
        kernel, conditions = self.kernel, self._conditions
        for balancer in self.balancers:
            if balancer.polls is not None:
                for station in self.stations:
                    self._watch(balancer, station)
            if balancer.retries is not None:
                kernel.every(SWEEP_SECONDS, balancer.retries.sweep)
            if balancer.improve is not None:
                kernel.every(conditions.improve_period, _without_time(balancer.improve))
        self.record = Record(plan)
        self._plan = plan
        self._await(0)
        kernel.run()
        if self._open:
            raise RuntimeError(f"{self._open} requests hang for ever: set a timeout")
        return self.record

    def ask(self, policy: Prober, named: Sequence[EndpointStats]) -> None:
        """A policy wants to know how these are; what a node's ``ask`` is set to. They are asked
        after the request has been sent on that it follows, also where no time passes."""
        kernel, network = self.kernel, self._network
        for stats in named:
            kernel.at(kernel.now + network, self._asked, (policy, stats))

    def _asked(self, probe: tuple[Prober, EndpointStats], now: float) -> None:
        policy, stats = probe
        station = self._by_id[stats.id]
        told = (policy, stats, station.active, station.expect(now))
        if self._network:
            self.kernel.at(now + self._network, _told, told)
        else:
            _told(told, now)

    # A request's way.

    def _await(self, number: int) -> None:
        plan = self._plan
        if number < len(plan):
            self.kernel.at(self._beginning + plan[number].offset, self._arrive, number)
        elif not self._open:
            self.kernel.stop_timers()

    def _arrive(self, number: int, now: float) -> None:
        planned, balancers = self._plan[number], self.balancers
        balancer = balancers[0]
        if len(balancers) > 1:
            which = int(self._throw() * len(balancers))
            self.record.balancer[number] = which
            balancer = balancers[which]
        self._open += 1
        self._came = number + 1
        context = RequestContext(
            planned.method, planned.path, self._conditions.domain, size=planned.body_bytes
        )
        self._place(number, now, context, planned.quantile, balancer, (), now)
        self._await(number + 1)

    def _place(
        self,
        number: int,
        asked_at: float,
        context: RequestContext,
        quantile: float,
        balancer: Balancer[AttemptT],
        tried: tuple[str, ...],
        now: float,
    ) -> None:
        attempt = balancer.node.route(context, "", now, tried)
        if attempt is None:
            self._over(number, asked_at, UNAVAILABLE, now)
            return
        station = self._by_id[attempt.stats.id]
        visit = Visit(number, asked_at, context, quantile, balancer, attempt, tried, station)
        record = self.record
        record.station[number] = station.number
        record.tries[number] = len(tried) + 1
        if self._timeouts is not None:
            self._timeouts.begin(visit, now)
        if self._network:
            self.kernel.at(now + self._network, station.arrive, visit)
        else:
            station.arrive(visit, now)

    def _answered(self, visit: Visit, now: float) -> None:
        if self._network:
            self.kernel.at(now + self._network, self._first_byte, visit)
        else:
            self._first_byte(visit, now)

    def _first_byte(self, visit: Visit, now: float) -> None:
        if visit.over:
            return  # it comes too late
        visit.over = True
        status, attempt = visit.status, visit.attempt
        balancer: Balancer[AttemptT] = visit.balancer
        node, stats = balancer.node, attempt.stats
        if status < 500:
            if now - stats.reported_at > REPORT_SECONDS:
                node.table.load_reported(stats, visit.station.load_report(now), now)
            node.complete(attempt, Outcome(_SUCCESS, now - attempt.started, status), now)
            self._over(visit.number, visit.asked_at, status, now)
            return
        again = self._tries_again(visit, status, now)
        if not again and now - stats.reported_at > REPORT_SECONDS:
            # Of an answer that goes no further only its Retry-After is read.
            node.table.load_reported(stats, visit.station.load_report(now), now)
        if status == UNAVAILABLE:
            node.retry_after(stats, status, RETRY_AFTER_SECONDS, now)
        self._failed(visit, status, status, again, now)

    def _timed_out(self, visit: Visit, now: float) -> None:
        visit.over = True
        # Closing the connection tells the station that nobody waits.
        if self._network:
            self.kernel.at(now + self._network, visit.station.leave, visit)
        else:
            visit.station.leave(visit, now)
        again = self._tries_again(visit, NO_ANSWER, now)
        self._failed(visit, NO_ANSWER, GATEWAY_TIMEOUT, again, now)

    def _tries_again(self, visit: Visit, status: int, now: float) -> bool:
        retries: Retries | None = visit.balancer.retries
        if retries is None:
            return False
        return retries.again(visit.context, status, (*visit.tried, visit.station.id), now)

    def _failed(self, visit: Visit, status: int, shown: int, again: bool, now: float) -> None:
        attempt = visit.attempt
        outcome = Outcome(_FAILURE, now - attempt.started, status)
        visit.balancer.node.complete(attempt, outcome, now)
        if not again:
            self._over(visit.number, visit.asked_at, shown, now)
            return
        self._place(
            visit.number,
            visit.asked_at,
            visit.context,
            visit.quantile,
            visit.balancer,
            (*visit.tried, visit.station.id),
            now,
        )

    def _over(self, number: int, asked_at: float, status: int, now: float) -> None:
        record = self.record
        record.latency[number] = now - asked_at
        record.status[number] = status
        self._open = left = self._open - 1
        if not left and self._came == len(self._plan):
            self.kernel.stop_timers()

    # Comings and polls.

    def _joins(self, endpoint: Endpoint, now: float) -> None:
        for balancer in self.balancers:
            stats = balancer.node.table.join(endpoint)
            balancer.node.joined(stats, now)
            balancer.node.refresh()
            if balancer.polls is not None:
                self._watch(balancer, self._by_id[endpoint.id])

    def _watch(self, balancer: Balancer[AttemptT], station: Station) -> None:
        assert balancer.polls is not None
        try:
            stats = balancer.node.table[station.id]
        except KeyError:
            return  # it has not joined yet
        polls = balancer.polls
        self.kernel.at(self.kernel.now + polls.first(stats), self._poll, (polls, stats, station))

    def _poll(self, one: tuple[Polls, EndpointStats, Station], now: float) -> None:
        if self.kernel.ticking:
            polls, stats, station = one
            self.kernel.at(now + polls.poll(stats, station, now), self._poll, one)


def _without_time(call: Callable[[], object]) -> Callable[[float], object]:
    return lambda now: call()


def _told(told: tuple[Prober, EndpointStats, int, float], now: float) -> None:
    policy, stats, active, latency = told
    policy.probed(stats, active, latency, now)
