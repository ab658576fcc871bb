"""Whether live figures and the simulator's agree: each strategy's mean cost over that of the best
plain rule, in both worlds.

A ratio is the geometric mean of the seeds' ratios, each of two runs with the same load; its
interval is Student's t over the seeds' logarithms. The best rule is chosen after the fact, in each
world its own. Pure.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evaluation.bootstrap import Interval, student_quantile
from evaluation.metrics_analyzer import sample_of
from evaluation.records import ComparisonResult

RULES = ("round_robin", "least_request", "peak_ewma", "prequal")
"""Of those that were measured, the best is what the others are compared with."""

NEAR = 0.10
"""Ratios that differ by no more than this agree."""

Costs = Mapping[str, Mapping[int, float]]
"""Mean cost in seconds, by strategy and seed."""


@dataclass(frozen=True, slots=True)
class Ratio:
    """A strategy's cost over that of ``best``.

    Attributes:
        interval: None with fewer than two seeds, and of the best itself.
    """

    best: str
    value: float
    interval: Interval | None

    @property
    def verdict(self) -> int:
        """-1 for below 1, 1 for above, 0 where the interval does not tell."""
        if self.interval is None:
            return 0
        return -1 if self.interval.high < 1.0 else 1 if self.interval.low > 1.0 else 0


@dataclass(frozen=True, slots=True)
class Agreement:
    """One strategy in both worlds.

    Attributes:
        live_cost, foretold_cost: seconds, mean over the seeds.
        live, foretold: to the best rule of that world; of that rule itself 1, without an interval.
    """

    strategy: str
    live_cost: float
    foretold_cost: float
    live: Ratio
    foretold: Ratio

    @property
    def off(self) -> float:
        """By how much of it the live ratio is off the simulator's."""
        return self.live.value / self.foretold.value - 1.0

    @property
    def near(self) -> bool:
        """Whether the ratios are within ``NEAR``."""
        return abs(self.off) <= NEAR

    @property
    def same_verdict(self) -> bool:
        """Whether live figures tell what the simulator's tell; so too where those tell nothing."""
        return self.foretold.verdict in (0, self.live.verdict)


def agreements(result: ComparisonResult) -> list[Agreement]:
    """Every strategy that both worlds have, on the seeds that both have. Empty without any, or
    without any of ``RULES``."""
    live: dict[str, dict[int, float]] = {}
    for run in result.runs:
        if run.complete and run.measured():
            live.setdefault(run.strategy, {})[run.seed] = float(
                sample_of(run.measured()).cost.mean()
            )
    foretold: dict[str, dict[int, float]] = {}
    for each in result.foretold:
        foretold.setdefault(each.strategy, {})[each.seed] = each.cost
    both = [name for name in result.strategies if name in live and name in foretold]
    seeds = [
        seed
        for seed in result.seeds
        if both and all(seed in costs[name] for name in both for costs in (live, foretold))
    ]
    rules = [name for name in RULES if name in both]
    if not seeds or not rules:
        return []
    best_live, best_foretold = best(live, rules, seeds), best(foretold, rules, seeds)
    return [
        Agreement(
            name,
            _mean(live[name], seeds),
            _mean(foretold[name], seeds),
            ratio(live, name, best_live, seeds),
            ratio(foretold, name, best_foretold, seeds),
        )
        for name in both
    ]


def best(costs: Costs, names: Sequence[str], seeds: Sequence[int]) -> str:
    """The one with the lowest mean cost."""
    return min(names, key=lambda name: _mean(costs[name], seeds))


def ratio(costs: Costs, name: str, reference: str, seeds: Sequence[int]) -> Ratio:
    """One strategy's cost over another's."""
    if name == reference:
        return Ratio(reference, 1.0, None)
    logs = [math.log(costs[name][seed] / costs[reference][seed]) for seed in seeds]
    count = len(logs)
    middle = math.fsum(logs) / count
    if count < 2:
        return Ratio(reference, math.exp(middle), None)
    variance = math.fsum((each - middle) ** 2 for each in logs) / (count - 1)
    reach = student_quantile(0.975, count - 1) * math.sqrt(variance / count)
    return Ratio(
        reference, math.exp(middle), Interval(math.exp(middle - reach), math.exp(middle + reach))
    )


def _mean(of_seed: Mapping[int, float], seeds: Sequence[int]) -> float:
    return math.fsum(of_seed[seed] for seed in seeds) / len(seeds)
