"""A backend in virtual time: who works on what until when, and what it says of its load.

The rules are those of the live backend, and so are the objects: behaviour, slots, meter, estimate.
Knows no balancer: who comes is a visit, and whoever made the station is told of each answer.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from math import inf
from typing import Any

from rl.simulation.kernel import Kernel
from rl.simulation.latency_estimate import LatencyEstimate
from rl.simulation.load_meter import LoadMeter
from rl.simulation.service import Place, ServiceBehaviour, Slots
from rl.simulation.sharing import Sharing
from rl.vocabulary import RequestContext

RECENT = 100
"""The mean response time is taken over this many last answers."""

REFUSED = 503

_STARTED, _REFUSED = Place.STARTED, Place.REFUSED


class Visit:
    """One attempt, from the decision to its end, at the station and on the way.

    Attributes:
        number: of the request in its run.
        asked_at: when the request came; ``context`` is what it asked.
        quantile: of its size.
        balancer: who sent it; ``attempt`` is its own record of it.
        tried: ids of the endpoints that this request has failed at before.
        station: where it goes.
        over: the balancer has its answer, or has given it up.
        came: when it was at the station; ``found`` says how many were there.
        seconds: of work, expected.
        working: it holds a slot.
        left: it is not at the station any more.
        status: of the answer.
    """

    __slots__ = (
        "asked_at",
        "attempt",
        "balancer",
        "came",
        "context",
        "found",
        "left",
        "number",
        "over",
        "quantile",
        "seconds",
        "station",
        "status",
        "tried",
        "working",
    )

    def __init__(
        self,
        number: int,
        asked_at: float,
        context: RequestContext,
        quantile: float,
        balancer: Any,
        attempt: Any,
        tried: tuple[str, ...],
        station: Station,
    ) -> None:
        self.number = number
        self.asked_at = asked_at
        self.context = context
        self.quantile = quantile
        self.balancer = balancer
        self.attempt = attempt
        self.tried = tried
        self.station = station
        self.over = self.left = self.working = False
        self.came = self.seconds = 0.0
        self.found = self.status = 0


class Station:
    """One backend.

    Attributes:
        number: its place in the cluster's list.
        behaviour: what becomes of a request; its clock runs from the kernel's time at the making.
        slots: who works and who waits.
        active: requests that are there, also those that hang without a slot.
        backlog: seconds of work that those who work or wait were expected to take when they came.
        meter, estimate: what it tells of itself; without an estimate it is not kept up.
    """

    __slots__ = (
        "_answered",
        "_began",
        "_kernel",
        "_plan",
        "_recent",
        "active",
        "backlog",
        "behaviour",
        "estimate",
        "id",
        "meter",
        "number",
        "slots",
    )

    def __init__(
        self,
        id: str,
        number: int,
        behaviour: ServiceBehaviour,
        kernel: Kernel,
        answered: Callable[[Visit, float], object],
        estimate: LatencyEstimate | None = None,
    ) -> None:
        """
        Args:
            answered: is told of each visit whose ``status`` is there, in the moment of its answer.
        """
        profile = behaviour.profile
        self.id = id
        self.number = number
        self.behaviour = behaviour
        self.active = 0
        self.backlog = 0.0
        self.meter = LoadMeter(profile.slots)
        self.estimate = estimate
        self.slots: Slots[Visit] | Sharing[Visit]
        if profile.discipline == "processor_sharing":
            self.slots = Sharing(profile.slots, profile.queue_limit)
        else:
            self.slots = Slots(profile.slots, profile.queue_limit)
        self._answered = answered
        self._kernel = kernel
        self._began = kernel.now
        self._plan = 0
        self._recent: deque[float] = deque(maxlen=RECENT)

    @property
    def full(self) -> bool:
        """Whether the next one would be refused; it then says that it is unhealthy."""
        return self.slots.full

    @property
    def mean_seconds(self) -> float:
        """Mean response time of the last good answers; 0.0 before the first."""
        return sum(self._recent) / len(self._recent) if self._recent else 0.0

    def elapsed(self, now: float) -> float:
        """Seconds on the clock of its behaviour."""
        return now - self._began

    def expect(self, now: float) -> float:
        """What it tells who probes it: seconds that one more request is expected to take."""
        return 0.0 if self.estimate is None else self.estimate.expect(self.active, now)

    def load_report(self, now: float) -> bytes:
        """What its answers carry, in ORCA's text form. A slot stands for a processor, so both are
        used alike; of unlimited slots nothing is ever used."""
        meter = self.meter
        meter.sample(now)
        used = f"application_utilization={meter.utilization:.4f}," if meter.slots else ""
        failing = f"eps={meter.failure_rate:.2f}," if meter.failure_rate else ""
        return (
            f"TEXT cpu_utilization={meter.utilization:.4f},{used}"
            f"rps_fractional={meter.rate:.2f},{failing}named_metrics.active={self.active}"
        ).encode()

    def arrive(self, visit: Visit, now: float) -> None:
        """A request is here."""
        slots = self.slots
        context = visit.context
        visit.came = now
        visit.found = active = self.active
        if isinstance(slots, Slots):
            place = slots.arrive(visit)
            if place is _REFUSED:
                self._refuse(visit, now)
                return
            self.active = active + 1
            self.meter.busy(active + 1, now)
            visit.seconds = seconds = self.behaviour.mean(context.path)
            self.backlog += seconds
            if place is _STARTED and not self._start(visit, now):
                self._free(slots, now)
        else:
            self._share(slots, visit, now)

    def leave(self, visit: Visit, now: float) -> None:
        """Nobody waits for its answer any more: what it holds is free. Nothing if it is done."""
        if visit.left:
            return
        self._gone(visit)
        self.meter.busy(self.active, now)
        slots = self.slots
        if isinstance(slots, Sharing):
            if slots.leave(visit, now):
                self._wait(slots)
        elif visit.working:
            self._free(slots, now)
        else:
            slots.leave(visit)

    def _gone(self, visit: Visit) -> None:
        visit.left = True
        self.active -= 1
        # What was added comes off again, and rounding must not pile up while nobody is here.
        self.backlog = self.backlog - visit.seconds if self.active else 0.0

    def _refuse(self, visit: Visit, now: float) -> None:
        visit.left = True
        visit.status = REFUSED
        self.meter.answered(True)
        self.meter.sample(now)
        self._answered(visit, now)

    # First come, first served.

    def _start(self, visit: Visit, now: float) -> bool:
        """It has a slot; whether it keeps it."""
        work = self.behaviour.work(visit.context.path, now - self._began, visit.quantile)
        if work.seconds < inf:
            visit.status = work.status
        elif not work.holds_slot:
            return False
        else:
            visit.working = True
            return True
        visit.working = True
        self._kernel.at(now + work.seconds, self._finish, visit)
        return True

    def _free(self, slots: Slots[Visit], now: float) -> None:
        turn = slots.finish()
        while turn is not None and not self._start(turn, now):
            turn = slots.finish()

    def _finish(self, visit: Visit, now: float) -> None:
        if visit.left:
            return  # its client did not wait
        assert isinstance(self.slots, Slots)
        self._free(self.slots, now)
        self._done(visit, now)

    def _done(self, visit: Visit, now: float) -> None:
        self._gone(visit)
        failed = visit.status >= 400
        meter = self.meter
        meter.busy(self.active, now)
        meter.answered(failed)
        meter.sample(now)
        if not failed:
            seconds = now - visit.came
            self._recent.append(seconds)
            if self.estimate is not None:
                self.estimate.answered(visit.found, seconds, now)
        self._answered(visit, now)

    # Processor sharing.

    def _share(self, slots: Sharing[Visit], visit: Visit, now: float) -> None:
        if slots.full:
            self._refuse(visit, now)
            return
        self.active += 1
        self.meter.busy(self.active, now)
        visit.seconds = self.behaviour.mean(visit.context.path)
        self.backlog += visit.seconds
        work = self.behaviour.work(visit.context.path, now - self._began, visit.quantile)
        visit.status = work.status
        if work.holds_slot:
            visit.working = True
            slots.join(visit, work.seconds, now)
            self._wait(slots)

    def _wait(self, slots: Sharing[Visit]) -> None:
        """Look again when the next one is done; only the latest plan counts."""
        self._plan += 1
        due = slots.due()
        if due < inf:
            self._kernel.at(due, self._shared, self._plan)

    def _shared(self, plan: int, now: float) -> None:
        if plan != self._plan:
            return
        assert isinstance(self.slots, Sharing)
        visit = self.slots.finish(now)
        self._wait(self.slots)
        self._done(visit, now)
