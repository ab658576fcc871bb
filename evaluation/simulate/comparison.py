"""Runs side by side: ratios to round robin, the best classic and the reference, with intervals.

The best classic is chosen after the fact, for each scenario, by the mean over the seeds: no
operator gets that choice, so it is a hard bar. It is chosen by the cost for the ratio of costs, and
by the P99 for the ratio of those. Random scenarios are compared one by one and then summed up.

An interval comes from a paired bootstrap: seeds are drawn, and of each seed the same blocks of
equal length for both. With fewer than ``ENOUGH_SEEDS`` seeds only blocks are drawn, within each
seed: it then says nothing about other seeds than these. Both are widened as in
``evaluation.bootstrap``, whose functions are used.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from evaluation.bootstrap import DRAWS, Interval, expanded_interval
from evaluation.simulate.measures import BLOCKS, Floats, Measured

ENOUGH_SEEDS = 5

ByStrategy: TypeAlias = dict[str, list[Measured]]
"""Runs of one scenario, by strategy, by rising seed."""

ROUND_ROBIN = "round_robin"


@dataclass(frozen=True, slots=True)
class Ratio:
    """One strategy's figure over another's.

    Attributes:
        to: the other.
        value: of the means over the seeds.
        interval: 95 %; None where there is too little to say.
        wins: seeds in which it was the lower, of ``seeds``.
    """

    to: str
    value: float
    interval: Interval | None
    wins: int
    seeds: int


@dataclass(frozen=True, slots=True)
class Regret:
    """Extra cost against the reference, seconds a request, in one kind of stretch.

    Attributes:
        share: of a server that has come back, over its part of the capacity.
    """

    purpose: str
    server: str
    start: float
    extra: float | None
    share: float


@dataclass(frozen=True, slots=True)
class Summary:
    """One strategy in one scenario, over the seeds; seconds.

    Attributes:
        shares: by server.
        converged: requests, the median of the seeds that did; None if fewer than half of them did.
        stable: in how many seeds.
        decisions: a second of processor time, with everything that a run needs besides.
        to_round_robin: None where round robin is not stable in every seed, or was not run.
        to_classic, p99_to_classic: None if no other classic was run.
        to_reference, p99_to_reference: None if none was run.
    """

    scenario: str
    strategy: str
    seeds: int
    mean: float
    p50: float
    p95: float
    p99: float
    failure_rate: float
    cost: float
    shares: dict[str, float]
    converged: float | None
    stable: int
    decisions: float
    to_round_robin: Ratio | None
    to_classic: Ratio | None
    p99_to_classic: Ratio | None
    to_reference: Ratio | None
    p99_to_reference: Ratio | None
    regrets: tuple[Regret, ...]


@dataclass(frozen=True, slots=True)
class Suite:
    """One strategy over many scenarios, each against the best classic in it.

    Attributes:
        mean, p99: geometric means of the ratios.
        within: share of the scenarios in which the cost is at most 5 % above.
    """

    strategy: str
    scenarios: int
    mean: float
    wins: float
    within: float
    worst: float
    p99: float
    worst_p99: float


Figure: TypeAlias = Callable[[Measured], float]


def cost_of(measured: Measured) -> float:
    return measured.row.cost


def p99_of(measured: Measured) -> float:
    return measured.row.p99


def grouped(runs: Iterable[Measured]) -> dict[str, ByStrategy]:
    """By scenario and strategy, in the order of their first coming, seeds rising."""
    found: dict[str, ByStrategy] = {}
    for run in runs:
        found.setdefault(run.row.scenario, {}).setdefault(run.row.strategy, []).append(run)
    for strategies in found.values():
        for each in strategies.values():
            each.sort(key=lambda run: run.row.seed)
    return found


def summarise(
    scenario: str,
    runs: ByStrategy,
    classics: Collection[str],
    references: Collection[str] = (),
) -> list[Summary]:
    """All strategies of one scenario but the references, in their order."""
    seeds = {run.row.seed for each in runs.values() for run in each}
    whole = {name: each for name, each in runs.items() if len(each) == len(seeds)}
    reference = best(whole, references, cost_of)
    robin = whole.get(ROUND_ROBIN)
    if robin is not None and not all(run.stable for run in robin):
        robin = None
    found = []
    for name, mine in runs.items():
        if name in references:
            continue
        others = [each for each in classics if each != name]
        complete = name in whole
        found.append(
            Summary(
                scenario=scenario,
                strategy=name,
                seeds=len(mine),
                mean=average([run.row.mean for run in mine]),
                p50=average([run.row.p50 for run in mine]),
                p95=average([run.row.p95 for run in mine]),
                p99=average([run.row.p99 for run in mine]),
                failure_rate=average([run.row.failure_rate for run in mine]),
                cost=average([run.row.cost for run in mine]),
                shares=mean_shares(mine),
                converged=median_or_none([run.converged for run in mine]),
                stable=sum(run.stable for run in mine),
                decisions=sum(run.decisions for run in mine)
                / max(1e-9, math.fsum(run.seconds for run in mine)),
                to_round_robin=cost_ratio(mine, robin) if robin and complete else None,
                to_classic=_against(mine, whole, others, cost_of) if complete else None,
                p99_to_classic=_against(mine, whole, others, p99_of) if complete else None,
                to_reference=cost_ratio(mine, whole[reference]) if reference and complete else None,
                p99_to_reference=seed_ratio(mine, whole[reference], p99_of)
                if reference and complete
                else None,
                regrets=regrets(mine, whole.get(reference or "") if complete else None),
            )
        )
    return found


def best(runs: ByStrategy, names: Iterable[str], figure: Figure) -> str | None:
    """The one with the lowest mean over its seeds; None if there is none of them."""
    found = [name for name in names if name in runs]
    return min(found, key=lambda name: average([figure(r) for r in runs[name]]), default=None)


def _against(
    mine: Sequence[Measured], runs: ByStrategy, classics: Sequence[str], figure: Figure
) -> Ratio | None:
    name = best(runs, classics, figure)
    if name is None:
        return None
    other = runs[name]
    return cost_ratio(mine, other) if figure is cost_of else seed_ratio(mine, other, figure)


def cost_ratio(mine: Sequence[Measured], other: Sequence[Measured]) -> Ratio:
    """Of the costs. The runs must be of the same seeds in the same order."""
    value = average([r.row.cost for r in mine]) / average([r.row.cost for r in other])
    return Ratio(
        other[0].row.strategy,
        value,
        block_interval(mine, other),
        sum(a.row.cost < b.row.cost for a, b in zip(mine, other, strict=True)),
        len(mine),
    )


def seed_ratio(mine: Sequence[Measured], other: Sequence[Measured], figure: Figure) -> Ratio:
    """Of a figure that cannot be put together from blocks; its interval needs two seeds."""
    above = np.array([figure(run) for run in mine])
    below = np.array([figure(run) for run in other])
    interval = None
    if len(mine) > 1:
        rng = np.random.default_rng(len(mine))
        rows = rng.integers(0, len(mine), size=(DRAWS, len(mine)))
        draws = above[rows].mean(axis=1) / below[rows].mean(axis=1)
        interval = expanded_interval(draws, len(mine), len(mine) - 1)
    return Ratio(
        other[0].row.strategy,
        float(above.mean() / below.mean()),
        interval,
        int((above < below).sum()),
        len(mine),
    )


def block_interval(mine: Sequence[Measured], other: Sequence[Measured]) -> Interval | None:
    """Of the ratio of the mean costs; see the module's docstring."""
    seeds = len(mine)
    above = np.array([run.blocks for run in mine])  # seeds x blocks x (sum, count)
    below = np.array([run.blocks for run in other])
    rng = np.random.default_rng(seeds)
    if seeds >= ENOUGH_SEEDS:
        seed = rng.integers(0, seeds, size=(DRAWS, seeds, 1))
        units, freedom = seeds, seeds - 1
    else:
        seed = np.broadcast_to(np.arange(seeds)[None, :, None], (DRAWS, seeds, 1))
        units, freedom = seeds * BLOCKS, seeds * (BLOCKS - 1)
    block = rng.integers(0, BLOCKS, size=(DRAWS, seeds, BLOCKS))
    draws = _mean_of(above, seed, block) / _mean_of(below, seed, block)
    return expanded_interval(draws, units, freedom)


