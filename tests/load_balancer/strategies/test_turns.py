"""Turns by deadlines."""

import random
from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from load_balancer.strategies.turns import SPARE_DEADLINES, Turns
from rl.vocabulary import Endpoint, EndpointStats

pytestmark = pytest.mark.unit


def stats(*ids: str) -> list[EndpointStats]:
    return [EndpointStats(Endpoint(id, "h", 80)) for id in ids]


def turns(weights: list[float], seed: int = 1) -> Turns:
    found = Turns(random.Random(seed))
    found.begin(stats(*(f"e{number}" for number in range(len(weights)))), weights)
    return found


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(0.01, 100.0), min_size=1, max_size=8),
    st.integers(0, 99),
    st.integers(1, 400),
)
def test_no_share_is_ever_off_by_more_than_a_turn_a_competitor(
    weights: list[float], seed: int, count: int
) -> None:
    """After any number of turns each endpoint has had its period's worth, give or take one turn;
    the time that has passed is told by all of them together."""
    taken = turns(weights, seed)
    had = Counter(taken.next() for _ in range(count))
    total = sum(weights)
    for index, weight in enumerate(weights):
        fair = count * weight / total
        slack = 1.0 + len(weights) * weight / total
        assert fair - slack - 1e-6 <= had[index] <= fair + slack + 1e-6


def test_weights_need_not_be_whole() -> None:
    taken = turns([0.5, 0.75, 1.25])
    had = Counter(taken.next() for _ in range(2500))
    assert [500, 750, 1250] == pytest.approx([had[index] for index in range(3)], abs=1)


def test_turns_are_spread() -> None:
    """Of one that has half of all turns, no two are further apart than three turns."""
    taken = turns([2.0, 1.0, 1.0], seed=4)
    order = [taken.next() for _ in range(400)]
    places = [place for place, index in enumerate(order) if index == 0]
    assert max(after - before for before, after in pairwise(places)) <= 3


def test_balancers_begin_at_different_places() -> None:
    first = Counter(turns([1.0] * 4, seed).next() for seed in range(400))
    assert {0, 1, 2, 3} == set(first)
    assert max(first.values()) < 160


def test_other_weights_count_from_the_next_turn_on() -> None:
    taken = turns([1.0, 1.0])
    for _ in range(101):
        taken.next()
    taken.begin(taken.candidates, [1.0, 9.0])
    had = Counter(taken.next() for _ in range(100))
    assert 90 == pytest.approx(had[1], abs=1)


def test_who_is_left_out_for_a_turn_loses_none() -> None:
    """A retry avoids one endpoint: the shares stay what they are."""
    everybody = stats("a", "b", "c")
    taken = Turns(random.Random(3))
    had: Counter[str] = Counter()
    for number in range(3000):
        offered = everybody if number % 10 else everybody[1:]
        taken.begin(offered, [1.0] * len(offered))
        had[offered[taken.next()].id] += 1
    assert all(1000 == pytest.approx(count, abs=15) for count in had.values())


def test_who_was_away_for_long_does_not_catch_up() -> None:
    everybody = stats("a", "b")
    taken = Turns(random.Random(3))
    taken.begin(everybody, [1.0, 1.0])
    taken.next()
    taken.begin(everybody[:1], [1.0])
    for _ in range(1000):
        taken.next()
    taken.begin(everybody, [1.0, 1.0])
    had = Counter(taken.next() for _ in range(100))
    assert 50 == pytest.approx(had[1], abs=1)


def test_those_who_are_gone_are_forgotten() -> None:
    taken = Turns(random.Random(3))
    for number in range(1000):
        taken.begin(stats(f"n{number}", f"n{number + 1}"), [1.0, 1.0])
        taken.next()
    assert len(taken._left) <= 4 + SPARE_DEADLINES + 2
