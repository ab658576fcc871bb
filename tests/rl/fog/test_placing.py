"""Where nodes stand in a picture."""

import math
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rl.fog.placing import apart, fitted

pytestmark = pytest.mark.unit

BOX = (10.0, 20.0, 410.0, 320.0)
PLACES = st.lists(st.tuples(st.floats(-1e3, 1e3), st.floats(-1e3, 1e3)), min_size=1, max_size=12)


@given(PLACES)
@settings(max_examples=40, deadline=None)
def test_all_stand_within_the_box(positions: list[tuple[float, float]]) -> None:
    for x, y in apart(fitted(positions, BOX), 30.0, BOX):
        assert 9.9 <= x <= 410.1
        assert 19.9 <= y <= 320.1


def test_up_is_up() -> None:
    assert fitted([(0, 0), (100, 50)], BOX) == [(10.0, 320.0), (410.0, 20.0)]


def test_what_lies_beyond_is_at_the_edge() -> None:
    assert fitted([(50, 25), (-9, 99)], BOX, [(0, 0), (100, 50)]) == [(210.0, 170.0), (10.0, 20.0)]
    assert fitted([], BOX, [(0, 0)]) == []


def test_one_node_stands_in_the_middle() -> None:
    assert fitted([(7, 7)], BOX) == [(210.0, 170.0)]


def test_nodes_in_one_place_are_moved_apart() -> None:
    found = apart([(200.0, 150.0)] * 6, 30.0, BOX)
    assert min(math.dist(a, b) for a, b in combinations(found, 2)) > 25


def test_nodes_far_apart_stay() -> None:
    places = [(50.0, 50.0), (200.0, 50.0)]
    for before, after in zip(places, apart(places, 30.0, BOX), strict=True):
        assert math.dist(before, after) < 0.01
