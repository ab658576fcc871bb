"""What is counted of one run in virtual time: from the fate of each request to a few figures.

A request's cost is its latency, and one second more if it failed. ``mean`` is the mean latency of
all requests, failed ones included, so that ``cost`` is ``mean`` plus one second times the failure
rate; the percentiles are of the cost, for a refusal at once is no quick answer. The warm-up counts
for convergence only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from config.schema import Settings
from evaluation.simulate.run import Run

Floats: TypeAlias = NDArray[np.float64]

BLOCKS = 10
"""Stretches of equal length into which the counted time is cut, for intervals of few seeds."""

ROLLING = 50
NEAR = 0.1
"""Converged is who has ``ROLLING`` requests in a row whose mean cost is within that of the final
one, which is that of the second half."""

AFTER_ONSET, AFTER_END = 5.0, 10.0
"""Seconds after a change, and after it has passed, in which its regret is measured."""

RETURN = (5.0, 10.0)
"""Seconds after a failure in which the recovered server's share is measured."""

GROWN = 1.5
"""Times more requests in the last third of a run than in the first are a queue that grows."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of a run that is looked at by itself, from ``start`` to ``end`` seconds.

    Attributes:
        purpose: ``onset`` or ``recovered`` of a change, or ``return`` of a server that failed.
        server: id of the one that changed.
    """

    purpose: str
    server: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen in a stretch.

    Attributes:
        requests: that came in it.
        cost: their mean, seconds; NaN without any.
        share: the part of them that the stretch's server got, over its part of the capacity.
    """

    stretch: Stretch
    requests: int
    cost: float
    share: float


@dataclass(frozen=True, slots=True)
class Row:
    """One run's figures; seconds."""

    scenario: str
    strategy: str
    seed: int
    mean: float
    p50: float
    p95: float
    p99: float
    failure_rate: float
    cost: float
    requests: int


@dataclass(frozen=True, slots=True)
class Measured:
    """All that is kept of a run.

    Attributes:
        settings: hash of what it was run with.
        shares: by server id, of the counted requests.
        blocks: sum of the cost and number of the requests of each stretch of ``BLOCKS``.
        stable: whether the queues were bounded by the load and not by their limits.
        converged: requests until the rolling mean was near the final one; None if never.
        seen: at changes and after them.
        decisions: that its policies made, in so many ``seconds`` of processor time.
    """

    row: Row
    settings: str
    shares: dict[str, float]
    blocks: tuple[tuple[float, int], ...]
    stable: bool
    converged: int | None
    seen: tuple[Seen, ...]
    decisions: int
    seconds: float


def measure(
    settings: Settings, run: Run, scenario: str, strategy: str = "", fingerprint: str = ""
) -> Measured:
    """The figures of a run.

    Args:
        strategy: as it is to be called; default: as the run calls it.

    Raises:
        ValueError: no request came after the warm-up.
    """
    counted, cost = run.counted, run.cost
    if not counted.any():
        raise ValueError(f"{scenario}: no request came after the warm-up of {run.warmup:g} s")
    p50, p95, p99 = np.percentile(cost[counted], [50, 95, 99])
    row = Row(
        scenario=scenario,
        strategy=strategy or run.strategy,
        seed=run.seed,
        mean=float(run.latency[counted].mean()),
        p50=float(p50),
        p95=float(p95),
        p99=float(p99),
        failure_rate=float(run.failed[counted].mean()),
        cost=float(cost[counted].mean()),
        requests=int(counted.sum()),
    )
    return Measured(
        row=row,
        settings=fingerprint,
        shares=shares(settings, run.endpoint[counted]),
        blocks=blocks(run.arrived[counted], cost[counted]),
        stable=stable(settings, run),
        converged=convergence(cost),
        seen=tuple(look(settings, run, stretch) for stretch in stretches(settings)),
        decisions=int(run.tries.sum()),
        seconds=run.seconds,
    )


def shares(settings: Settings, server: NDArray[np.int64]) -> dict[str, float]:
    """By server id, the part of the requests that it got last."""
    placed = server[server >= 0]
    counts = np.bincount(placed, minlength=len(settings.servers))
    total = max(1, placed.size)
    return {
        each.id: float(count) / total for each, count in zip(settings.servers, counts, strict=True)
    }


