"""Requests in flight per endpoint: a fixed limit, and one that is learned."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.balancer import AdaptiveLimit, Admission
from load_balancer.limits import EndpointLimits, limits_of, with_room
from metrics.table import EndpointTable
from rl.vocabulary import Endpoint, EndpointStats, Outcome, Verdict

pytestmark = pytest.mark.unit

INFINITE = float("inf")


def table_of(*ids: str) -> EndpointTable:
    return EndpointTable(Endpoint(id, "h", 1) for id in ids)


class Busy:
    """One endpoint that always has as many requests in flight as it may, unless told otherwise."""

    def __init__(self, fixed: int | None = None, **values: float) -> None:
        self.table = table_of("a")
        self.settings = AdaptiveLimit.model_validate({"enabled": True, **values})
        self.limits = EndpointLimits(
            Admission(requests_per_endpoint=fixed, adaptive=self.settings), self.table
        )
        self.stats = self.table["a"]
        self.limits.cover(self.table.all)

    def answer(self, latency: float, verdict: Verdict = Verdict.SUCCESS, load: float = 1.0) -> int:
        """One more answer; the limit after it."""
        self.stats.in_flight = max(0, int(self.stats.limit * load) - 1)
        self.limits.completed(self.stats, Outcome(verdict, latency, 200))
        return int(self.stats.limit)

    def answers(self, count: int, latency: float, load: float = 1.0) -> int:
        for _ in range(count):
            self.answer(latency, load=load)
        return int(self.stats.limit)


# Fixed.


def test_without_settings_there_are_no_limits() -> None:
    assert limits_of(Admission(), table_of("a")) is None


def test_a_fixed_limit_is_the_limit_of_all() -> None:
    table = table_of("a", "b")
    limits = limits_of(Admission(requests_per_endpoint=7), table)
    assert limits is not None
    limits.cover(table.all)

    assert [7, 7] == [stats.limit for stats in table.all]
    assert not limits.learns


def test_a_limit_that_was_learned_is_not_covered_again() -> None:
    busy = Busy()
    busy.answers(30, 0.1)
    learned = busy.stats.limit
    busy.limits.cover(busy.table.all)

    assert learned == busy.stats.limit > 20


def test_who_is_below_its_limit_has_room() -> None:
    table = table_of("a", "b", "c")
    a, b, c = table.all
    a.limit, b.limit = 1, 2
    a.in_flight, b.in_flight, c.in_flight = 1, 1, 10_000

    assert [b, c] == with_room(table.all)
    a.in_flight = 0
    assert with_room(table.all) is table.all
    a.in_flight = b.in_flight = 5
    c.limit = 5
    assert [] == with_room(table.all)


# Learned.


def test_the_limit_grows_while_the_latency_stays() -> None:
    """By smoothing times allowance an answer, up to the maximum."""
    busy = Busy(initial=20, maximum=100)

    assert [20, 21, 22, 23, 24] == [int(20 + 0.8 * n) for n in (1, 2, 3, 4, 5)]
    assert [20, 21, 22, 23, 24] == [busy.answer(0.1) for _ in range(5)]
    assert 100 == busy.answers(500, 0.1)


def test_the_limit_shrinks_when_requests_queue_and_grows_again_after() -> None:
    """Twelve times the usual latency is the lowest gradient: a tenth less each answer, down to the
    minimum."""
    busy = Busy(initial=100, minimum=5)
    high = busy.answers(100, 0.1)
    low = busy.answers(60, 1.2)
    again = busy.answers(100, 0.1)

    assert high > 150
    assert low < high / 3
    assert again > 2 * low


def test_noise_within_the_tolerance_does_not_shrink_it() -> None:
    """Half as much again as usual is noise."""
    busy = Busy(initial=20, maximum=1000)
    dice = random.Random(1)
    for _ in range(300):
        busy.answer(0.1 * dice.uniform(0.8, 1.2))

    assert busy.stats.limit > 200


def test_a_failure_shrinks_it_however_fast_it_was() -> None:
    """An endpoint that sheds load at once must not look as if it could bear more."""
    busy = Busy(initial=100)
    busy.answers(20, 0.1)
    before = busy.stats.limit
    after = busy.answer(0.0001, Verdict.FAILURE)

    assert int(0.9 * before) == pytest.approx(after, abs=1)
    assert busy.answer(0.1) > after - 1


def test_an_idle_endpoint_does_not_move_its_limit() -> None:
    """It says nothing of how much it can bear, neither by answers nor by failures."""
    busy = Busy(initial=100)
    busy.answers(50, 0.1, load=0.4)
    busy.answers(50, 5.0, load=0.4)
    busy.answer(5.0, Verdict.FAILURE, load=0.4)

    assert 100 == busy.stats.limit


def test_half_the_limit_in_flight_is_enough_to_learn() -> None:
    busy = Busy(initial=100)

    assert busy.answers(10, 0.1, load=0.52) > 100


def test_a_bad_time_that_is_over_is_forgotten() -> None:
    """The long mean must come down, or every latency would look good beside it. It would take 600
    samples to forget by itself."""
    busy = Busy(initial=50, maximum=60)
    busy.answers(20, 10.0)
    busy.answers(150, 0.1)

    assert busy.limits._gradients["a"].long < 0.3


def test_the_first_samples_make_a_plain_mean() -> None:
    busy = Busy()
    for latency in (0.1, 0.3, 0.2, 0.4):
        busy.answer(latency)

    assert pytest.approx(0.25) == busy.limits._gradients["a"].long


def test_a_latency_that_rose_for_good_becomes_the_new_normal() -> None:
    """The limit falls to its minimum, where no queue is of our making, learns there, and rises."""
    busy = Busy(initial=50, minimum=4, maximum=60, long_samples=100)
    busy.answers(50, 0.1)
    lowest = 60
    for _ in range(1000):
        lowest = min(lowest, busy.answer(1.0))

    assert (4, 60) == (lowest, busy.stats.limit)


def test_an_idle_time_teaches_what_is_normal() -> None:
    """Begun under load, twice as slow as need be: once that was seen, the limit is lower."""

    def settled(idle: int) -> int:
        busy = Busy(initial=24, maximum=1000)
        for number in range(1500):
            if number == 500:
                busy.answers(idle, 0.05, load=0.2)
            busy.answer(0.05 * max(1.0, busy.stats.limit / 12))
        return int(busy.stats.limit)

    assert settled(1000) < 0.75 * settled(0)


def test_the_fixed_limit_bounds_the_learned_one() -> None:
    busy = Busy(fixed=30, initial=20, maximum=1000)

    assert 30 == busy.answers(200, 0.1)
    assert 3 == Busy(fixed=3).stats.limit
    below = Busy(fixed=3)
    below.answers(20, 0.1)
    assert 3 == below.stats.limit


def test_an_answer_in_no_time_divides_by_nothing() -> None:
    assert Busy().answers(50, 0.0) > 20


def test_who_is_no_more_leaves_no_trace() -> None:
    busy = Busy()
    busy.answer(0.1)
    gone = EndpointStats(Endpoint("gone", "h", 1))
    busy.limits.completed(gone, Outcome(Verdict.SUCCESS, 0.1, 200))
    stranger = EndpointStats(Endpoint("a", "h", 1))
    busy.limits.completed(stranger, Outcome(Verdict.SUCCESS, 0.1, 200))

    assert ["a"] == list(busy.limits._gradients)
    assert INFINITE == gone.limit == stranger.limit
    busy.limits.forget("a")
    busy.limits.forget("a")
    assert {} == busy.limits._gradients


@pytest.mark.parametrize("initial", [6, 12, 20])
def test_it_finds_the_limit_of_a_server_with_slots(initial: int) -> None:
    """Twelve slots of 50 ms: any more wait. Latency by Little's law, all that it may take in flight
    for ever: the limit stays above where the waiting begins, and does not creep up."""
    busy = Busy(initial=initial, maximum=1000)
    seen = []
    for number in range(20_000):
        in_flight = int(busy.stats.limit)
        limit = busy.answer(0.05 * max(1.0, in_flight / 12))
        if number > 1000:
            seen.append(limit)

    assert 12 <= min(seen)
    assert max(seen) <= 3 * 12


@given(
    st.lists(
        st.tuples(
            st.sampled_from([Verdict.SUCCESS, Verdict.FAILURE]),
            st.floats(min_value=0.0, max_value=1e6),
            st.floats(min_value=0.0, max_value=3.0),
        ),
        max_size=100,
    ),
    st.one_of(st.none(), st.integers(min_value=1, max_value=40)),
)
def test_the_limit_stays_within_its_bounds(
    steps: list[tuple[Verdict, float, float]], fixed: int | None
) -> None:
    busy = Busy(fixed, initial=20, minimum=4, maximum=50)
    for verdict, latency, load in steps:
        busy.answer(latency, verdict, load)
        highest = min(50, fixed or 50)
        assert min(4, highest) <= busy.stats.limit <= highest
        assert busy.stats.limit == int(busy.stats.limit)
