"""Walks and failures."""

import math
import random

import pytest

from rl.fog.disturbances import Failures, Walk

pytestmark = pytest.mark.unit


def test_walkers_stay_in_the_area_and_keep_their_speed() -> None:
    walk = Walk([(1.0, 2.0), (50.0, 10.0)], (100.0, 20.0), 3.0, random.Random(1))
    before = [(1.0, 2.0), (50.0, 10.0)]
    for _ in range(300):
        after = walk.step()
        for one, other in zip(before, after, strict=True):
            assert math.dist(one, other) <= 3.0 + 1e-9
            assert 0 <= other[0] <= 100 and 0 <= other[1] <= 20
        before = after

    assert math.dist(before[0], (1.0, 2.0)) > 1.0


def test_failures_and_repairs_take_the_times_that_are_asked_for() -> None:
    failures = Failures(1, 0.02, 10.0, random.Random(1))
    up, down, failed = [True], 0, 0
    for now in range(20_000):
        for node in failures.due(now, up):
            failed += up[node]
            up[node] = not up[node]
        down += not up[0]

    assert down / failed == pytest.approx(10.5, rel=0.15)
    assert (20_000 - down) / failed == pytest.approx(50.5, rel=0.15)
