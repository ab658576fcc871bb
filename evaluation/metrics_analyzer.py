"""From requests to what may be said: statistics, paired differences, claims.

Latency runs from the intended send to the last byte. A failure's latency is left out of every
latency statistic, since a quick error is no quick service; the success rate stands beside them, and
``cost`` holds both: seconds waited plus one second for every failure. Strategies are compared
request by request: the same seed and index is the same request at the same moment for each of them,
so whatever the arrivals did to both cancels out. See ``bootstrap`` for the intervals.

A win or a loss is claimed where the 95 % interval of the difference excludes zero, and nowhere
else. The best classic is chosen after the fact, by the lowest mean cost (which is the mean latency
as long as nothing fails): a reference that is harder than any choice one could make beforehand.

Pure: no clock, no file; the bootstrap's dice are seeded by the caller.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from evaluation.bootstrap import (
    Interval,
    Metric,
    Replicates,
    Resampling,
    Sample,
    Summary,
    joined,
    summarise,
)
from evaluation.records import ComparisonResult, Request, Run, same_load

FAILURE_COST = 1.0
"""Seconds that a failure costs on top of the wait."""
BASELINE = "round_robin"
DICE = 1989
FEWEST_PAIRS = 100
FEWEST_FREEDOM = 8
COMPARED = (Metric.MEAN, Metric.LATE_MEAN, Metric.P95, Metric.P99, Metric.COST, Metric.SUCCESS)


class Claim(StrEnum):
    """What a difference allows one to say of a strategy against another."""

    WIN = "win"
    LOSS = "loss"
    NO_DIFFERENCE = "no difference"
    TOO_FEW = "too few requests"


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number and its 95 % interval, if there was enough to find one."""

    value: float
    interval: Interval | None


