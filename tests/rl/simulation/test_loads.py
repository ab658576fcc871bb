"""How busy a virtual node is."""

import random

import pytest

from rl.simulation.loads import InFlightLoad, WalkingLoad

pytestmark = pytest.mark.unit


def test_the_documents_load_walks_by_one_and_never_below_nothing() -> None:
    load = WalkingLoad(random.Random(1))
    before = load.current()
    assert 1 <= before <= 100
    seen = set()
    for _ in range(50_000):
        after = load.rewarded()
        assert after == load.current() >= 0
        assert abs(after - before) == 1 or before == after == 0
        seen.add(after - before)
        before = after

    assert {-1, 1} <= seen


def test_after_a_refusal_it_is_anywhere() -> None:
    load = WalkingLoad(random.Random(1))
    found = set()
    for _ in range(3000):
        load.declined()
        found.add(load.current())

    assert set(range(1, 101)) == found


def test_requests_do_not_move_the_documents_load() -> None:
    load = WalkingLoad(random.Random(1))
    before = load.current()
    load.admitted()
    assert before == load.current()
    load.left()
    assert before == load.current()


def test_in_flight_over_capacity() -> None:
    load = InFlightLoad(40)
    for _ in range(10):
        load.admitted()
    assert 25.0 == load.current() == load.rewarded()
    load.left()
    load.declined()
    assert 22.5 == load.current()
