"""Ejection by answers: when, for how long, how many, and how it is forgotten."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.schema import Ejection
from load_balancer.health import Health
from metrics.table import EndpointTable
from rl.vocabulary import Endpoint, EndpointStats, Verdict

pytestmark = pytest.mark.unit

GOOD, BAD, IGNORED = Verdict.SUCCESS, Verdict.FAILURE, Verdict.IGNORED


class Fleet:
    """Endpoints a, b, c … under one Health."""

    def __init__(self, size: int = 4, settings: Ejection | None = None) -> None:
        self.table = EndpointTable(Endpoint(chr(97 + i), "h", 1) for i in range(size))
        self.settings = settings or Ejection(
            consecutive_failures=3, seconds=10.0, max_seconds=60.0, max_share=0.5
        )
        self.health = Health(self.settings, self.table)
        self.a = self.table.all[0]

    def answers(
        self, stats: EndpointStats, verdicts: list[Verdict], now: float = 0.0
    ) -> list[bool]:
        return [self.health.completed(stats, verdict, now) for verdict in verdicts]

    def eject(self, stats: EndpointStats, now: float) -> None:
        assert self.answers(stats, [BAD] * self.settings.consecutive_failures, now)[-1]

    def out(self) -> list[str]:
        return [stats.id for stats in self.table.all if stats.ejected]


def test_so_many_failures_in_a_row_put_an_endpoint_out() -> None:
    fleet = Fleet()

    assert [False, False, True] == fleet.answers(fleet.a, [BAD] * 3)
    assert ["a"] == fleet.out()


def test_a_success_between_starts_the_count_afresh() -> None:
    fleet = Fleet()

    assert not any(fleet.answers(fleet.a, [BAD, BAD, GOOD, BAD, BAD, GOOD, BAD, BAD]))
    assert [] == fleet.out()


def test_what_is_ignored_neither_ejects_nor_exonerates() -> None:
    fleet = Fleet()

    assert not any(fleet.answers(fleet.a, [IGNORED] * 50))
    assert [False, False, False, True] == fleet.answers(fleet.a, [BAD, BAD, IGNORED, BAD])


def test_each_endpoint_has_its_own_count() -> None:
    fleet = Fleet()
    for _ in range(2):
        for stats in fleet.table.all:
            assert not fleet.health.completed(stats, BAD, 0.0)

    assert [] == fleet.out()


def test_it_is_out_for_its_time_and_no_longer() -> None:
    fleet = Fleet()
    fleet.eject(fleet.a, now=100.0)

    assert 110.0 == fleet.health.due == fleet.health.ejected_until(fleet.a)
    assert not fleet.health.reinstate(109.999)
    assert ["a"] == fleet.out()
    assert fleet.health.reinstate(110.0)
    assert [] == fleet.out()
    assert fleet.health.ejected_until(fleet.a) is None
    assert float("inf") == fleet.health.due


def test_nothing_is_due_while_nobody_is_out() -> None:
    fleet = Fleet()

    assert float("inf") == fleet.health.due
    assert not fleet.health.reinstate(1e9)


def test_what_is_due_is_the_earliest_return() -> None:
    fleet = Fleet()
    fleet.eject(fleet.table["b"], now=5.0)
    fleet.eject(fleet.a, now=0.0)
    first = fleet.health.due
    changed = fleet.health.reinstate(10.0)

    assert (10.0, True, 15.0) == (first, changed, fleet.health.due)
    assert ["b"] == fleet.out()


def test_each_time_it_is_out_for_twice_as_long_up_to_the_maximum() -> None:
    fleet = Fleet()
    now = 0.0
    times = []
    for _ in range(6):
        fleet.eject(fleet.a, now)
        back = fleet.health.ejected_until(fleet.a)
        assert back is not None
        times.append(back - now)
        fleet.health.reinstate(back)
        now = back

    assert [10, 20, 40, 60, 60, 60] == times


def test_years_of_failing_overflow_nothing() -> None:
    settings = Ejection(consecutive_failures=1, seconds=1.0, max_seconds=2.0, max_share=1.0)
    fleet = Fleet(1, settings)
    for step in range(1200):
        fleet.eject(fleet.a, float(3 * step))
        fleet.health.reinstate(3.0 * step + 2.0)

    assert [] == fleet.out()


def test_who_behaves_for_as_long_as_it_was_out_starts_afresh() -> None:
    fleet = Fleet()
    fleet.eject(fleet.a, now=0.0)
    fleet.health.reinstate(10.0)
    fleet.answers(fleet.a, [GOOD], now=20.001)
    fleet.eject(fleet.a, now=30.0)

    assert 40.0 == fleet.health.ejected_until(fleet.a)


def test_who_fails_again_before_that_does_not() -> None:
    fleet = Fleet()
    fleet.eject(fleet.a, now=0.0)
    fleet.health.reinstate(10.0)
    fleet.answers(fleet.a, [GOOD], now=19.9)
    fleet.eject(fleet.a, now=20.0)

    assert 40.0 == fleet.health.ejected_until(fleet.a)


def test_failures_that_come_in_while_it_is_out_are_paid_for() -> None:
    """They were sent before it was put out. After its return it takes as many as ever."""
    fleet = Fleet()
    fleet.eject(fleet.a, now=0.0)
    assert not any(fleet.answers(fleet.a, [BAD] * 20, now=1.0))
    until = fleet.health.ejected_until(fleet.a)
    fleet.health.reinstate(10.0)

    assert 10.0 == until
    assert [False, False, True] == fleet.answers(fleet.a, [BAD] * 3, now=11.0)


@pytest.mark.parametrize(
    ("size", "share", "most"),
    [(1, 0.5, 0), (2, 0.5, 1), (3, 0.5, 1), (4, 0.5, 2), (3, 1.0, 3), (3, 0.0, 0), (100, 0.29, 29)],
)
def test_a_share_of_the_fleet_stays_in_whatever_happens(size: int, share: float, most: int) -> None:
    fleet = Fleet(size, Ejection(consecutive_failures=1, max_share=share))
    ejected = [fleet.health.completed(stats, BAD, 0.0) for stats in fleet.table.all]

    assert [True] * most + [False] * (size - most) == ejected
    assert most == len(fleet.out())


def test_who_stayed_in_for_want_of_room_goes_out_by_its_next_failure() -> None:
    fleet = Fleet(2, Ejection(consecutive_failures=3, seconds=10.0, max_share=0.5))
    b = fleet.table["b"]
    fleet.eject(fleet.a, now=0.0)
    assert not any(fleet.answers(b, [BAD] * 3, now=1.0))
    fleet.health.reinstate(10.0)

    assert [True] == fleet.answers(b, [BAD], now=10.0)


@given(st.integers(min_value=1, max_value=6), st.integers(), st.data())
def test_no_course_of_events_breaks_the_bounds(size: int, seed: int, data: st.DataObject) -> None:
    """Never more out than the share allows, never out beyond the due time, and a verdict other
    than failure never puts anybody out."""
    dice = random.Random(seed)
    settings = Ejection(consecutive_failures=2, seconds=1.0, max_seconds=4.0, max_share=0.5)
    fleet = Fleet(size, settings)
    now = 0.0
    for verdict in data.draw(st.lists(st.sampled_from(list(Verdict)), max_size=60)):
        now += dice.random()
        if fleet.health.due <= now:
            assert fleet.health.reinstate(now)
        stats = dice.choice(fleet.table.all)
        ejected = fleet.health.completed(stats, verdict, now)
        assert not ejected or verdict is BAD
        assert len(fleet.out()) <= size // 2
        for each in fleet.table.all:
            until = fleet.health.ejected_until(each)
            assert (until is not None) == each.ejected
            assert until is None or now < until <= now + 4.0
            assert until is None or fleet.health.due <= until
