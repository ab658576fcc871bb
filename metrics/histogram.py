"""Durations counted in fixed buckets: plain lists, O(log buckets) an observation."""

from __future__ import annotations

from bisect import bisect_left

OPEN_TELEMETRY_SECONDS = (
    0.005,
    0.01,
    0.025,
    0.05,
    0.075,
    0.1,
    0.25,
    0.5,
    0.75,
    1.0,
    2.5,
    5.0,
    7.5,
    10.0,
)
"""Bucket edges of OpenTelemetry's ``http.server.request.duration``."""


class Histogram:
    """Counts per bucket; the last one holds what is above every edge.

    Attributes:
        edges: upper bounds, inclusive, in seconds.
        counts: one more than there are edges, not cumulative.
        total: sum of all values, in seconds.
    """

    __slots__ = ("counts", "edges", "total")

    def __init__(self, edges: tuple[float, ...] = OPEN_TELEMETRY_SECONDS) -> None:
        self.edges = edges
        self.counts = [0] * (len(edges) + 1)
        self.total = 0.0

    def observe(self, seconds: float) -> None:
        """Count one value."""
        self.counts[bisect_left(self.edges, seconds)] += 1
        self.total += seconds

    @property
    def count(self) -> int:
        """How many values were counted."""
        return sum(self.counts)

    def cumulative(self) -> list[tuple[float, int]]:
        """``(upper edge, values at or below it)``, the last edge infinite: Prometheus's form."""
        rows = []
        below = 0
        for edge, count in zip((*self.edges, float("inf")), self.counts, strict=True):
            below += count
            rows.append((edge, below))
        return rows
