"""Comparisons over seeds of runs whose truth is known."""

import math

import pytest

from evaluation.metrics_analyzer import Claim
from evaluation.seeds import FEWEST_SEEDS, Measure, difference, over_seeds, statistics

pytestmark = pytest.mark.unit
LESS = Measure("waited", "waited", more_is_better=False)
MORE = Measure("done", "done", more_is_better=True)
Run = dict[str, float]


def run(seed: int, by: float) -> Run:
    """Seeds differ by more than whatever is compared."""
    return {"waited": 10.0 * seed + by + 0.01 * (seed % 3), "done": 5.0 * seed - by}


def figure(measure: Measure, run: Run) -> float:
    return run[measure.name]


def test_an_interval_needs_seeds_and_holds_the_mean() -> None:
    few = over_seeds([0.1] * (FEWEST_SEEDS - 1))
    assert few.value == pytest.approx(0.1)
    assert few.interval is None
    many = over_seeds([0.1, 0.2, 0.15, 0.12, 0.18, 0.16, math.nan])
    assert many.interval is not None
    assert many.interval.low < many.value < many.interval.high
    assert math.isnan(over_seeds([]).value)


@pytest.mark.parametrize(
    ("values", "more_is_better", "claim"),
    [
        ([0.5, 0.6, 0.55, 0.52, 0.58], False, Claim.LOSS),
        ([-0.5, -0.6, -0.55, -0.52, -0.58], False, Claim.WIN),
        ([0.5, 0.6, 0.55, 0.52, 0.58], True, Claim.WIN),
        ([0.5, 0.6, 0.55, 0.52, 0.58], None, None),
        ([0.5, -0.6, 0.55, -0.52, 0.1], True, Claim.NO_DIFFERENCE),
        ([0.5, 0.6, 0.55, 0.52], False, Claim.TOO_FEW),
    ],
)
def test_claims(values: list[float], more_is_better: bool | None, claim: Claim | None) -> None:
    assert difference(values, more_is_better).claim is claim


def test_pairs_of_one_seed_tell_what_seeds_would_hide() -> None:
    runs = {
        name: {seed: run(seed, by) for seed in range(6)} for name, by in (("a", 0.0), ("b", -1.0))
    }
    reference, other = statistics(runs, (LESS, MORE), figure, "a")
    assert ("a", (0, 1, 2, 3, 4, 5), {}) == (
        reference.name,
        reference.seeds,
        reference.differences,
    )
    assert other.differences["waited"].estimate.value == pytest.approx(-1.0)
    assert Claim.WIN is other.differences["waited"].claim is other.differences["done"].claim
    own = other.measures["waited"].interval
    assert own is not None and own.high - own.low > 10


def test_only_seeds_that_both_have_are_compared() -> None:
    runs = {
        "a": {seed: run(seed, 0.0) for seed in range(5)},
        "b": {seed: run(seed, 1e6 if seed == 5 else 1.0) for seed in range(6)},
        "c": {7: run(7, 0.0)},
    }
    _, other, apart = statistics(runs, (LESS,), figure, "a")
    assert other.differences["waited"].estimate.value == pytest.approx(1.0)
    assert {} == apart.differences
    assert {} == statistics({"b": runs["b"]}, (LESS,), figure, "a")[0].differences
