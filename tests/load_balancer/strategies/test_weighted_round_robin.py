"""Weighted round robin by deadlines."""

import random
from collections import Counter

import pytest

from load_balancer.strategies.weighted_round_robin import WeightedRoundRobin
from rl.vocabulary import Endpoint, EndpointStats, Observation, RequestContext

pytestmark = pytest.mark.unit


def test_shares_are_those_of_the_weights_whatever_they_are() -> None:
    """5 : 1 : 1.5, to the request."""
    candidates = [
        EndpointStats(Endpoint(id, "h", 80, weight))
        for id, weight in (("a", 5.0), ("b", 1.0), ("c", 1.5))
    ]
    candidates[0].in_flight = 1000  # it looks at nothing else
    policy = WeightedRoundRobin(random.Random(1))
    had: Counter[int] = Counter()
    for _ in range(7500):
        decision = policy.select(Observation(RequestContext(), candidates, 0.0))
        assert 1.0 == decision.propensity
        had[decision.index] += 1

    assert [5000, 1000, 1500] == pytest.approx([had[index] for index in range(3)], abs=1)


def test_two_balancers_do_not_go_in_step() -> None:
    """Of ten pairs at most a few choose alike at every turn."""
    candidates = [EndpointStats(Endpoint(id, "h", 80)) for id in "abcde"]
    observation = Observation(RequestContext(), candidates, 0.0)

    def order(seed: int) -> list[int]:
        policy = WeightedRoundRobin(random.Random(seed))
        return [policy.select(observation).index for _ in range(50)]

    assert sum(order(2 * pair) == order(2 * pair + 1) for pair in range(10)) <= 2
