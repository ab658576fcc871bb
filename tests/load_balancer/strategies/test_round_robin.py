"""Round robin, weighted and smooth."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from load_balancer.strategies.round_robin import SPARE_CREDITS, RoundRobin
from rl.vocabulary import Endpoint, EndpointStats, Observation, RequestContext

pytestmark = pytest.mark.unit


def endpoints(**weights: float) -> list[EndpointStats]:
    return [EndpointStats(Endpoint(id, "h", 80, weight)) for id, weight in weights.items()]


def turn(policy: RoundRobin, candidates: list[EndpointStats]) -> str:
    return candidates[policy.select(Observation(RequestContext(), candidates, 0.0)).index].id


def turns(policy: RoundRobin, candidates: list[EndpointStats], count: int) -> str:
    return "".join(turn(policy, candidates) for _ in range(count))


def test_equal_endpoints_take_turns_in_order() -> None:
    assert "abcabca" == turns(RoundRobin(), endpoints(a=1, b=1, c=1), 7)


def test_weights_are_spread_and_not_bunched() -> None:
    """nginx's own example: 5, 1, 1 gives a a b a c a a, again and again."""
    assert "aabacaa" * 2 == turns(RoundRobin(), endpoints(a=5, b=1, c=1), 14)


def test_it_is_certain() -> None:
    decision = RoundRobin().select(Observation(RequestContext(), endpoints(a=1, b=1), 0.0))

    assert (1.0, False) == (decision.propensity, decision.explored)


@settings(deadline=None)
@given(st.lists(st.integers(min_value=1, max_value=20), min_size=1, max_size=8))
def test_one_round_gives_each_exactly_its_weight(weights: list[int]) -> None:
    candidates = endpoints(**{f"e{i}": weight for i, weight in enumerate(weights)})
    policy = RoundRobin()
    for _ in range(2):
        served = Counter(turn(policy, candidates) for _ in range(sum(weights)))
        assert served == {f"e{i}": weight for i, weight in enumerate(weights)}


@settings(deadline=None)
@given(st.lists(st.sampled_from([0.1, 0.5, 1.0, 2.5, 7.0]), min_size=2, max_size=6), st.data())
def test_nobody_is_ever_a_whole_round_ahead_or_behind(
    weights: list[float], data: st.DataObject
) -> None:
    """At every moment each has its share of the requests so far to within one."""
    candidates = endpoints(**{f"e{i}": weight for i, weight in enumerate(weights)})
    policy = RoundRobin()
    served: Counter[str] = Counter()
    for count in range(1, data.draw(st.integers(min_value=1, max_value=60)) + 1):
        served[turn(policy, candidates)] += 1
        for each in candidates:
            share = count * each.endpoint.weight / sum(weights)
            assert abs(served[each.id] - share) < len(weights)


def test_one_that_was_out_for_a_moment_keeps_its_place() -> None:
    """A retry leaves out the endpoint that just failed: it is not served again the sooner.

    With the retry's turn counted, each has been served twice when all begin anew.
    """
    a, b, c = candidates = endpoints(a=1, b=1, c=1)
    policy = RoundRobin()

    assert "a" == turn(policy, candidates)
    assert "b" == turn(policy, [b, c])
    assert "cbca" == turns(policy, [a, b, c], 4)


def test_a_newcomer_neither_takes_all_turns_nor_waits() -> None:
    """It begins where the others are, wherever coming and going has brought them."""
    policy = RoundRobin()
    stayed = endpoints(s=1, t=1)
    for number in range(30):
        turn(policy, [*stayed, *endpoints(**{f"guest{number}": 100})])
    newcomer = endpoints(n=1)

    served = Counter(turns(policy, [*stayed, *newcomer], 30))
    assert {"s", "t", "n"} == set(served)
    assert all(7 <= count <= 13 for count in served.values())
    assert "n" in turns(policy, [*stayed, *newcomer], 4)


def test_the_gone_are_forgotten() -> None:
    """Ten thousand ids pass; what is held is a few times what is present."""
    policy = RoundRobin()
    for number in range(10_000):
        turn(policy, endpoints(**{f"e{number}": 1, f"f{number}": 1}))
        assert len(policy._credits) <= 2 * 2 + SPARE_CREDITS


def test_turns_go_on_when_the_gone_are_forgotten() -> None:
    """Forgetting others does not change whose turn it is."""
    many = endpoints(**{f"e{i}": 1 for i in range(50)})
    policy = RoundRobin()
    turns(policy, many, 50)

    assert "e0e1e2e0e1e2" == turns(policy, many[:3], 6)


@given(
    weights=st.lists(st.sampled_from([1.0, 2.0, 5.0, 0.5, 0.1]), min_size=1, max_size=6),
    changes=st.lists(st.tuples(st.integers(0, 63), st.integers(1, 300)), max_size=4),
)
def test_turns_that_are_read_off_are_those_that_would_be_worked_out(
    weights: list[float], changes: list[tuple[int, int]]
) -> None:
    """Through any change of the candidates, long enough to find a cycle and to leave it."""
    everybody = [
        EndpointStats(Endpoint(f"e{index}", "h", 1, weight)) for index, weight in enumerate(weights)
    ]
    quick, slow = RoundRobin(), RoundRobin()
    slow._find_cycle = lambda: None  # type: ignore[method-assign]
    for mask, count in [(63, 200), *changes, (63, 100)]:
        candidates = [each for index, each in enumerate(everybody) if mask >> index & 1]
        if not candidates:
            continue
        for _ in range(count):
            observation = Observation(RequestContext(), candidates, 0.0)
            assert slow.select(observation).index == quick.select(observation).index
