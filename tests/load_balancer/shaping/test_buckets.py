"""Token buckets."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from load_balancer.shaping.buckets import Bucket, changed

pytestmark = pytest.mark.unit

TEN_SECONDS = 10.0


def delivered(bucket: Bucket, size: float, now: float, lateness: random.Random) -> float:
    """What flows in ten seconds when somebody always wants more, by timers that fire late."""
    total, end = 0.0, now + TEN_SECONDS
    while True:
        wait = bucket.take(size, now)
        if wait:
            now += wait + lateness.uniform(0, 0.002)
        if now > end:
            return total
        total += size


@pytest.mark.parametrize("rate", [1.0, 7.0, 100.0, 1000.0])
def test_requests_flow_at_the_rate_within_two_percent(rate: float) -> None:
    bucket = changed(None, rate, None, 0.0)
    assert bucket is not None
    delivered(bucket, 1.0, 5e5, random.Random(1))  # the burst of the beginning is gone

    total = delivered(bucket, 1.0, 5e5 + TEN_SECONDS, random.Random(2))

    assert abs(total - rate * TEN_SECONDS) <= max(1.0, 0.02 * rate * TEN_SECONDS)


@pytest.mark.parametrize("rate", [10e3, 1e6, 50e6])
def test_bytes_flow_at_the_rate_within_two_percent_from_the_first(rate: float) -> None:
    bucket = Bucket(rate, rate * 0.1)

    total = delivered(bucket, min(65536.0, rate * 0.01), 0.0, random.Random(3))

    assert total == pytest.approx(rate * TEN_SECONDS, rel=0.02)


def test_a_full_bucket_gives_its_burst_at_once_and_then_the_rate() -> None:
    bucket = Bucket(10.0, 3.0)

    waits = [bucket.take(1.0, 100.0) for _ in range(5)]

    assert pytest.approx([0, 0, 0, 0.1, 0.2]) == waits
    assert -2 == pytest.approx(bucket.left(100.0))
    assert 0.3 == pytest.approx(bucket.wait(1.0, 100.0))
    assert 0.5 == pytest.approx(bucket.full_in(100.0))


def test_what_was_taken_can_be_given_back() -> None:
    bucket = Bucket(10.0, 1.0)
    bucket.take(1.0, 0.0)
    bucket.take(1.0, 0.0)
    bucket.give_back(1.0)

    assert 0.1 == pytest.approx(bucket.take(1.0, 0.0))


@given(
    rates=st.tuples(st.floats(0.1, 1e8), st.floats(0.1, 1e8)),
    taken=st.integers(0, 50),
)
@settings(max_examples=50)
def test_what_is_missing_stays_missing_at_another_rate(
    rates: tuple[float, float], taken: int
) -> None:
    bucket = Bucket(rates[0], 5.0)
    for _ in range(taken):
        bucket.take(1.0, 1000.0)
    bucket.change(rates[1], 7.0, 1000.0)

    assert bucket.left(1000.0) == pytest.approx(7.0 - taken, rel=1e-3, abs=0.05 + 1e-6 * rates[1])


@given(
    rate=st.floats(0.5, 1e4),
    burst=st.floats(1, 100),
    steps=st.lists(st.floats(0, 3), min_size=1, max_size=60),
)
@settings(max_examples=50)
def test_no_window_ever_holds_more_than_burst_and_rate(
    rate: float, burst: float, steps: list[float]
) -> None:
    bucket, now, gone = Bucket(rate, burst), 0.0, []
    for step in steps:
        now += step
        gone.append(now + bucket.take(1.0, now))
    for first in range(len(gone)):
        for last in range(first, len(gone)):
            seconds = gone[last] - gone[first]
            assert last - first + 1 <= burst + rate * seconds + 1e-6 * (1 + rate)


def test_no_rate_is_no_bucket() -> None:
    assert changed(Bucket(1, 1), None, None, 0.0) is None
    bucket = changed(None, 1.0, None, 0.0)
    assert bucket is not None and 1.0 == bucket.burst
    assert changed(bucket, 1.0, None, 0.0) is bucket
    assert changed(bucket, 50.0, 9, 0.0) is bucket
    assert (50.0, 9) == (bucket.rate, bucket.burst)
