"""References: rules that look into the stations, which no router can. Not a lower bound.

``oracle`` sends each request where its expected cost is least, knowing every server's true mean for
its path, slots, queue, present phase and remembered pages (shortest expected delay; Winston 1977,
"Optimality of the shortest line discipline", for the simplest case). Greedy means that it ignores
what a request costs those that come later. The other two add a half or all of that, by the
relative value function of M/M/c (``rl.queueing.externality``). The reference of a scenario is the
best of them, by the mean cost over its seeds.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from math import exp

from config.schema import Settings
from rl.queueing import externality
from rl.simulation.profile import ServiceProfile
from rl.simulation.station import Station
from rl.vocabulary import Decision, EndpointStats, Observation, Policy, Transition

NAMES = ("oracle", "oracle:externality=0.5", "oracle:externality=1")

FAILURE_SECONDS = 1.0
"""What a failure costs, as it is counted."""

FORGET_SECONDS = 2.0
"""Rates of arrivals and means of work are over about so long."""

RENEW_SECONDS = 0.1
"""How old what is worked out from them may be."""

HIGHEST_LOAD = 0.9
"""The utilisation that the value function is made for at the most; at 1 it has no end."""

MEASURED = 0.5
"""Weight of the arrivals as they were, against a split that uses all servers equally."""

LENGTH = 64
"""Queue lengths in a table of externalities; beyond it they rise evenly."""

LARGEST_RATIO = 3.0
"""A large request displaces others as so many mean ones at the most."""

LOOKED_AT = 64
"""Servers that are compared for one request; of a larger fleet so many, drawn for each."""


class Shared:
    """What the balancers of one run know together: every request that was placed."""

    def __init__(self, settings: Settings, stations: Sequence[Station]) -> None:
        self.timeout = settings.simulation.timeout_seconds or 0.0
        self.known = {station.id: Known(station) for station in stations}
        self._rate = 0.0
        self._capacity = 0.0
        self._renewed_at = float("-inf")

    def renewed(self, now: float) -> None:
        """Work out again what all servers have in common, if that is old."""
        if now - self._renewed_at < RENEW_SECONDS:
            return
        self._renewed_at = now
        self._rate = sum(each.rate(now) for each in self.known.values())
        self._capacity = sum(each.capacity for each in self.known.values())

    def rate_for(self, known: Known, now: float) -> float:
        """The arrivals that a server is to be judged by."""
        even = self._rate * known.capacity / self._capacity if self._capacity else 0.0
        return MEASURED * known.rate(now) + (1.0 - MEASURED) * even


class Known:
    """All about one server.

    Attributes:
        mean: seconds of work of a request, of those that were placed of late.
        work: expected seconds of work of the requests that it has now.
    """

    __slots__ = (
        "_at",
        "_costs",
        "_costs_at",
        "_decayed",
        "_residual",
        "mean",
        "placed",
        "sharing",
        "slots",
        "station",
        "work",
    )

    def __init__(self, station: Station) -> None:
        profile = station.behaviour.profile
        self.station = station
        self.slots = profile.slots
        self.sharing = profile.discipline == "processor_sharing"
        self.mean = station.behaviour.base_delay
        self.work = 0.0
        self.placed = 0
        # Of a request in service; the whole of it if the sizes are exponential.
        self._residual = min(1.0, (1.0 + squared_variation(profile)) / 2.0)
        self._decayed = 0.0
        self._at = 0.0
        self._costs: list[float] = []
        self._costs_at = float("-inf")

    @property
    def capacity(self) -> float:
        """Requests per second; of a server without limit, as if it had one slot."""
        return (self.slots or 1) / self.mean if self.mean > 0 else 1e9

    def rate(self, now: float) -> float:
        """Requests per second that were placed here of late."""
        return self._decayed * exp(-(now - self._at) / FORGET_SECONDS) / FORGET_SECONDS

    def place(self, seconds: float, now: float) -> None:
        """One more request."""
        self._decayed = self._decayed * exp(-(now - self._at) / FORGET_SECONDS) + 1.0
        self._at = now
        self.placed += 1
        self.work += seconds
        self.mean += max(1.0 / (self.placed + 10), 0.005) * (seconds - self.mean)

    def over(self, seconds: float) -> None:
        """It has been answered, or given up."""
        self.work = max(0.0, self.work - seconds)

    def delay(self, path: str, now: float) -> tuple[float, float, float]:
        """Seconds of work of a request that came now, with those before it, and its chance to
        fail."""
        behaviour = self.station.behaviour
        profile = behaviour.profile
        remembered = behaviour.remembers(path)
        seconds = profile.cache_seconds if remembered else behaviour.mean(path)
        if profile.phases:
            seconds *= behaviour.slowdown(self.station.elapsed(now))
        return seconds, seconds + self._wait(seconds), self._failing(now)

    def _wait(self, seconds: float) -> float:
        slots = self.slots
        there = self.there
        if slots is None or there < slots:
            return 0.0
        if self.sharing:
            return seconds * ((there + 1) / slots - 1.0)
        return self.work / there * (there - slots + self._residual) / slots

    @property
    def there(self) -> int:
        """Requests that work or wait."""
        return self.station.slots.working + self.station.slots.waiting

    def _failing(self, now: float) -> float:
        good = 1.0
        elapsed = self.station.elapsed(now)
        for phase in self.station.behaviour.profile.phases:
            if phase.kind in ("fail", "hang") and phase.covers(elapsed):
                good *= 1.0 - phase.probability
        return 1.0 - good

    def displaced(self, seconds: float, shared: Shared, now: float) -> float:
        """Seconds that such a request costs all that come later."""
        if self.slots is None or self.mean <= 0.0:
            return 0.0
        if now - self._costs_at >= RENEW_SECONDS:
            self._costs_at = now
            rate = min(shared.rate_for(self, now), HIGHEST_LOAD * self.slots / self.mean)
            self._costs = externality(self.slots, self.mean, rate, LENGTH)
        costs, there = self._costs, self.there
        if there < LENGTH:
            cost = costs[there]
        else:
            cost = costs[-1] + (there - LENGTH + 1) * (costs[-1] - costs[-2])
        return cost * min(LARGEST_RATIO, seconds / self.mean)


class Oracle:
    """Sends each request where it is expected to cost the least; ties fall at random.

    Args:
        weight: of what a request costs those that come later.
        stations: filled by the time of the first request.
    """

    def __init__(
        self, weight: float, settings: Settings, stations: Sequence[Station], builder: Builder
    ) -> None:
        self._weight = weight
        self._settings = settings
        self._stations = stations
        self._builder = builder
        self._dice = builder.dice
        self._shared: Shared | None = None

    def select(self, observation: Observation) -> Decision:
        shared = self._shared
        if shared is None:
            shared = self._shared = self._builder.shared(self._settings, self._stations)
        now, path, weight = observation.now, observation.request.path, self._weight
        if weight:
            shared.renewed(now)
        best, best_index, best_seconds, ties = float("inf"), 0, 0.0, 1
        for index in self._looked_at(observation.candidates):
            known = shared.known[observation.candidates[index].id]
            seconds, delay, failing = known.delay(path, now)
            cost = delay
            if weight:
                cost += weight * known.displaced(seconds, shared, now)
            if failing:
                cost = (1.0 - failing) * cost + failing * (FAILURE_SECONDS + shared.timeout)
            if cost < best - 1e-12:
                best, best_index, best_seconds, ties = cost, index, seconds, 1
            elif cost <= best + 1e-12:
                ties += 1
                if self._dice.random() * ties < 1.0:
                    best_index, best_seconds = index, seconds
        id = observation.candidates[best_index].id
        shared.known[id].place(best_seconds, now)
        return Decision(best_index, memo=(id, best_seconds))

    def observe(self, transition: Transition) -> None:
        id, seconds = transition.decision.memo
        assert self._shared is not None
        self._shared.known[id].over(seconds)

    def _looked_at(self, candidates: Sequence[EndpointStats]) -> Sequence[int]:
        if len(candidates) <= LOOKED_AT:
            return range(len(candidates))
        return self._dice.sample(range(len(candidates)), LOOKED_AT)


class Builder:
    """Makes the oracles of one run, one for each balancer, which know of each other's requests."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(f"oracle/{seed}")
        self._shared: Shared | None = None

    def __call__(
        self, name: str, settings: Settings, dice: random.Random, stations: Sequence[Station]
    ) -> Policy:
        """See ``cast.BuildPolicy``.

        Raises:
            ValueError: the name is not one of ``NAMES``.
        """
        if name not in NAMES:
            raise ValueError(f"no reference {name!r}; valid: {', '.join(NAMES)}")
        _, _, weight = name.partition("=")
        return Oracle(float(weight or 0.0), settings, stations, self)

    def shared(self, settings: Settings, stations: Sequence[Station]) -> Shared:
        """What they know together; made when the stations are there."""
        if self._shared is None:
            self._shared = Shared(settings, stations)
        return self._shared


def squared_variation(profile: ServiceProfile) -> float:
    """Squared coefficient of variation of the sizes."""
    if profile.sizes == "exponential":
        return 1.0
    if profile.sizes == "uniform":
        return profile.spread * profile.spread / 3.0
    return profile.spread * profile.spread
