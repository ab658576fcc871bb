"""What is measured of a client in one control interval, and what it wants."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from math import isfinite

MOST_METRICS = 16
"""That one client may tell of its application, or have targets for."""

LONGEST_METRIC_NAME = 64

MISSED_SHARE = 0.05
"""Of the requests that ended: when more of them got no answer, no latency at the 95th percentile is
low enough."""


@dataclass(slots=True)
class Reading:
    """One client's interval. Counts are of this interval alone.

    Attributes:
        seconds: its length.
        arrivals: requests that came.
        completed: answered in full.
        failed: broken off, or answered by an error of an endpoint.
        refused: by the client's rule.
        delayed: had to wait for the client's rule.
        received_bytes, sent_bytes: from the client and to it; of long answers what has gone so far.
        resets: connections of the client that broke.
        retransmitted, segments: TCP's, to the client and to endpoints for it.
        round_trip_seconds: to the client; 0 is not known.
        endpoint_round_trip_seconds: to the endpoints; 0 is not known.
        p50_seconds, p95_seconds: from coming to the first byte of the answer, delays included; 0
            while nothing was answered lately.
        waiting: requests that have not passed yet, now.
        in_flight: that have passed and are not over, now.
        cpu, memory: of the endpoints, from 0 to 1.
        pressure: of the node, from 0 to 1.
        deadline_missed: requests that were answered later than the client's deadline.
        application: the worst of the client's own metrics over its target; 1 when there is none,
            below 1 is missed.
        others_completed: requests of all other clients.
        others_violations: share of the other clients' targets that were missed, 0 to 1, each
            client's by its weight.
        others_weight: the mean weight of the other clients that have targets; 0 without any.
        others_p95_ratio: the worst 95th percentile among them over its target; 0 without any.

    The figures of others and ``application`` are filled in by who sees all clients and targets
    (``load_balancer.shaping.adaptive``); whoever measures leaves them as they are.
    """

    seconds: float = 1.0
    arrivals: int = 0
    completed: int = 0
    failed: int = 0
    refused: int = 0
    delayed: int = 0
    received_bytes: int = 0
    sent_bytes: int = 0
    resets: int = 0
    retransmitted: int = 0
    segments: int = 0
    round_trip_seconds: float = 0.0
    endpoint_round_trip_seconds: float = 0.0
    p50_seconds: float = 0.0
    p95_seconds: float = 0.0
    waiting: int = 0
    in_flight: int = 0
    cpu: float = 0.0
    memory: float = 0.0
    pressure: float = 0.0
    deadline_missed: int = 0
    application: float = 1.0
    others_completed: int = 0
    others_violations: float = 0.0
    others_weight: float = 0.0
    others_p95_ratio: float = 0.0

    def check(self) -> None:
        """
        Raises:
            ValueError: a figure is below 0 or not a finite number; it names the figure.
        """
        for name in _FIGURES:
            value = getattr(self, name)
            if not (isfinite(value) and value >= 0):
                raise ValueError(f"{name}: must be a finite number, 0 or more, not {value}")
        if self.seconds <= 0:
            raise ValueError("seconds: must be above 0")

    @property
    def idle(self) -> bool:
        """Nothing of the client was there."""
        return not (self.arrivals or self.completed or self.waiting or self.in_flight)


_FIGURES = tuple(each.name for each in fields(Reading))


@dataclass(frozen=True, slots=True)
class Targets:
    """What a client wants. None wants nothing.

    Attributes:
        p95_seconds: the 95th percentile of the time to the first byte, at the most.
        requests_per_second: answered, at least, as long as so many come.
        deadline_seconds: by which a request must be answered to be of use.
        weight: of its targets beside other clients'.
        application_target: by the name of a metric of its own, what that is to reach.

    Raises:
        ValueError: a target is no number or out of range; it names the key.
    """

    p95_seconds: float | None = None
    requests_per_second: float | None = None
    deadline_seconds: float | None = None
    weight: float = 1.0
    application_target: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, most in _MOST.items():
            value = getattr(self, name)
            if value is not None:
                _within(value, name, most)
        if len(self.application_target) > MOST_METRICS:
            raise ValueError(f"application_target: there can be {MOST_METRICS} metrics")
        for name, value in self.application_target.items():
            check_metric(name, value, "application_target")
            if not value > 0:
                raise ValueError(f"application_target.{name}: must be above 0, not {value}")

    @property
    def count(self) -> int:
        """How many there are."""
        given = (self.p95_seconds, self.requests_per_second, self.deadline_seconds)
        return 3 - given.count(None) + bool(self.application_target)

    def missed(self, reading: Reading) -> list[str]:
        """Those that a reading does not reach, by name. A client of which nothing is there misses
        none."""
        found: list[str] = []
        if reading.idle:
            return found
        if self.p95_seconds is not None and self.p95_ratio(reading) > 1:
            found.append("p95_seconds")
        wanted = self.requests_per_second
        if wanted is not None:
            # Who asks for less than it may is not short of anything.
            came = reading.arrivals + reading.waiting
            if reading.completed < min(wanted * reading.seconds, came) * 0.95 - 1:
                found.append("requests_per_second")
        ended = reading.completed + reading.failed + reading.refused
        late = reading.deadline_missed + reading.failed + reading.refused
        if self.deadline_seconds is not None and late > MISSED_SHARE * ended:
            found.append("deadline_seconds")
        if self.application_target and reading.application < 1:
            found.append("application_target")
        return found

    def p95_ratio(self, reading: Reading) -> float:
        """The 95th percentile over its target: above 1 it is missed, 0 is not known. A request that
        got no answer is slower than any target."""
        if self.p95_seconds is None:
            return 0.0
        ratio = reading.p95_seconds / self.p95_seconds
        lost = reading.failed + reading.refused
        if lost > MISSED_SHARE * (reading.completed + lost):
            return max(ratio, LOST_RATIO)
        return ratio


LOST_RATIO = 2.0
"""What requests without an answer count as, at least."""

_MOST = {
    "p95_seconds": 3600.0,
    "requests_per_second": 1e6,
    "deadline_seconds": 3600.0,
    "weight": 100.0,
}


def check_metric(name: str, value: float, at: str) -> None:
    """
    Raises:
        ValueError: a metric's name is too long or empty, or its value not a finite number.
    """
    if not 0 < len(name) <= LONGEST_METRIC_NAME or not name.isprintable():
        raise ValueError(f"{at}: a metric's name has 1 to {LONGEST_METRIC_NAME} characters")
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        raise ValueError(f"{at}.{name}: must be a finite number, not {value}")


def _within(value: float, name: str, most: float) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{name}: must be a number, not {value!r}")
    if not 0 < value <= most:
        raise ValueError(f"{name}: must be above 0 and at most {most:g}, not {value}")
