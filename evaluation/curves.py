"""How a run went as time passed: learning curve, latency and throughput over time.

Pure: requests in, arrays out. Latency in seconds; NaN where there was nothing to see.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evaluation.bootstrap import Floats, ratio
from evaluation.records import Request, Run

WINDOW = 50
"""Requests in the rolling mean of the learning curve."""
_NICE_SECONDS = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0)


@dataclass(frozen=True, slots=True)
class Curve:
    """A line over ``at`` with a band: mean, lowest and highest of the seeds."""

    at: Floats
    mean: Floats
    low: Floats
    high: Floats


@dataclass(frozen=True, slots=True)
class LatencyOverTime:
    """All seeds of one strategy together, by the second of the intended send.

    Attributes:
        at: the middle of each stretch, since the run's start.
        width: seconds of a stretch.
        p5, p50, p95: of the successful requests in it.
        failures: how many failed in it.
    """

    at: Floats
    width: float
    p5: Floats
    p50: Floats
    p95: Floats
    failures: Floats


@dataclass(frozen=True, slots=True)
class ThroughputOverTime:
    """``served`` counts successful answers in the second they ended, ``offered`` intended sends."""

    served: Curve
    offered: Floats
    width: float


def learning_curve(runs: Sequence[Run], window: int = WINDOW) -> Curve:
    """Rolling mean of the latency over the last ``window`` requests, warm-up included, by index.

    The first point stands where a whole window has passed. Ends with the shortest run.
    """
    rows = [run.requests for run in runs if run.requests]
    length = min((len(row) for row in rows), default=0)
    window = max(1, min(window, length // 4))
    if length == 0:
        empty = np.empty(0)
        return Curve(empty, empty, empty, empty)
    rolled = np.array([rolling_mean(_latencies(row[:length]), window) for row in rows])
    at = np.arange(window, length + 1, dtype=np.float64)
    return Curve(at, *_over_seeds(rolled))


def rolling_mean(values: Floats, window: int) -> Floats:
    """Mean of every ``window`` neighbours, NaN left out; one shorter by ``window - 1``."""
    seen = ~np.isnan(values)
    sums = np.concatenate([[0.0], np.cumsum(np.where(seen, values, 0.0))])
    counts = np.concatenate([[0], np.cumsum(seen)])
    total, count = sums[window:] - sums[:-window], counts[window:] - counts[:-window]
    return ratio(total, count)


def latency_over_time(runs: Sequence[Run], stretches: int = 40) -> LatencyOverTime:
    """Percentiles in about ``stretches`` stretches of time, warm-up included."""
    requests = [request for run in runs for request in run.requests]
    width = stretch_width([request.intended for request in requests], stretches)
    count = _stretches(requests, width)
    groups: list[list[float]] = [[] for _ in range(count)]
    failures = np.zeros(count)
    for request in requests:
        stretch = int(request.intended // width)
        if request.success:
            groups[stretch].append(request.latency)
        else:
            failures[stretch] += 1
    table = np.array(
        [np.percentile(group, [5, 50, 95]) if group else [np.nan] * 3 for group in groups]
    ).reshape(count, 3)
    at = (np.arange(count, dtype=np.float64) + 0.5) * width
    return LatencyOverTime(at, width, table[:, 0], table[:, 1], table[:, 2], failures)


def throughput_over_time(runs: Sequence[Run], stretches: int = 20) -> ThroughputOverTime:
    """Answers per second in about ``stretches`` stretches of the time in which requests were sent.

    The last stretch is left out: the load ends somewhere within it.
    """
    requests = [request for run in runs for request in run.requests]
    width = stretch_width([request.intended for request in requests], stretches)
    count = max(1, _stretches(requests, width) - 1)
    edges = np.arange(count + 1, dtype=np.float64) * width
    served = np.array(
        [
            _histogram([r.intended + r.latency for r in run.requests if r.success], edges)
            for run in runs
            if run.requests
        ]
    ).reshape(-1, count)
    offered = np.array(
        [_histogram([r.intended for r in run.requests], edges) for run in runs if run.requests]
    ).reshape(-1, count)
    return ThroughputOverTime(
        Curve((edges[:-1] + edges[1:]) / 2, *_over_seeds(served)), offered.mean(axis=0), width
    )


def stretch_width(intended: Sequence[float], stretches: int) -> float:
    """A round number of seconds that cuts the run into at most ``stretches``."""
    duration = max(intended, default=0.0)
    return next((each for each in _NICE_SECONDS if duration / each <= stretches), 1800.0)


def _stretches(requests: Sequence[Request], width: float) -> int:
    return int(max((request.intended for request in requests), default=0.0) // width) + 1


def _histogram(times: Sequence[float], edges: Floats) -> Floats:
    # The last bin of a histogram holds its right edge too; this one's last is cut off.
    counts = np.histogram(times, [*edges, np.inf])[0][:-1].astype(np.float64)
    return counts / float(edges[1] - edges[0])


def _latencies(requests: Sequence[Request]) -> Floats:
    return np.array([each.latency if each.success else np.nan for each in requests])


def _over_seeds(rows: Floats) -> tuple[Floats, Floats, Floats]:
    """Mean, lowest and highest of each column, NaN left out."""
    seen = ~np.isnan(rows)
    count = seen.sum(axis=0)
    total = np.where(seen, rows, 0.0).sum(axis=0)
    mean = ratio(total, count)
    low = np.where(seen, rows, np.inf).min(axis=0)
    high = np.where(seen, rows, -np.inf).max(axis=0)
    return mean, np.where(count > 0, low, np.nan), np.where(count > 0, high, np.nan)
