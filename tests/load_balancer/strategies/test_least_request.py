"""By the requests in flight."""

import itertools
import random
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from load_balancer.strategies.least_request import LeastRequest, PowerOfTwo
from rl.vocabulary import Decision, Endpoint, EndpointStats, Observation, Policy, RequestContext

pytestmark = pytest.mark.unit


def busy(*in_flight: int, weights: tuple[float, ...] | None = None) -> list[EndpointStats]:
    found = []
    for i, count in enumerate(in_flight):
        stats = EndpointStats(Endpoint(str(i), "h", 80, weights[i] if weights else 1.0))
        stats.in_flight = count
        found.append(stats)
    return found


def choose(policy: Policy, candidates: list[EndpointStats]) -> Decision:
    return policy.select(Observation(RequestContext(), candidates, 0.0))


def test_the_least_busy_of_all_is_taken() -> None:
    decision = choose(LeastRequest(random.Random(1)), busy(4, 1, 2))

    assert (1, 1.0) == (decision.index, decision.propensity)


def test_load_is_counted_with_this_request_and_by_weight() -> None:
    """An idle endpoint of weight 1 and one of weight 3 with one request: 1/1 against 2/3."""
    assert 1 == choose(LeastRequest(random.Random(1)), busy(0, 1, weights=(1.0, 3.0))).index


def test_ties_of_the_least_busy_fall_at_random() -> None:
    policy = LeastRequest(random.Random(1))
    picks = [choose(policy, busy(1, 0, 0)) for _ in range(2000)]

    assert {0.5} == {each.propensity for each in picks}
    assert pytest.approx(1000, abs=110) == sum(each.index == 1 for each in picks)
    assert not any(each.index == 0 for each in picks)


def failing(stats: EndpointStats, rate: float, at: float = 0.0) -> EndpointStats:
    stats.error_rate, stats.error_rate_at = rate, at
    return stats


@pytest.mark.parametrize(
    ("rate", "in_flight", "expected"),
    [
        (0.5, 1, 1),  # 1 / 0.5 against 2: a tie at the worst
        (0.6, 1, 1),
        (0.4, 1, 0),
        (1.0, 98, 1),
        (1.0, 100, 0),
        (0.05, 0, None),
    ],
)
def test_failures_weigh_as_load(rate: float, in_flight: int, expected: int | None) -> None:
    """An endpoint that fails at once has nothing in flight, and would be the idlest of all; by half
    of it failing it counts as twice as busy, by all of it a hundred times."""
    candidates = busy(0, in_flight)
    failing(candidates[0], rate)
    picks = {choose(LeastRequest(random.Random(seed)), candidates).index for seed in range(20)}

    assert picks == ({expected} if expected is not None and rate != 0.5 else {0, 1})


@pytest.mark.parametrize("policy", [LeastRequest, lambda dice: PowerOfTwo(2, dice)])
def test_what_failed_is_tried_again_in_time(policy: Callable[[random.Random], Policy]) -> None:
    """Nobody sends it anything, so that no answer can tell of its getting well: its failures fade
    until it is as good as the others."""
    candidates = busy(0, 0)
    failing(candidates[0], 1.0, at=100.0)

    def chosen(now: float) -> set[int]:
        made = policy(random.Random(1))
        seen = Observation(RequestContext(), candidates, now)
        return {made.select(seen).index for _ in range(50)}

    assert {1} == chosen(100.0) == chosen(114.0)
    assert {0, 1} == chosen(115.0)


def test_the_busiest_of_three_is_never_taken_by_two_choices() -> None:
    """Whatever two are drawn, one of them is less busy than the busiest."""
    policy = PowerOfTwo(2, random.Random(1))
    picks = [choose(policy, busy(9, 0, 5)) for _ in range(3000)]

    assert not any(each.index == 0 for each in picks)
    assert pytest.approx(2000, abs=130) == sum(each.index == 1 for each in picks)


def test_as_many_choices_as_endpoints_are_a_full_scan() -> None:
    policy = PowerOfTwo(5, random.Random(1))

    assert {1} == {choose(policy, busy(4, 1, 2)).index for _ in range(50)}
    assert 1.0 == choose(policy, busy(7)).propensity


def exact(loads: list[float], choices: int) -> list[float]:
    """Each index's probability, by going through every draw there is."""
    draws = list(itertools.combinations(range(len(loads)), choices))
    chances = [0.0] * len(loads)
    for draw in draws:
        best = [i for i in draw if loads[i] == min(loads[j] for j in draw)]
        for i in best:
            chances[i] += 1 / len(draws) / len(best)
    return chances


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(min_value=0, max_value=4), min_size=1, max_size=7),
    st.integers(min_value=2, max_value=7),
    st.integers(),
)
def test_the_propensity_is_exact(in_flight: list[int], choices: int, seed: int) -> None:
    """Against the count of all draws, ties included."""
    candidates = busy(*in_flight)
    decision = choose(PowerOfTwo(choices, random.Random(seed)), candidates)
    chances = exact([float(count) for count in in_flight], min(choices, len(in_flight)))

    assert pytest.approx(chances[decision.index]) == decision.propensity
