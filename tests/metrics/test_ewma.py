"""The mean that forgets by the clock."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.ewma import decayed_mean

pytestmark = pytest.mark.unit

values = st.floats(min_value=-1e6, max_value=1e6)
seconds = st.floats(min_value=0.0, max_value=1e6)


@given(values, values)
def test_the_first_sample_is_the_mean(before: float, sample: float) -> None:
    """Nothing is known before it, which an infinite elapsed time says."""
    after = decayed_mean(before, sample, math.inf, 5.0)

    assert after == pytest.approx(sample, abs=1e-9)


def test_after_one_time_constant_the_past_weighs_one_over_e() -> None:
    assert 1.0 - 1.0 / math.e == pytest.approx(decayed_mean(0.0, 1.0, 5.0, 5.0))


@pytest.mark.parametrize("elapsed", [0.0, 1e-9, 0.1])
def test_samples_of_one_instant_count_two_per_cent_each(elapsed: float) -> None:
    """0.1 s of a 5 s constant would give 1.98 %."""
    assert 0.02 == pytest.approx(decayed_mean(0.0, 1.0, elapsed, 5.0), abs=1e-4)


def test_above_the_floor_time_decides() -> None:
    assert 1.0 - math.exp(-0.03) == pytest.approx(decayed_mean(0.0, 1.0, 0.15, 5.0))


@given(values, values, seconds, st.floats(min_value=1e-3, max_value=1e3))
def test_the_mean_stays_between_what_it_was_and_the_sample(
    before: float, sample: float, elapsed: float, constant: float
) -> None:
    after = decayed_mean(before, sample, elapsed, constant)

    slack = 1e-9 * max(1.0, abs(before), abs(sample))
    assert min(before, sample) - slack <= after <= max(before, sample) + slack


@given(values, seconds)
def test_a_sample_equal_to_the_mean_changes_nothing(mean: float, elapsed: float) -> None:
    assert mean == decayed_mean(mean, mean, elapsed, 5.0)


def test_the_rate_of_the_samples_does_not_matter_above_the_floor() -> None:
    """Seven samples a second or one: after three seconds the past weighs the same."""
    fast = slow = 0.0
    for _ in range(20):
        fast = decayed_mean(fast, 1.0, 0.15, 5.0)
    for _ in range(3):
        slow = decayed_mean(slow, 1.0, 1.0, 5.0)

    assert slow == pytest.approx(fast)
