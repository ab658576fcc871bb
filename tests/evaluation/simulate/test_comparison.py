"""Runs side by side."""

import math
import random

import pytest

from evaluation.simulate.comparison import (
    ENOUGH_SEEDS,
    best,
    block_interval,
    cost_of,
    cost_ratio,
    geometric,
    grouped,
    median_or_none,
    p99_of,
    regrets,
    seed_ratio,
    suite,
    summarise,
)
from evaluation.simulate.measures import Measured, Seen, Stretch
from tests.evaluation.simulate.made import measured

pytestmark = pytest.mark.unit

ONSET = Stretch("onset", "s0", 20, 25)


def several(strategy: str, costs: list[float], **more: object) -> list[Measured]:
    return [measured(strategy, seed, cost, **more) for seed, cost in enumerate(costs)]  # type: ignore[arg-type]


def test_runs_are_put_in_order() -> None:
    runs = [measured("b", 1), measured("a", 0, scenario="S9"), measured("b", 0)]
    found = grouped(runs)

    assert ["S0", "S9"] == [*found]
    assert [0, 1] == [run.row.seed for run in found["S0"]["b"]]


def test_the_best_classic_is_the_best_of_the_others() -> None:
    """By cost and by P99 on their own; a classic is not compared with itself."""
    runs = {
        "random": several("random", [0.4, 0.4], p99=1.0),
        "least_request": several("least_request", [0.2, 0.2], p99=3.0),
        "mine": several("mine", [0.1, 0.1], p99=0.5),
    }
    found = {s.strategy: s for s in summarise("S0", runs, ["random", "least_request"])}

    mine, classic = found["mine"], found["least_request"]
    assert mine.to_classic is not None and mine.p99_to_classic is not None
    assert ("least_request", 2) == (mine.to_classic.to, mine.to_classic.wins)
    assert pytest.approx(0.5) == mine.to_classic.value
    assert ("random", 0.5) == (mine.p99_to_classic.to, mine.p99_to_classic.value)
    assert classic.to_classic is not None
    assert "random" == classic.to_classic.to
    assert pytest.approx(0.5) == classic.to_classic.value
    assert mine.to_reference is None
    assert mine.to_round_robin is None


def test_round_robin_is_no_measure_where_its_queues_grow() -> None:
    def of(stable: bool) -> object:
        runs = {
            "round_robin": several("round_robin", [0.4]),
            "mine": several("mine", [0.1]),
        }
        runs["round_robin"].append(measured("round_robin", 1, 0.4, stable=stable))
        runs["mine"].append(measured("mine", 1, 0.1))
        return summarise("S0", runs, ["round_robin"])[1].to_round_robin

    assert of(True) is not None
    assert of(False) is None


def test_references_are_no_strategies_and_the_best_one_counts() -> None:
    runs = {
        "mine": several("mine", [0.2]),
        "oracle": several("oracle", [0.15]),
        "oracle:externality=1": several("oracle:externality=1", [0.1]),
    }
    found = summarise("S0", runs, [], ["oracle", "oracle:externality=1"])

    assert ["mine"] == [each.strategy for each in found]
    assert found[0].to_reference is not None
    assert "oracle:externality=1" == found[0].to_reference.to
    assert pytest.approx(2.0) == found[0].to_reference.value


def test_who_lacks_seeds_is_not_compared() -> None:
    """After an interrupted run."""
    runs = {"random": several("random", [0.4, 0.4]), "mine": several("mine", [0.1])}
    found = summarise("S0", runs, ["random"])

    assert [2, 1] == [each.seeds for each in found]
    assert found[1].to_classic is None
    assert best(runs, ["nobody"], cost_of) is None


def test_figures_are_means_over_seeds() -> None:
    runs = {"mine": [measured("mine", 0, 0.1, converged=60), measured("mine", 1, 0.3)]}
    (found,) = summarise("S0", runs, [])

    assert pytest.approx((0.2, 0.4)) == (found.cost, found.p99)
    assert (55, 2) == (found.converged, found.stable)
    assert pytest.approx(200) == found.decisions
    assert {"s0": 0.25, "s1": 0.75} == found.shares
    assert median_or_none([1, None, None]) is None


