"""The one writer of EndpointStats: what was sent, what came back, what polls reported."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from metrics.ewma import decayed_mean
from rl.vocabulary import Endpoint, EndpointStats, Outcome, Verdict

LATENCY_TIME_CONSTANT = 5.0
"""Seconds. About as long as it takes a person to see that a server became slow."""


class Report:
    """What an endpoint says of itself.

    Attributes:
        cpu: processor use in [0, 1].
        memory: memory use in [0, 1].
        active: requests it is working on.
        latency: seconds it takes on average.
    """

    __slots__ = ("active", "cpu", "latency", "memory")

    def __init__(self, cpu: float, memory: float, active: int, latency: float) -> None:
        self.cpu = cpu
        self.memory = memory
        self.active = active
        self.latency = latency


def read_load_report(text: bytes) -> dict[str, float]:
    """The numbers of an ORCA report in its text form, ``TEXT cpu_utilization=0.3,…``.

    Items that are not finite non-negative numbers are left out, and so is all beyond the first 16
    or the first KiB: the report comes from a server, which may be wrong.
    """
    kind, _, items = text.partition(b" ")
    if kind != b"TEXT":
        return {}
    if len(items) > 1024:
        items = items[:1024].rpartition(b",")[0]  # half a number would be another number
    found: dict[str, float] = {}
    for item in items.split(b",")[:16]:
        name, _, value = item.partition(b"=")
        try:
            number = float(value)
            if 0.0 <= number < 1e9:
                found[name.strip().decode("ascii")] = number
        except ValueError:
            continue
    return found


class EndpointTable:
    """All endpoints of one node, in the configured order."""

    __slots__ = ("_by_id", "all")

    def __init__(self, endpoints: Iterable[Endpoint]) -> None:
        self.all: Sequence[EndpointStats] = [EndpointStats(endpoint) for endpoint in endpoints]
        self._by_id = {stats.id: stats for stats in self.all}
        if len(self._by_id) != len(self.all):
            raise ValueError("two endpoints have the same id")

    def __getitem__(self, id: str) -> EndpointStats:
        return self._by_id[id]

    def sent(self, stats: EndpointStats) -> None:
        """A request goes to this endpoint."""
        stats.in_flight += 1

    def completed(self, stats: EndpointStats, outcome: Outcome, now: float) -> None:
        """It is over, however it ended. IGNORED frees its place and leaves no other trace."""
        stats.in_flight -= 1
        verdict = outcome.verdict
        if verdict is Verdict.IGNORED:
            return
        failed = verdict is Verdict.FAILURE
        if failed or stats.error_rate:
            stats.error_rate = decayed_mean(
                stats.error_rate,
                1.0 if failed else 0.0,
                now - stats.error_rate_at,
                LATENCY_TIME_CONSTANT,
            )
        stats.error_rate_at = now
        stats.completed += 1
        if failed:
            # A failure's latency says how fast it failed; a fast failure must not look attractive.
            stats.failures += 1
            return
        stats.latency = decayed_mean(
            stats.latency, outcome.latency, now - stats.latency_at, LATENCY_TIME_CONSTANT
        )
        stats.latency_at = now

    def reported(self, stats: EndpointStats, report: Report, now: float) -> None:
        """The endpoint answered a poll."""
        stats.cpu = report.cpu
        stats.memory = report.memory
        stats.active = report.active
        stats.reported_latency = report.latency
        stats.reported_at = now

    def load_reported(self, stats: EndpointStats, text: bytes, now: float) -> None:
        """An answer carried an ORCA report; one that cannot be read changes nothing."""
        report = read_load_report(text)
        cpu = report.get("cpu_utilization")
        memory = report.get("mem_utilization")
        active = report.get("named_metrics.active")
        if cpu is not None:
            stats.cpu = cpu
        if memory is not None:
            stats.memory = memory
        if active is not None:
            stats.active = int(active)
        if report:
            stats.reported_at = now

    def set_healthy(self, stats: EndpointStats, healthy: bool) -> None:
        """Polls succeed or fail."""
        stats.healthy = healthy

    def set_ejected(self, stats: EndpointStats, ejected: bool) -> None:
        """Its answers put it out, or its time is over."""
        stats.ejected = ejected
