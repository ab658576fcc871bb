"""The bandits: what they remember, what they try, and how sure they say they were."""

import json
import math
import random
from collections import Counter

import pytest

from rl.bandits import LARGEST_WEIGHT, SPARE_ARMS, BanditParameters, Thompson, Ucb
from rl.vocabulary import (
    JSON,
    Decision,
    Endpoint,
    EndpointStats,
    Observation,
    Outcome,
    RequestContext,
    Transition,
    Verdict,
)

pytestmark = pytest.mark.unit

BOTH = pytest.mark.parametrize("kind", [Ucb, Thompson])


class Scene:
    """Endpoints, and a bandit that hears of them."""

    def __init__(
        self,
        kind: type[Ucb] | type[Thompson],
        size: int = 3,
        discount: float = 0.998,
        exploration: float = 1.0,
        seed: int = 1,
    ) -> None:
        self.policy = kind(BanditParameters(discount, exploration), random.Random(seed))
        self.all = [EndpointStats(Endpoint(f"e{number}", "h", 80)) for number in range(size)]

    def observation(self) -> Observation:
        return Observation(RequestContext(), self.all, 0.0)

    def select(self) -> Decision:
        return self.policy.select(self.observation())

    def earn(self, index: int, reward: float, times: int = 1) -> None:
        for _ in range(times):
            self.policy.observe(
                Transition(
                    self.all[index],
                    self.observation(),
                    Decision(index),
                    Outcome(Verdict.SUCCESS, 0.1, 200),
                    reward,
                )
            )

    def play(self, rewards: list[float], times: int, noise: float = 0.0) -> Counter[int]:
        """One request after another, each earning its endpoint's reward."""
        dice = random.Random(7)
        had: Counter[int] = Counter()
        for _ in range(times):
            index = self.select().index
            had[index] += 1
            self.earn(index, rewards[index] + noise * dice.gauss(0.0, 1.0))
        return had


@BOTH
def test_what_earns_most_is_chosen_most(kind: type[Ucb] | type[Thompson]) -> None:
    had = Scene(kind).play([-5.0, -7.5, -10.0], 2000, noise=0.5)
    assert had[0] > 0.8 * 2000
    assert min(had.values()) > 0


@BOTH
def test_load_is_ignored(kind: type[Ucb] | type[Thompson]) -> None:
    """A hundred requests in flight change nothing."""
    scene = Scene(kind)
    scene.play([-1.0, -50.0, -50.0], 500)
    scene.all[0].in_flight = 100
    assert [0] * 20 == [scene.select().index for _ in range(20)]


@BOTH
def test_a_change_is_noticed(kind: type[Ucb] | type[Thompson]) -> None:
    """The best one becomes four times slower; later it heals, and is found again."""
    scene = Scene(kind, discount=0.99)
    scene.play([-5.0, -7.5, -10.0], 1000, noise=0.2)
    slow = scene.play([-20.0, -7.5, -10.0], 1000, noise=0.2)
    assert slow[1] > 0.7 * 1000
    scene.play([-5.0, -7.5, -10.0], 1000, noise=0.2)
    healed = scene.play([-5.0, -7.5, -10.0], 500, noise=0.2)
    assert healed[0] > 0.7 * 500


def test_ucb_tries_each_once_before_it_compares() -> None:
    scene = Scene(Ucb, 5)
    order = []
    for _ in range(5):
        decision = scene.select()
        order.append(decision.index)
        scene.earn(decision.index, -1.0)
    assert sorted(order) == list(range(5))


def test_ucb_s_bonus_is_that_of_the_formula() -> None:
    """Nothing forgotten: means -10 of 90 and -11 of 10, so that R is 10.1 and N is 100. The bonus
    10.1 * sqrt(ln 100 / n) is 2.28 for the one and 6.85 for the other, which is tried, until it has
    so many that 1 = 10.1 * (sqrt(ln N / n) - sqrt(ln N / 90))."""
    scene = Scene(Ucb, 2, discount=1.0)
    scene.earn(0, -10.0, 90)
    scene.earn(1, -11.0, 10)
    tried = 10
    while scene.select().index == 1:
        scene.earn(1, -11.0)
        tried += 1
    total = 90 + tried
    mean = (90 * 10 + 11 * tried) / total

    def bonus(count: int) -> float:
        return mean * math.sqrt(math.log(total) / count)

    assert -11.0 + bonus(tried) < -10.0 + bonus(90)
    assert -11.0 + bonus(tried - 1) > -10.0 + bonus(90) - 0.05
    assert 20 < tried < 90


def test_without_exploration_ucb_takes_the_best_mean() -> None:
    scene = Scene(Ucb, 2, exploration=0.0)
    scene.earn(0, -10.0, 5)
    scene.earn(1, -9.0)
    decision = scene.select()
    assert (1, 1.0) == (decision.index, decision.propensity)
    assert -9.0 == pytest.approx(decision.value)


