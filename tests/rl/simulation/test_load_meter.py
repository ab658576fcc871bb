"""What a server reports of its load."""

import pytest

from rl.simulation.load_meter import WINDOW_SECONDS, LoadMeter

pytestmark = pytest.mark.unit


def test_nothing_is_told_before_the_first_window_is_over() -> None:
    meter = LoadMeter(2)
    meter.sample(100.0)
    meter.busy(2, 100.0)
    meter.answered(False)
    meter.sample(100.0 + WINDOW_SECONDS / 2)

    assert (0.0, 0.0, 0.0) == (meter.rate, meter.failure_rate, meter.utilization)


def test_rates_and_use_are_means_over_the_window() -> None:
    """Of two seconds with 4 slots: 1 s with 2 requests, 0.5 s with 6 of which 2 wait, 0.5 s idle:
    (2 + 4 * 0.5) / (2 * 4) of the slots."""
    meter = LoadMeter(4)
    meter.sample(100.0)
    meter.busy(2, 100.0)
    meter.busy(6, 101.0)
    meter.busy(0, 101.5)
    for failed in (False, False, True, False, False):
        meter.answered(failed)
    meter.sample(102.0)

    assert (2.5, 0.5) == (meter.rate, meter.failure_rate)
    assert pytest.approx(0.5) == meter.utilization


def test_each_window_begins_anew() -> None:
    meter = LoadMeter(1)
    meter.sample(100.0)
    meter.busy(1, 100.0)
    meter.answered(True)
    meter.sample(101.0)
    assert (1.0, 1.0, 1.0) == (meter.rate, meter.failure_rate, meter.utilization)
    meter.busy(0, 101.25)
    meter.sample(102.0)
    assert (0.0, 0.0, 0.25) == (meter.rate, meter.failure_rate, meter.utilization)


def test_without_a_limit_use_means_nothing() -> None:
    meter = LoadMeter()
    meter.sample(100.0)
    meter.busy(50, 100.0)
    meter.answered(False)
    meter.sample(101.0)
    assert (1.0, 0.0) == (meter.rate, meter.utilization)


def test_slots_may_change() -> None:
    meter = LoadMeter(1)
    meter.sample(100.0)
    meter.busy(1, 100.0)
    meter.slots = None
    meter.busy(2, 100.5)
    meter.slots = 4
    meter.busy(2, 100.5)
    meter.sample(101.0)
    assert pytest.approx((0.5 + 2 * 0.5) / 4) == meter.utilization


def test_a_reset_begins_anew_with_those_who_are_there() -> None:
    meter = LoadMeter(2)
    meter.sample(100.0)
    meter.busy(1, 100.0)
    meter.answered(True)
    meter.sample(101.0)
    meter.reset()
    assert (0.0, 0.0, 0.0) == (meter.rate, meter.failure_rate, meter.utilization)
    meter.sample(110.0)
    assert (0.0, 0.0) == (meter.rate, meter.utilization)
    meter.sample(111.0)
    assert (0.0, 0.5) == (meter.rate, meter.utilization)
