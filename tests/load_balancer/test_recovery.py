"""The way back to the full share."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.balancer import Probation, SlowStart
from load_balancer.recovery import STEPS, Recovery

pytestmark = pytest.mark.unit

INFINITE = float("inf")


def rules(share: float = 0.1, successes: int = 3, seconds: float = 0.0) -> Recovery:
    return Recovery(
        Probation(share=share, successes=successes), SlowStart(seconds=seconds, minimum_share=0.2)
    )


def test_who_returns_is_on_probation_until_so_many_successes() -> None:
    recovery = rules()
    warming = recovery.returning(100.0, 10.0)
    first = recovery.share(warming, 100.0)
    ended = [recovery.succeeded(warming, 101.0) for _ in range(3)]

    assert (0.1, [False, False, True], 1.0) == (first, ended, recovery.share(warming, 101.0))
    assert not recovery.succeeded(warming, 102.0)


def test_a_failure_begins_the_probation_anew() -> None:
    recovery = rules()
    warming = recovery.returning(100.0, 10.0)
    recovery.succeeded(warming, 101.0)
    recovery.succeeded(warming, 101.0)
    recovery.failed(warming, 105.0, 20.0)

    assert [False, False, True] == [recovery.succeeded(warming, 106.0) for _ in range(3)]
    again = recovery.returning(100.0, 10.0)
    recovery.failed(again, 105.0, 20.0)
    assert (0.1, 1.0) == (recovery.share(again, 124.9), recovery.share(again, 125.0))


def test_a_probation_without_requests_ends_by_time() -> None:
    """A node without traffic proves nothing, and must not hold anybody down for it."""
    recovery = rules()
    warming = recovery.returning(100.0, 10.0)

    assert 110.0 == recovery.due(warming, 100.0)
    assert (0.1, 1.0) == (recovery.share(warming, 109.999), recovery.share(warming, 110.0))


def test_a_failure_after_the_probation_is_none_of_it() -> None:
    recovery = rules(seconds=10.0)
    warming = recovery.joining(100.0)
    recovery.failed(warming, 101.0, 10.0)

    assert 0 == warming.left
    assert 0.5 == recovery.share(warming, 105.0)


def test_a_share_of_one_is_no_probation() -> None:
    recovery = rules(share=1.0)

    assert 1.0 == recovery.share(recovery.returning(0.0, 10.0), 0.0)


def test_a_newcomer_has_no_probation_and_without_slow_start_all_at_once() -> None:
    assert 1.0 == rules().share(rules().joining(5.0), 5.0)


def test_a_slow_start_grows_to_all_in_its_seconds_from_a_minimum() -> None:
    recovery = rules(seconds=10.0)
    warming = recovery.joining(100.0)
    shares = [recovery.share(warming, 100.0 + elapsed) for elapsed in (0, 1, 2, 2.5, 5, 9.6, 10)]

    assert pytest.approx([0.2, 0.2, 0.2, 0.25, 0.5, 0.95, 1.0]) == shares


@pytest.mark.parametrize("ends", ["successes", "time"])
def test_the_slow_start_follows_the_probation(ends: str) -> None:
    recovery = rules(seconds=10.0)
    warming = recovery.returning(100.0, 20.0)
    assert 0.1 == recovery.share(warming, 119.0)
    if ends == "successes":
        for _ in range(3):
            recovery.succeeded(warming, 119.0)
        begun = 119.0
    else:
        begun = 120.0

    assert pytest.approx(0.5) == recovery.share(warming, begun + 5.0)
    assert 1.0 == recovery.share(warming, begun + 10.0)


@given(
    st.floats(min_value=0.0, max_value=1e6),
    st.floats(min_value=0.5, max_value=3600.0),
    st.booleans(),
)
def test_who_looks_when_it_is_due_sees_every_step_and_comes_to_an_end(
    start: float, seconds: float, newcomer: bool
) -> None:
    """Shares only grow, each look finds another one, and after at most so many looks it is all."""
    recovery = Recovery(Probation(), SlowStart(seconds=seconds, minimum_share=0.01))
    warming = recovery.joining(start) if newcomer else recovery.returning(start, 7.0)
    now = start
    seen = [recovery.share(warming, now)]
    while seen[-1] < 1.0:
        due = recovery.due(warming, now)
        assert now < due < INFINITE
        now = due
        seen.append(recovery.share(warming, now))
        assert len(seen) <= 2 * STEPS + 4

    assert sorted(seen[1:]) == seen[1:]
    assert pytest.approx(start + (0.0 if newcomer else 7.0) + seconds) == now