def _mean_of(sums: Floats, seed: np.ndarray, block: np.ndarray) -> Floats:
    """Mean over the seeds of the mean cost of the drawn blocks, draw by draw."""
    drawn = sums[seed, block]  # draws x seeds x blocks x (sum, count)
    totals = drawn.sum(axis=2)
    means: Floats = totals[..., 0] / np.maximum(totals[..., 1], 1.0)
    result: Floats = means.mean(axis=1)
    return result


def regrets(mine: Sequence[Measured], reference: Sequence[Measured] | None) -> tuple[Regret, ...]:
    """By stretch, the mean over the seeds; without a reference only shares are known."""
    found = []
    for index, first in enumerate(mine[0].seen):
        stretch = first.stretch
        extras, shares = [], []
        for number, run in enumerate(mine):
            seen = run.seen[index]
            if not seen.requests:
                continue
            shares.append(seen.share)
            if reference is not None:
                extras.append(seen.cost - reference[number].seen[index].cost)
        if shares:
            extra = average(extras) if extras else None
            found.append(
                Regret(stretch.purpose, stretch.server, stretch.start, extra, average(shares))
            )
    return tuple(found)


def suite(
    runs: Iterable[Measured], strategies: Sequence[str], classics: Sequence[str]
) -> list[Suite]:
    """Every strategy against the best of the other classics, run by run."""
    cells: dict[tuple[str, int], dict[str, Measured]] = defaultdict(dict)
    for run in runs:
        cells[run.row.scenario, run.row.seed][run.row.strategy] = run
    found = []
    for name in strategies:
        costs, tails = [], []
        for cell in cells.values():
            others = [cell[each] for each in classics if each != name and each in cell]
            if name in cell and others:
                costs.append(cell[name].row.cost / min(map(cost_of, others)))
                tails.append(cell[name].row.p99 / min(map(p99_of, others)))
        if costs:
            found.append(
                Suite(
                    strategy=name,
                    scenarios=len(costs),
                    mean=geometric(costs),
                    wins=average([float(each < 1.0) for each in costs]),
                    within=average([float(each <= 1.05) for each in costs]),
                    worst=max(costs),
                    p99=geometric(tails),
                    worst_p99=max(tails),
                )
            )
    return found


def average(numbers: Sequence[float]) -> float:
    return math.fsum(numbers) / len(numbers) if numbers else math.nan


def geometric(numbers: Sequence[float]) -> float:
    return math.exp(average([math.log(each) for each in numbers]))


def median_or_none(numbers: Sequence[int | None]) -> float | None:
    """Of those that are there, if they are half of all or more."""
    there = [each for each in numbers if each is not None]
    return float(np.median(there)) if there and 2 * len(there) >= len(numbers) else None


def mean_shares(runs: Sequence[Measured]) -> dict[str, float]:
    """By server, over the runs."""
    return {id: average([run.shares[id] for run in runs]) for id in runs[0].shares}