def blocks(arrived: Floats, cost: Floats) -> tuple[tuple[float, int], ...]:
    """Sums and counts of ``BLOCKS`` stretches of equal length."""
    edges = np.linspace(arrived[0], arrived[-1], BLOCKS + 1)[1:-1]
    which = np.searchsorted(edges, arrived, side="right")
    sums = np.bincount(which, weights=cost, minlength=BLOCKS)
    counts = np.bincount(which, minlength=BLOCKS)
    return tuple((float(total), int(count)) for total, count in zip(sums, counts, strict=True))


def convergence(cost: Floats) -> int | None:
    """Requests until the mean of ``ROLLING`` in a row was first near that of the second half.

    Queues that begin empty let this come early, so it says nothing of who is overloaded later.
    """
    if cost.size < 2 * ROLLING:
        return None
    final = cost[cost.size // 2 :].mean()
    sums = np.cumsum(np.concatenate(([0.0], cost)))
    rolling = (sums[ROLLING:] - sums[:-ROLLING]) / ROLLING
    near = np.flatnonzero(np.abs(rolling - final) <= NEAR * final)
    return int(near[0]) + ROLLING if near.size else None


def stable(settings: Settings, run: Run) -> bool:
    """Whether latencies say something of the router and not of the run's length and queue limits.

    Not so if any server was full at some moment of the run, with all its slots and its whole queue
    taken; nor if the queues grow: with on average ``GROWN`` times as many requests under way in the
    last third of the counted time as in its first third, and one more for each server.
    """
    arrived, left = run.arrived, run.arrived + run.latency
    for index, server in enumerate(settings.servers):
        slots = server.service.slots
        if slots is None:
            continue
        here = run.endpoint == index
        times = np.concatenate((arrived[here], left[here]))
        steps = np.concatenate((np.ones(here.sum()), -np.ones(here.sum())))
        # Who leaves at the same moment leaves first.
        order = np.lexsort((steps, times))
        inside = np.cumsum(steps[order])
        if inside.size and inside.max() >= slots + server.service.queue_limit:
            return False
    start, end = settings.simulation.warmup_seconds, float(arrived[-1])
    third = (end - start) / 3
    early = under_way(arrived, left, start, start + third)
    late = under_way(arrived, left, end - third, end)
    return late <= GROWN * early + len(settings.servers)


def under_way(arrived: Floats, left: Floats, start: float, end: float) -> float:
    """Requests between their coming and their end, on average over a time."""
    if end <= start:
        return 0.0
    inside = np.minimum(left, end) - np.maximum(arrived, start)
    return float(np.maximum(inside, 0.0).sum() / (end - start))


def stretches(settings: Settings) -> list[Stretch]:
    """Where the behaviour of a server changes during the run: what is worth a look."""
    found = []
    duration = settings.simulation.duration_seconds
    warmup = settings.simulation.warmup_seconds
    for server in settings.servers:
        for phase in server.service.phases:
            if phase.kind == "noise" or not warmup <= phase.start < duration:
                continue
            end = duration if phase.end is None else min(phase.end, duration)
            onset = min(phase.start + AFTER_ONSET, end)
            found.append(Stretch("onset", server.id, phase.start, onset))
            if end < duration:
                after = min(end + AFTER_END, duration)
                found.append(Stretch("recovered", server.id, end, after))
            if phase.kind in ("fail", "hang") and end + RETURN[1] <= duration:
                found.append(Stretch("return", server.id, end + RETURN[0], end + RETURN[1]))
    return found


def look(settings: Settings, run: Run, stretch: Stretch) -> Seen:
    """What was seen in one."""
    inside = (run.arrived >= stretch.start) & (run.arrived < stretch.end)
    count = int(inside.sum())
    if not count:
        return Seen(stretch, 0, float("nan"), float("nan"))
    ids = [server.id for server in settings.servers]
    index = ids.index(stretch.server)
    placed = float((run.endpoint[inside] == index).mean())
    return Seen(
        stretch, count, float(run.cost[inside].mean()), placed / fair_share(settings, index)
    )


def fair_share(settings: Settings, index: int) -> float:
    """A server's part of the capacity; without slots its speed counts."""
    weights: Sequence[float] = [
        (server.service.slots or 1) / max(server.base_delay_ms, 1e-9) for server in settings.servers
    ]
    return weights[index] / sum(weights)
