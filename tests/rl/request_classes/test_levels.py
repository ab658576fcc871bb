"""Whether two classes cost the same."""

import math

import pytest

from rl.request_classes.levels import SETTLED, Levels, equal

pytestmark = pytest.mark.unit


def levels(values: dict[int, float], samples: int = 1000, variance: float = 0.1) -> Levels:
    found = Levels()
    for slot, value in values.items():
        found.levels[slot] = math.log(value)
        found.counts[slot] = samples
    found.variance = variance
    return found


def test_equal_is_who_costs_the_same_at_every_endpoint() -> None:
    one = levels({0: 0.05, 1: 0.1})

    assert equal(one, levels({0: 0.051, 1: 0.099}))
    assert not equal(one, levels({0: 0.05, 1: 0.2}))
    assert not equal(one, levels({0: 0.1, 1: 0.05})), "their means are the same"


def test_who_is_little_known_or_never_met_is_not_called_equal() -> None:
    one = levels({0: 0.05})

    assert not equal(one, levels({0: 0.05}, samples=SETTLED - 1))
    assert not equal(one, levels({1: 0.05}))
    assert not equal(one, levels({0: 0.05}, samples=SETTLED, variance=5.0)), "too noisy to tell"


def test_a_slot_that_another_endpoint_takes_is_forgotten() -> None:
    one = levels({0: 0.05, 1: 0.1})
    one.forget(1)
    assert equal(one, levels({0: 0.05, 1: 0.9}))
