"""Chance."""

import itertools
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from load_balancer.strategies.draw import WeightedRandom, draw, lowest
from rl.vocabulary import Decision, Endpoint, EndpointStats, Observation, RequestContext

pytestmark = pytest.mark.unit


class Loaded(random.Random):
    """Dice that always show the same."""

    def __init__(self, shows: float) -> None:
        super().__init__()
        self._shows = shows

    def random(self) -> float:
        return self._shows


def choose(policy: WeightedRandom, *weights: float) -> Decision:
    candidates = [
        EndpointStats(Endpoint(str(i), "h", 80, weight)) for i, weight in enumerate(weights)
    ]
    return policy.select(Observation(RequestContext(), candidates, 0.0))


def test_endpoints_are_drawn_in_proportion_to_their_weights() -> None:
    policy = WeightedRandom(random.Random(3))
    picks = [choose(policy, 1, 2, 5) for _ in range(8000)]

    for index, weight in enumerate((1, 2, 5)):
        chosen = [each for each in picks if each.index == index]
        assert pytest.approx(1000 * weight, abs=180) == len(chosen)
        assert {each.propensity for each in chosen} == {weight / 8}


@pytest.mark.parametrize(
    ("shows", "index"), [(0.0, 0), (0.124, 0), (0.126, 1), (0.374, 1), (0.376, 2), (1 - 2**-53, 2)]
)
def test_the_dice_decide(shows: float, index: int) -> None:
    assert choose(WeightedRandom(Loaded(shows)), 1, 2, 5).index == index


@settings(deadline=None)
@given(
    st.lists(st.floats(min_value=1e-6, max_value=1e6), min_size=1, max_size=50),
    st.floats(min_value=0.0, max_value=1.0, exclude_max=True),
)
def test_rounding_never_leads_outside(weights: list[float], shows: float) -> None:
    decision = choose(WeightedRandom(Loaded(shows)), *weights)

    assert 0 <= decision.index < len(weights)
    assert 0 < decision.propensity <= 1


@settings(deadline=None)
@given(st.lists(st.sampled_from([1.0, 2.0, 3.0]), min_size=1, max_size=20), st.integers())
def test_the_lowest_cost_wins_and_its_equals_are_counted(costs: list[float], seed: int) -> None:
    index, ties = lowest(costs, random.Random(seed))

    assert costs[index] == min(costs)
    assert ties == sum(cost == min(costs) for cost in costs)


def test_equals_win_equally_often() -> None:
    dice = random.Random(5)
    wins = [0] * 5
    for _ in range(6000):
        index, _ = lowest([2.0, 1.0, 3.0, 1.0, 1.0], dice)
        wins[index] += 1

    assert wins[0] == wins[2] == 0
    assert all(wins[i] == pytest.approx(2000, abs=190) for i in (1, 3, 4))


def test_without_a_tie_the_dice_stay_untouched() -> None:
    dice = random.Random(5)
    before = dice.getstate()
    lowest([2.0, 1.0], dice)

    assert dice.getstate() == before


@pytest.mark.parametrize("choices", [2, 3, 4])
def test_every_set_is_drawn_equally_often(choices: int) -> None:
    dice = random.Random(9)
    counts: dict[tuple[int, ...], int] = {}
    for _ in range(5000):
        drawn = draw(5, choices, dice)
        assert len(set(drawn)) == choices
        key = tuple(sorted(drawn))
        counts[key] = counts.get(key, 0) + 1

    sets = len(list(itertools.combinations(range(5), choices)))
    assert len(counts) == sets
    assert all(count == pytest.approx(5000 / sets, rel=0.2) for count in counts.values())
