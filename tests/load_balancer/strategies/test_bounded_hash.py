"""Consistent hashing with bounded loads."""

import random
from collections import Counter
from math import ceil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from load_balancer.strategies.bounded_hash import BoundedHash
from load_balancer.strategies.rendezvous import Rendezvous
from rl.vocabulary import Endpoint, EndpointStats, Observation, RequestContext

pytestmark = pytest.mark.unit

FACTOR = 1.25


def fleet(size: int, weights: list[float] | None = None) -> list[EndpointStats]:
    return [
        EndpointStats(Endpoint(f"e{number}", "h", 80, weights[number] if weights else 1.0))
        for number in range(size)
    ]


def policy(seed: int = 1) -> BoundedHash:
    return BoundedHash(FACTOR, 100, random.Random(seed))


def select(tried: BoundedHash, candidates: list[EndpointStats], key: str, now: float = 0.0) -> int:
    context = RequestContext(affinity_key=key)
    return tried.select(Observation(context, candidates, now)).index


def test_a_key_stays_where_it_is_as_long_as_there_is_room() -> None:
    candidates, tried = fleet(5), policy()
    homes = {key: select(tried, candidates, key) for key in map(str, range(200))}
    assert homes == {key: select(tried, candidates, key) for key in homes}
    assert set(range(5)) == set(homes.values())


def test_balancers_agree_whatever_their_dice() -> None:
    candidates = fleet(5)
    for key in map(str, range(50)):
        assert select(policy(1), candidates, key) == select(policy(2), candidates, key)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.sampled_from(["a", "a", "a", "b", "c", "end"]), max_size=150),
    st.integers(2, 7),
    st.booleans(),
    st.integers(0, 99),
)
def test_the_bound_is_never_exceeded(
    steps: list[str], size: int, weighted: bool, seed: int
) -> None:
    """With this request m + 1 are in flight, and no endpoint that is given one has more than
    ceil(c * (m + 1) * its share of the weights)."""
    dice = random.Random(seed)
    weights = [dice.choice([0.5, 1.0, 2.0]) if weighted else 1.0 for _ in range(size)]
    candidates, tried = fleet(size, weights), policy()
    for step in steps:
        if step == "end":
            busy = [each for each in candidates if each.in_flight]
            if busy:
                dice.choice(busy).in_flight -= 1
            continue
        index = select(tried, candidates, step)
        candidates[index].in_flight += 1
        total = sum(each.in_flight for each in candidates)
        bound = ceil(FACTOR * total * weights[index] / sum(weights))
        assert candidates[index].in_flight <= bound


def test_a_crowded_key_spills_over_in_its_own_order() -> None:
    """One key alone: 40 in flight on 4 endpoints are at most ceil(1.25 * 40 / 4) = 13 each."""
    candidates, tried = fleet(4), policy()
    order = Rendezvous(10).ranked("hot", candidates)
    for _ in range(40):
        candidates[select(tried, candidates, "hot")].in_flight += 1
    loads = [candidates[index].in_flight for index in order]
    assert loads == sorted(loads, reverse=True)
    assert 13 == loads[0]


def test_a_request_without_a_key_goes_to_the_least_loaded() -> None:
    candidates, tried = fleet(3), policy()
    for each, in_flight in zip(candidates, (2, 1, 1), strict=True):
        each.in_flight = in_flight
    decisions = [
        tried.select(Observation(RequestContext(affinity_key=""), candidates, 0.0))
        for _ in range(400)
    ]
    had = Counter(decision.index for decision in decisions)
    assert {1, 2} == set(had)
    assert {0.5} == {decision.propensity for decision in decisions}


def test_keys_of_a_failing_endpoint_go_to_their_next_choice_and_come_back() -> None:
    candidates, tried = fleet(4), policy()
    order = Rendezvous(10).ranked("k", candidates)
    home = candidates[order[0]]
    home.error_rate, home.error_rate_at = 1.0, 100.0
    assert order[1] == select(tried, candidates, "k", 100.0)
    # 5 s * ln 2 later half of it is forgotten.
    assert order[1] == select(tried, candidates, "k", 103.4)
    assert order[0] == select(tried, candidates, "k", 103.5)


def test_where_all_fail_nobody_is_passed_over() -> None:
    candidates, tried = fleet(4), policy()
    for each in candidates:
        each.error_rate, each.error_rate_at = 1.0, 100.0
    order = Rendezvous(10).ranked("k", candidates)
    assert order[0] == select(tried, candidates, "k", 100.0)
