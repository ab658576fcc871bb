"""The figures of one run."""

import math

import numpy as np
import pytest

from evaluation.simulate.measures import (
    BLOCKS,
    Stretch,
    blocks,
    convergence,
    fair_share,
    look,
    measure,
    stable,
    stretches,
    under_way,
)
from rl.simulation.profile import Phase
from tests.evaluation.simulate.made import run, settings

pytestmark = pytest.mark.unit


def test_a_failure_costs_its_latency_and_a_second() -> None:
    found = measure(settings(), run([1, 2, 3, 4], [0.1, 0.2, 0.3, 0], [200, 200, 200, 500]), "S")
    row = found.row

    assert ("S", "made", 3, 4) == (row.scenario, row.strategy, row.seed, row.requests)
    assert pytest.approx((0.15, 0.25, 0.4)) == (row.mean, row.failure_rate, row.cost)
    assert pytest.approx(row.mean + row.failure_rate) == row.cost
    assert pytest.approx(0.25) == row.p50
    assert 0.97 < row.p99 < 1.0
    assert (4, 0.5) == (found.decisions, found.seconds)


def test_the_warm_up_is_not_counted() -> None:
    made = run([1, 2, 3], [9, 0.1, 0.2], endpoint=[1, 0, 0], warmup=2)
    found = measure(settings(warmup=2), made, "S", "called", "print")

    assert ("called", 2, "print") == (found.row.strategy, found.row.requests, found.settings)
    assert pytest.approx(0.15) == found.row.cost
    assert {"s0": 1, "s1": 0} == found.shares
    assert pytest.approx((0.3, 2)) == tuple(np.sum(found.blocks, axis=0))
    with pytest.raises(ValueError, match="no request came after the warm-up of 5 s"):
        measure(settings(warmup=5), run([1], [1], warmup=5), "S")


def test_shares_are_of_who_was_placed() -> None:
    made = run([1, 2, 3, 4], [0] * 4, [200, 503, 200, 200], [0, -1, 1, 1])

    assert pytest.approx({"s0": 1 / 3, "s1": 2 / 3}) == measure(settings(), made, "S").shares


def test_blocks_are_of_equal_length_in_time() -> None:
    arrived = np.linspace(5, 25, 41)
    found = blocks(arrived, np.ones(41))

    assert BLOCKS == len(found)
    assert [4] * 9 + [5] == [count for _, count in found]
    assert 41 == sum(total for total, _ in found)


# Convergence.


def test_converged_is_who_is_near_the_second_half() -> None:
    falling = np.concatenate((np.linspace(2, 1, 100), np.ones(400)))
    at = convergence(falling)
    assert at is not None
    assert 100 < at < 130
    assert 50 == convergence(np.ones(100))


def test_too_few_requests_or_none_near_tell_nothing() -> None:
    assert convergence(np.ones(99)) is None
    assert convergence(np.array([0.0] * 150 + [1e6] + [0.0] * 49)) is None


# Stability.


def test_short_queues_are_stable() -> None:
    assert stable(settings(), run(range(100), [1.5] * 100))
    assert stable(settings(slots=None), run(range(100), [20] * 100))


def test_who_fills_a_queue_is_not() -> None:
    """Two slots and ten that may wait: twelve at once are full, eleven are not."""
    late = [*range(20, 100)]
    made = run([1] * 12 + late, [2] * 12 + [0.1] * 80)
    assert not stable(settings(), made)
    assert stable(settings(), run([1] * 11 + late, [2] * 11 + [0.1] * 80))


def test_who_leaves_at_a_moment_is_not_there_with_who_comes_then() -> None:
    made = run([0, 1, 2, 3], [1, 1, 1, 1])
    assert stable(settings(slots=1, queue_limit=1), made)


def test_a_queue_that_grows_all_the_time_is_not() -> None:
    growing = run(range(100), [each / 10 for each in range(100)])
    assert not stable(settings(slots=100, queue_limit=1000), growing)


def test_requests_under_way_are_an_average_over_time() -> None:
    arrived, left = np.array([0.0, 5.0]), np.array([10.0, 7.0])

    assert pytest.approx(1.2) == under_way(arrived, left, 0, 10)
    assert 0 == under_way(arrived, left, 5, 5)


# Changes.


def test_changes_are_looked_at_when_they_begin_and_after_they_end() -> None:
    phases = (Phase("slow", 20, 40, factor=4), Phase("fail", 50), Phase("noise", factor=2))
    found = stretches(settings(phases=phases, duration=60, warmup=5))

    assert [
        Stretch("onset", "s0", 20, 25),
        Stretch("recovered", "s0", 40, 50),
        Stretch("onset", "s0", 50, 55),
    ] == found


def test_a_failing_server_is_watched_as_it_returns() -> None:
    found = stretches(settings(phases=(Phase("fail", 20, 22),), duration=60))

    assert Stretch("onset", "s0", 20, 22) in found
    assert Stretch("return", "s0", 27, 32) in found


def test_what_is_seen_in_a_stretch() -> None:
    made = run([1, 2, 3], [0.1, 0.2, 0.6], endpoint=[0, 0, 1])
    seen = look(settings(), made, Stretch("onset", "s0", 2, 4))

    assert pytest.approx((2, 0.4, 1.0)) == (seen.requests, seen.cost, seen.share)
    assert math.isnan(look(settings(), made, Stretch("onset", "s0", 9, 10)).cost)


def test_a_fair_share_is_that_of_the_capacity() -> None:
    assert pytest.approx(1 / 3) == fair_share(settings(servers=3), 0)
    assert pytest.approx(1 / 3) == fair_share(settings(servers=3, slots=None), 2)