@dataclass(frozen=True, slots=True)
class Spread:
    """A number of each seed: their mean, the lowest and the highest."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Statistics:
    """One strategy.

    Attributes:
        requests: counted, over all seeds.
        partial: its runs were cut short.
        metrics: with their intervals.
        throughput: successful answers per second, from the first intended send to the last answer.
        shares: of the requests, by endpoint; the empty name is for those that reached none.
        seed_means: mean latency by seed.
        retried, explored: requests with more than one attempt; with an explored one.
        lag_p99: seconds by which the load left later than intended, 99th percentile.
    """

    strategy: str
    seeds: tuple[int, ...]
    requests: int
    failures: int
    partial: bool
    metrics: dict[Metric, Estimate]
    throughput: Spread
    shares: dict[str, Spread]
    seed_means: dict[int, float]
    retried: int
    explored: int
    lag_p99: float


@dataclass(frozen=True, slots=True)
class Difference:
    """Strategy minus baseline in one metric.

    Attributes:
        absolute: seconds, or share of the requests for ``success``.
        relative: to the baseline's value.
    """

    metric: Metric
    absolute: Estimate
    relative: Estimate
    claim: Claim


@dataclass(frozen=True, slots=True)
class Comparison:
    """One strategy against another on the requests that both got.

    Attributes:
        paired: both had the same load, request by request.
        pairs: requests of each.
        seed_differences: of the mean latency, by seed.
    """

    strategy: str
    baseline: str
    paired: bool
    pairs: int
    differences: dict[Metric, Difference]
    seed_differences: dict[int, float]


@dataclass(frozen=True, slots=True)
class Analysis:
    """All that a report says of an experiment.

    Attributes:
        statistics: by strategy, in the experiment's order.
        best_classic: lowest mean cost among the classics, chosen after the fact; None without one.
        against_baseline, against_best: every other strategy, in the experiment's order.
    """

    statistics: dict[str, Statistics]
    best_classic: str | None
    against_baseline: dict[str, Comparison]
    against_best: dict[str, Comparison]


def analyze(result: ComparisonResult, dice: int = DICE) -> Analysis:
    """The whole of it. Equal results and dice give an equal analysis."""
    names = result.measured_strategies()
    runs = {name: result.runs_of(name) for name in names}
    drawn = Replicates()
    statistics = {name: statistics_of(name, runs[name], dice, drawn) for name in names}
    costs = {
        name: statistics[name].metrics[Metric.COST].value
        for name in names
        if name in result.classics
    }
    best = min(costs, key=lambda name: costs[name]) if costs else None

    def against(baseline: str | None) -> dict[str, Comparison]:
        if baseline not in statistics:
            return {}
        others = [name for name in names if name != baseline]
        found = {
            name: compare(name, runs[name], baseline, runs[baseline], dice, drawn)
            for name in others
        }
        return {name: comparison for name, comparison in found.items() if comparison is not None}

    against_baseline = against(BASELINE)
    against_best = against_baseline if best == BASELINE else against(best)
    return Analysis(statistics, best, against_baseline, against_best)


def statistics_of(
    strategy: str, runs: Sequence[Run], dice: int = DICE, drawn: Replicates | None = None
) -> Statistics:
    """One strategy's numbers over its runs, of which at least one has counted requests."""
    runs = [run for run in runs if run.measured()]
    by_seed = [run.measured() for run in runs]
    requests = [request for each in by_seed for request in each]
    samples = [sample_of(each) for each in by_seed]
    sample = joined(samples)
    resampling = Resampling(tuple(len(each) for each in by_seed), dice)
    values, replicates = _summary(sample), (drawn or Replicates()).of(resampling, sample)
    ids = sorted({request.endpoint for request in requests})
    counted = [Counter(request.endpoint for request in each) for each in by_seed]
    return Statistics(
        strategy=strategy,
        seeds=tuple(run.seed for run in runs),
        requests=len(requests),
        failures=sum(not request.success for request in requests),
        partial=not all(run.complete for run in runs),
        metrics={
            metric: Estimate(values[metric], resampling.interval(replicates[metric]))
            for metric in Metric
        },
        throughput=_spread([throughput(each) for each in by_seed]),
        shares={id: _spread([count[id] / count.total() for count in counted]) for id in ids},
        seed_means={
            run.seed: _summary(sample)[Metric.MEAN]
            for run, sample in zip(runs, samples, strict=True)
        },
        retried=sum(request.attempts > 1 for request in requests),
        explored=sum(request.explored for request in requests),
        lag_p99=float(np.percentile([each.sent - each.intended for each in requests], 99)),
    )


def compare(
    strategy: str,
    runs: Sequence[Run],
    baseline: str,
    baseline_runs: Sequence[Run],
    dice: int = DICE,
    drawn: Replicates | None = None,
) -> Comparison | None:
    """Paired where both have runs of the same seeds under the same load; None without any pair."""
    pairs = _pairs(runs, baseline_runs)
    if not pairs:
        return None
    ours = joined([sample_of(first) for _, first, _ in pairs])
    theirs = joined([sample_of(second) for _, _, second in pairs])
    resampling = Resampling(tuple(len(first) for _, first, _ in pairs), dice)
    return Comparison(
        strategy=strategy,
        baseline=baseline,
        paired=True,
        pairs=ours.latency.size,
        differences=_differences(ours, theirs, resampling, resampling, drawn or Replicates()),
        seed_differences={
            seed: _summary(sample_of(first))[Metric.MEAN] - _summary(sample_of(second))[Metric.MEAN]
            for seed, first, second in pairs
        },
    )