@pytest.mark.parametrize("seeds", [1, 2, ENOUGH_SEEDS, 8])
def test_the_interval_of_a_sure_ratio_is_narrow(seeds: int) -> None:
    mine, other = several("a", [0.1] * seeds), several("b", [0.2] * seeds)
    ratio = cost_ratio(mine, other)

    assert pytest.approx(0.5) == ratio.value
    assert ratio.interval is not None
    assert pytest.approx((0.5, 0.5)) == (ratio.interval.low, ratio.interval.high)
    assert (seeds, seeds) == (ratio.wins, ratio.seeds)


def test_blocks_are_paired() -> None:
    """What makes both dearer at the same time makes the ratio no less sure."""
    wobble = (0.05, -0.05, 0.02, -0.02)
    mine = [measured("a", seed, 0.1, wobble=wobble) for seed in range(3)]
    same = [measured("b", seed, 0.1, wobble=wobble) for seed in range(3)]
    other = [measured("b", seed, 0.1, wobble=tuple(-x for x in wobble)) for seed in range(3)]
    paired, unpaired = block_interval(mine, same), block_interval(mine, other)

    assert paired is not None and unpaired is not None
    assert pytest.approx((1, 1)) == (paired.low, paired.high)
    assert unpaired.low < 0.9 and unpaired.high > 1.1


def test_intervals_hold_the_truth_nineteen_times_of_twenty() -> None:
    """Costs of eight seeds that differ by chance alone; 40 experiments, so 34 to 40 are right."""
    dice = random.Random(1)
    right = 0
    for _ in range(40):
        mine = several("a", [0.1 * dice.lognormvariate(0, 0.1) for _ in range(8)])
        other = several("b", [0.1 * dice.lognormvariate(0, 0.1) for _ in range(8)])
        interval = block_interval(mine, other)
        assert interval is not None
        right += interval.low <= 1 <= interval.high
    assert right >= 34


def test_a_p99_needs_two_seeds_for_an_interval() -> None:
    mine, other = several("a", [0.1, 0.2]), several("b", [0.2, 0.4])

    assert seed_ratio(mine[:1], other[:1], p99_of).interval is None
    ratio = seed_ratio(mine, other, p99_of)
    assert ratio.interval is not None
    assert (0.5, 2) == (ratio.value, ratio.wins)


def test_regret_is_what_the_reference_did_not_pay() -> None:
    mine = [measured("a", seed, seen=(Seen(ONSET, 5, 0.2 + seed, 0.3),)) for seed in range(2)]
    oracle = [measured("o", seed, seen=(Seen(ONSET, 5, 0.1 + seed, 0.3),)) for seed in range(2)]
    (found,) = regrets(mine, oracle)

    assert found.extra == pytest.approx(0.1)
    assert found.share == pytest.approx(0.3)
    assert regrets(mine, None)[0].extra is None
    nothing = [measured("a", seen=(Seen(ONSET, 0, math.nan, math.nan),))]
    assert () == regrets(nothing, None)


def test_a_suite_compares_run_by_run() -> None:
    runs = []
    for seed, (classic, other, learned) in enumerate([(0.2, 0.4, 0.1), (0.4, 0.2, 0.206)]):
        runs += [measured("random", seed, classic), measured("least_request", seed, other)]
        runs += [measured("mine", seed, learned)]
    found = {x.strategy: x for x in suite(runs, ["mine", "random"], ["random", "least_request"])}

    mine = found["mine"]
    assert (2, 0.5, 1.0) == (mine.scenarios, mine.wins, mine.within)
    assert pytest.approx((geometric([0.5, 1.03]), 1.03)) == (mine.mean, mine.worst)
    assert pytest.approx(1.0) == found["random"].mean
    assert [] == suite(runs, ["nobody"], ["random"])