@pytest.mark.parametrize(
    "counts", [(0, 0, 0), (1, 1, 1), (50, 40, 10), (500, 3, 1), (0, 20, 0), (5, 5, 0)]
)
def test_thompson_s_propensity_is_its_frequency(counts: tuple[int, int, int]) -> None:
    """Of 6000 draws, within four and a half deviations and one per cent."""
    scene = Scene(Thompson)
    for index, count in enumerate(counts):
        scene.earn(index, -5.0 - 0.2 * index, count)
    decisions = [scene.select() for _ in range(6000)]
    total = 0.0
    for index, count in Counter(each.index for each in decisions).items():
        (chance,) = {each.propensity for each in decisions if each.index == index}
        total += chance
        allowed = 4.5 * math.sqrt(6000 * chance * (1 - chance)) + 60
        assert abs(count - 6000 * chance) <= allowed
    assert 1.0 == pytest.approx(total, abs=0.01)


def test_thompson_s_draws_narrow_with_what_was_seen() -> None:
    scene = Scene(Thompson, 2)
    scene.earn(0, -10.0, 2)
    scene.earn(1, -11.0, 2)
    before = scene.select().propensity
    scene.earn(0, -10.0, 200)
    scene.earn(1, -11.0, 200)
    certain = {decision.index for decision in (scene.select() for _ in range(200))}
    assert before < 0.95
    assert {0} == certain


@BOTH
def test_a_newcomer_is_valued_as_the_others_and_tried(kind: type[Ucb] | type[Thompson]) -> None:
    scene = Scene(kind)
    scene.play([-5.0, -5.0, -5.0], 300)
    scene.all.append(EndpointStats(Endpoint("new", "h", 80)))
    decisions = [scene.select() for _ in range(100)]
    new = [each for each in decisions if each.index == 3]
    assert len(new) >= 20
    assert -5.0 == pytest.approx(new[0].value)


@BOTH
def test_what_is_no_number_teaches_nothing(kind: type[Ucb] | type[Thompson]) -> None:
    scene = Scene(kind)
    scene.earn(0, -1.0)
    before = scene.policy.parameters()
    for reward in (math.nan, math.inf, -math.inf):
        scene.earn(0, reward)
    assert before == scene.policy.parameters()


@BOTH
def test_weights_never_overflow(kind: type[Ucb] | type[Thompson]) -> None:
    """Half of everything is forgotten with each observation, thousands of times."""
    scene = Scene(kind, discount=0.5)
    scene.play([-5.0, -7.5, -10.0], 3000)
    unit = scene.policy._arms.unit
    assert 1.0 <= unit <= LARGEST_WEIGHT * 2
    weights = scene.policy.parameters()["weights"]
    assert isinstance(weights, list)
    assert 2.0 == pytest.approx(sum(each for each in weights if isinstance(each, float)))


@BOTH
def test_parameters_come_back(kind: type[Ucb] | type[Thompson]) -> None:
    scene = Scene(kind)
    scene.play([-5.0, -7.5, -10.0], 300, noise=0.5)
    stored = json.loads(json.dumps(scene.policy.parameters(), allow_nan=False))
    other = Scene(kind)
    other.policy.load(stored)
    assert stored == other.policy.parameters()
    assert {"version", "endpoints", "weights", "sums", "squares"} == set(stored)


@BOTH
@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"endpoints": ["a", "a"], "weights": [1, 1], "sums": [1, 1], "squares": [1, 1]}, "twice"),
        ({"endpoints": ["a"], "weights": [0], "sums": [1], "squares": [1]}, r"weights\[0\]"),
        ({"endpoints": ["a"], "weights": [1], "sums": [], "squares": [1]}, "sums"),
        ({"endpoints": [1], "weights": [1], "sums": [1], "squares": [1]}, r"endpoints\[0\]"),
        ({"version": 2}, "version"),
    ],
)
def test_wrong_parameters_are_refused(
    kind: type[Ucb] | type[Thompson], change: dict[str, JSON], problem: str
) -> None:
    policy = Scene(kind).policy
    before = policy.parameters()
    with pytest.raises(ValueError, match=problem):
        policy.load(before | change)
    assert before == policy.parameters()


@pytest.mark.parametrize(
    ("key", "value"), [("discount", 0.4), ("discount", 1.1), ("exploration", -1.0)]
)
def test_wrong_settings_are_refused_by_name(key: str, value: float) -> None:
    with pytest.raises(ValueError, match=key):
        BanditParameters(**{key: value})


@BOTH
def test_those_who_are_gone_are_forgotten(kind: type[Ucb] | type[Thompson]) -> None:
    scene = Scene(kind, 2)
    for number in range(500):
        scene.all[0] = EndpointStats(Endpoint(f"n{number}", "h", 80))
        scene.earn(0, -1.0)
    assert len(scene.policy._arms.arms) <= 4 + SPARE_ARMS + 1
