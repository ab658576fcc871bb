"""Ratios to the best plain rule, live and in the simulator."""

import math
from collections.abc import Callable
from dataclasses import replace

import pytest

from evaluation.agreement import Agreement, Ratio, agreements, best, ratio
from evaluation.bootstrap import Interval
from evaluation.records import ComparisonResult, Foretold

pytestmark = pytest.mark.unit
MakeExperiment = Callable[..., ComparisonResult]


def foretold(strategy: str, seed: int, cost: float) -> Foretold:
    return Foretold(strategy, seed, cost, cost, cost, cost, 0.0, cost, 100)


def test_a_ratio_is_the_geometric_mean_over_the_seeds() -> None:
    """Of 2 and 0.5 it is 1, and the interval is as wide upwards as downwards."""
    costs = {"a": {0: 2.0, 1: 0.5}, "b": {0: 1.0, 1: 1.0}}
    found = ratio(costs, "a", "b", [0, 1])
    assert found.value == pytest.approx(1.0)
    assert found.interval is not None
    assert found.interval.low * found.interval.high == pytest.approx(1.0)
    assert found.verdict == 0


def test_an_interval_is_student_s() -> None:
    """Logarithms -0.1, 0, 0.1 around -1: t(0.975, 2) = 4.30, a standard error of 0.1 / sqrt 3. The
    expansion for t is good to some per cent with so few seeds."""
    costs = {
        "a": {s: math.exp(-1.0 + 0.1 * (s - 1)) for s in range(3)},
        "b": dict.fromkeys(range(3), 1.0),
    }
    found = ratio(costs, "a", "b", [0, 1, 2])
    assert found.interval is not None
    reach = 4.303 * 0.1 / math.sqrt(3)
    assert math.log(found.interval.high) == pytest.approx(-1.0 + reach, abs=0.02)
    assert found.verdict == -1


def test_the_best_itself_and_a_single_seed_have_no_interval() -> None:
    costs = {"a": {0: 2.0}, "b": {0: 1.0}}
    assert best(costs, ["a", "b"], [0]) == "b"
    assert ratio(costs, "b", "b", [0]) == Ratio("b", 1.0, None)
    assert ratio(costs, "a", "b", [0]) == Ratio("b", 2.0, None)
    assert ratio(costs, "a", "b", [0]).verdict == 0


@pytest.mark.parametrize(
    ("live", "told", "near", "same"),
    [
        ((1.05, 1.01, 1.09), (1.0, 0.9, 1.1), True, True),
        ((1.2, 1.1, 1.3), (1.0, 0.9, 1.1), False, True),
        ((0.5, 0.4, 0.6), (0.52, 0.5, 0.54), True, True),
        ((0.95, 0.85, 1.05), (0.9, 0.85, 0.95), True, False),
        ((1.1, 1.05, 1.15), (0.9, 0.85, 0.95), False, False),
    ],
)
def test_agreement_is_within_ten_per_cent_and_in_what_is_told(
    live: tuple[float, float, float], told: tuple[float, float, float], near: bool, same: bool
) -> None:
    """Where the simulator tells nothing, live figures may tell what they like."""
    here, there = (Ratio("r", value, Interval(low, high)) for value, low, high in (live, told))
    found = Agreement("x", 1.0, 1.0, here, there)
    assert (found.near, found.same_verdict) == (near, same)


def test_both_worlds_are_compared_on_what_both_have(make_experiment: MakeExperiment) -> None:
    made = make_experiment(
        strategies=("round_robin", "peak_ewma", "q_learning"), seeds=(0, 1), requests=200, warmup=10
    )
    told = [
        *(foretold("round_robin", seed, 0.075) for seed in (0, 1)),
        *(foretold("peak_ewma", seed, 0.060) for seed in (0, 1, 2)),
    ]
    found = agreements(replace(made, foretold=tuple(told)))
    assert [each.strategy for each in found] == ["round_robin", "peak_ewma"]
    assert found[0].foretold.value == pytest.approx(1.25)
    assert found[0].foretold.best == found[0].live.best == "peak_ewma"
    assert found[1].off == 0.0


def test_there_is_nothing_to_compare_without_seeds_or_plain_rules(
    make_experiment: MakeExperiment,
) -> None:
    made = make_experiment(strategies=("round_robin",), seeds=(0,), requests=100, warmup=10)
    assert agreements(made) == []
    assert agreements(replace(made, foretold=(foretold("round_robin", 7, 0.1),))) == []
    learner = make_experiment(strategies=("q_learning",), seeds=(0,), requests=100, warmup=10)
    assert agreements(replace(learner, foretold=(foretold("q_learning", 0, 0.1),))) == []
