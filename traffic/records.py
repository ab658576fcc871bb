"""What came of the requests that were sent, and the figures made of it. Knows no socket or clock.

Seconds everywhere; only the printed table is in milliseconds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

LAG_WORTH_A_WARNING = 0.010
"""Seconds. The event loop's timers are good to about one millisecond; ten say it is too slow."""


@dataclass(slots=True)
class Record:
    """One request that is over. Times are seconds; offsets count from the start of the plan.

    Attributes:
        index: its place in the plan.
        intended: offset at which it should have been sent.
        sent: offset at which it was begun: an idle connection taken or a new one asked for.
        latency: from the intended send to the last byte, or to the failure.
        first_byte: from the intended send to the first byte of the answer; None if none came.
        status: HTTP status; 0 if no complete answer came.
        error: why no complete answer came, in a few words; empty if one came.
        endpoint: who answered, as X-Server-Id says; empty if it does not.
        delayed: it found all allowed places in flight taken, and waited for one.
    """

    index: int
    intended: float
    sent: float
    latency: float
    first_byte: float | None
    status: int
    error: str
    request_id: str
    endpoint: str
    delayed: bool = False

    @property
    def failure(self) -> str:
        """Why it counts as failed: the error, or a status from 400 on; empty if it does not."""
        if self.error:
            return self.error
        return f"status {self.status}" if self.status >= 400 else ""


@dataclass(frozen=True, slots=True)
class Distribution:
    """Seconds; all zero when there was nothing to take them from."""

    mean: float = 0.0
    p50: float = 0.0
    p90: float = 0.0
    p95: float = 0.0
    p99: float = 0.0
    max: float = 0.0

    @classmethod
    def of(cls, values: Sequence[float]) -> Distribution:
        if not values:
            return cls()
        array = np.asarray(values)
        p50, p90, p95, p99 = (float(each) for each in np.percentile(array, (50, 90, 95, 99)))
        return cls(float(array.mean()), p50, p90, p95, p99, float(array.max()))


@dataclass(frozen=True, slots=True)
class Summary:
    """A run in a few figures.

    Attributes:
        planned, requests: how many were to be sent, and how many were sent and are over.
        failures: their number by reason.
        endpoints: answers by who gave them.
        planned_rate, sent_rate: requests per second of the plan, and of what was really sent.
        latency, first_byte: of the requests that did not fail.
        lag: send minus intended send of those that no cap held back.
        delayed: requests that the cap on requests in flight held back.
    """

    planned: int
    requests: int
    failures: Mapping[str, int]
    endpoints: Mapping[str, int]
    planned_rate: float
    sent_rate: float
    latency: Distribution
    first_byte: Distribution
    lag: Distribution
    delayed: int

    @property
    def failed(self) -> int:
        return sum(self.failures.values())

    def warnings(self) -> list[str]:
        """What a reader must know before believing the figures."""
        found = []
        if self.lag.p99 > LAG_WORTH_A_WARNING:
            found.append(
                "the generator could not keep up: requests left late by"
                f" {self.lag.p99 * 1000:.0f} ms (P99), {self.lag.max * 1000:.0f} ms at most;"
                " that is in the latencies above. Lower the rate or free the processor"
            )
        if self.delayed:
            found.append(
                f"{self.delayed} of {self.requests} requests waited for a place in flight"
                " (--concurrent); the wait is in the latencies above"
            )
        return found


def summarise(records: Iterable[Record], planned: int) -> Summary:
    """The figures of a run of which ``planned`` requests were to be sent."""
    every = list(records)
    failures = Counter(each.failure for each in every if each.failure)
    endpoints = Counter(each.endpoint for each in every if each.endpoint)
    good = [each for each in every if not each.failure]
    return Summary(
        planned=planned,
        requests=len(every),
        failures=dict(failures.most_common()),
        endpoints=dict(sorted(endpoints.items())),
        planned_rate=_rate([each.intended for each in every]),
        sent_rate=_rate([each.sent for each in every]),
        latency=Distribution.of([each.latency for each in good]),
        first_byte=Distribution.of(
            [each.first_byte for each in good if each.first_byte is not None]
        ),
        lag=Distribution.of([each.sent - each.intended for each in every if not each.delayed]),
        delayed=sum(each.delayed for each in every),
    )


def table(summary: Summary) -> str:
    """The figures for a person."""
    lines = [
        f"{'':12}{'mean':>9}{'P50':>9}{'P90':>9}{'P95':>9}{'P99':>9}{'max':>9}",
        _row("latency", summary.latency),
        _row("first byte", summary.first_byte),
        _row("send lag", summary.lag),
        "",
        f"requests    {summary.requests} of {summary.planned} planned",
        f"rate        {summary.sent_rate:.2f}/s sent, {summary.planned_rate:.2f}/s planned",
        f"failures    {summary.failed}" + (f" ({_share(summary.failed, summary.requests)})"),
    ]
    lines += [f"{'':12}{count:>6}  {reason}" for reason, count in summary.failures.items()]
    answered = sum(summary.endpoints.values())
    lines += [
        f"{'answered by' if index == 0 else '':12}{name}: {count} ({_share(count, answered)})"
        for index, (name, count) in enumerate(summary.endpoints.items())
    ]
    return "\n".join(lines)


def _row(name: str, times: Distribution) -> str:
    values = (times.mean, times.p50, times.p90, times.p95, times.p99, times.max)
    return f"{name:12}" + "".join(f"{value * 1000:9.1f}" for value in values) + "  ms"


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "0 %"


def _rate(offsets: Sequence[float]) -> float:
    """Requests per second between the first and the last; 0 for fewer than two moments."""
    if len(offsets) < 2:
        return 0.0
    span = max(offsets) - min(offsets)
    return (len(offsets) - 1) / span if span > 0 else 0.0