def compare_unpaired(
    strategy: str,
    runs: Sequence[Run],
    baseline: str,
    baseline_runs: Sequence[Run],
    dice: int = DICE,
) -> Comparison | None:
    """Two sets of runs whose loads differ: each is resampled on its own, so chance in the arrivals
    does not cancel out and the intervals are wider. None if either is empty."""
    first = [run.measured() for run in runs if run.measured()]
    second = [run.measured() for run in baseline_runs if run.measured()]
    if not first or not second:
        return None
    ours = joined([sample_of(each) for each in first])
    theirs = joined([sample_of(each) for each in second])
    return Comparison(
        strategy=strategy,
        baseline=baseline,
        paired=False,
        pairs=min(ours.latency.size, theirs.latency.size),
        differences=_differences(
            ours,
            theirs,
            Resampling(tuple(len(each) for each in first), dice),
            Resampling(tuple(len(each) for each in second), dice + 1),
            Replicates(),
        ),
        seed_differences={},
    )


def sample_of(requests: Sequence[Request]) -> Sample:
    """One seed's requests as arrays; its second half is late."""
    waited = np.array([request.latency for request in requests], dtype=np.float64)
    success = np.array([request.success for request in requests], dtype=np.bool_)
    return Sample(
        latency=np.where(success, waited, np.nan),
        cost=waited + np.where(success, 0.0, FAILURE_COST),
        late=np.arange(len(requests)) >= len(requests) // 2,
    )


def throughput(requests: Sequence[Request]) -> float:
    """Successful answers per second, from the first intended send to the last answer."""
    if not requests:
        return 0.0
    begin = min(request.intended for request in requests)
    end = max(request.intended + request.latency for request in requests)
    return sum(request.success for request in requests) / (end - begin) if end > begin else 0.0


def claim(metric: Metric, interval: Interval | None, pairs: int, freedom: int) -> Claim:
    """What the interval of a difference allows: nothing unless it excludes zero."""
    if interval is None or pairs < FEWEST_PAIRS or freedom < FEWEST_FREEDOM:
        return Claim.TOO_FEW
    if not interval.excludes_zero:
        return Claim.NO_DIFFERENCE
    return Claim.WIN if (interval.low > 0) is metric.more_is_better else Claim.LOSS


def _pairs(
    runs: Sequence[Run], baseline_runs: Sequence[Run]
) -> list[tuple[int, list[Request], list[Request]]]:
    """Seed by seed, the requests that both sides have."""
    others = {run.seed: run for run in baseline_runs}
    found = []
    for run in runs:
        other = others.get(run.seed)
        if other is None or not same_load(run.requests, other.requests):
            continue
        first = {request.index: request for request in run.measured()}
        second = {request.index: request for request in other.measured()}
        shared = sorted(first.keys() & second.keys())
        if shared:
            found.append(
                (run.seed, [first[index] for index in shared], [second[index] for index in shared])
            )
    return found


def _differences(
    ours: Sample,
    theirs: Sample,
    resampling: Resampling,
    their_resampling: Resampling,
    drawn: Replicates,
) -> dict[Metric, Difference]:
    value, other = _summary(ours), _summary(theirs)
    draws, other_draws = drawn.of(resampling, ours), drawn.of(their_resampling, theirs)
    weaker = min(resampling, their_resampling, key=lambda each: each.freedom)
    pairs = min(ours.latency.size, theirs.latency.size)
    found = {}
    for metric in COMPARED:
        change = draws[metric] - other_draws[metric]
        interval = weaker.interval(change)
        difference = value[metric] - other[metric]
        with np.errstate(divide="ignore", invalid="ignore"):
            relative = weaker.interval(change / other_draws[metric])
        found[metric] = Difference(
            metric,
            Estimate(difference, interval),
            Estimate(difference / other[metric] if other[metric] else float("nan"), relative),
            claim(metric, interval, pairs, weaker.freedom),
        )
    return found


def _summary(sample: Sample) -> dict[Metric, float]:
    rows: Summary = summarise(sample.latency[None], sample.cost[None], sample.late[None])
    return {metric: float(column[0]) for metric, column in rows.items()}


def _spread(values: Sequence[float]) -> Spread:
    return Spread(float(np.mean(values)), min(values), max(values))
