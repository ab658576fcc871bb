"""Ejection by answers: when, why, for how long, how many, how they return, what is forgotten."""

import random
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.balancer import Ejection, FailureShare, Probation, SlowStart, SuccessRate
from load_balancer.health import Health
from metrics.counters import Counters
from metrics.table import EndpointTable
from rl.vocabulary import Endpoint, EndpointStats, Outcome, Verdict

pytestmark = pytest.mark.unit

GOOD = Outcome(Verdict.SUCCESS, 0.01, 200)
BAD = Outcome(Verdict.FAILURE, 0.01, 500)
GATEWAY = Outcome(Verdict.FAILURE, 0.01, 503)
NOTHING = Outcome(Verdict.FAILURE, 0.01, 0)

THREE = Ejection(consecutive_failures=3, seconds=10.0, max_seconds=60.0, max_share=0.5, jitter=0.0)
NO_PROBATION = Probation(share=1.0)


class Fleet:
    """Endpoints a, b, c … under one Health."""

    def __init__(
        self,
        size: int = 4,
        settings: Ejection = THREE,
        probation: Probation = NO_PROBATION,
        slow_start: SlowStart | None = None,
    ) -> None:
        self.table = EndpointTable(Endpoint(chr(97 + i), "h", 1) for i in range(size))
        self.settings = settings
        self.counters = Counters()
        self.health = Health(
            settings, self.table, random.Random(1), self.counters, probation, slow_start
        )
        self.a = self.table.all[0]

    def answers(
        self, stats: EndpointStats, outcomes: Sequence[Outcome], now: float = 0.0
    ) -> list[bool]:
        return [self.health.completed(stats, outcome, now) for outcome in outcomes]

    def eject(self, stats: EndpointStats, now: float) -> None:
        assert self.settings.consecutive_failures is not None
        assert self.answers(stats, [BAD] * self.settings.consecutive_failures, now)[-1]

    def out(self) -> list[str]:
        return [stats.id for stats in self.table.all if stats.ejected]

    def shares(self) -> list[float]:
        return [stats.share for stats in self.table.all]


# In a row.


def test_so_many_failures_in_a_row_put_an_endpoint_out() -> None:
    fleet = Fleet()

    assert [False, False, True] == fleet.answers(fleet.a, [BAD, NOTHING, BAD])
    assert ["a"] == fleet.out()
    assert {("a", "consecutive"): 1} == fleet.counters.ejections


def test_a_success_between_starts_the_count_afresh() -> None:
    fleet = Fleet()

    assert not any(fleet.answers(fleet.a, [BAD, BAD, GOOD, BAD, BAD, GOOD, BAD, BAD]))
    assert [] == fleet.out()


def test_each_endpoint_has_its_own_count() -> None:
    fleet = Fleet()
    for _ in range(2):
        for stats in fleet.table.all:
            assert not fleet.health.completed(stats, BAD, 0.0)

    assert [] == fleet.out()


def test_gateway_failures_have_a_count_of_their_own() -> None:
    """502, 503, 504 and no answer; a 500 is the application's, and interrupts the row."""
    settings = Ejection(consecutive_failures=100, consecutive_gateway_failures=3)
    fleet = Fleet(4, settings)
    b = fleet.table["b"]

    assert [False, False, True] == fleet.answers(fleet.a, [GATEWAY, NOTHING, GATEWAY])
    assert not any(fleet.answers(b, [GATEWAY, NOTHING, BAD, GATEWAY, NOTHING, GOOD, GATEWAY]))
    assert {("a", "gateway"): 1} == fleet.counters.ejections


@pytest.mark.parametrize(
    ("status", "counts"),
    [(0, True), (502, True), (503, True), (504, True), (500, False), (501, False), (505, False)],
)
def test_which_failures_are_gateway_failures(status: int, counts: bool) -> None:
    fleet = Fleet(2, Ejection(consecutive_failures=None, consecutive_gateway_failures=1))
    ejected = fleet.health.completed(fleet.a, Outcome(Verdict.FAILURE, 0.01, status), 0.0)

    assert counts == ejected


def test_counts_that_are_off_eject_nobody() -> None:
    fleet = Fleet(4, Ejection(consecutive_failures=None))

    assert not any(fleet.answers(fleet.a, [GATEWAY] * 100))


# For how long.


def test_it_is_out_for_its_time_and_no_longer() -> None:
    fleet = Fleet()
    fleet.eject(fleet.a, now=100.0)

    assert 110.0 == fleet.health.due == fleet.health.ejected_until(fleet.a)
    assert not fleet.health.advance(109.999)
    assert ["a"] == fleet.out()
    assert fleet.health.advance(110.0)
    assert [] == fleet.out()
    assert fleet.health.ejected_until(fleet.a) is None
    assert float("inf") == fleet.health.due


def test_nothing_is_due_while_nobody_is_out() -> None:
    fleet = Fleet()
    fleet.answers(fleet.a, [GOOD, BAD, GOOD])

    assert float("inf") == fleet.health.due
    assert not fleet.health.advance(1e9)
    assert float("inf") == fleet.health.due


def test_what_is_due_is_the_earliest_return() -> None:
    fleet = Fleet()
    fleet.eject(fleet.table["b"], now=5.0)
    fleet.eject(fleet.a, now=0.0)
    first = fleet.health.due
    changed = fleet.health.advance(10.0)

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
        fleet.health.advance(back)
        now = back

    assert [10, 20, 40, 60, 60, 60] == times


def test_jitter_makes_it_longer_by_a_random_part_and_never_shorter() -> None:
    """Those that went out together do not come back together; the cap is the cap before it."""
    fleet = Fleet(100, THREE.model_copy(update={"jitter": 0.5, "max_share": 1.0}))
    times = []
    for stats in fleet.table.all:
        fleet.eject(stats, now=0.0)
        times.append(fleet.health.ejected_until(stats) or 0.0)

    assert 10.0 <= min(times) < 10.5
    assert 14.5 < max(times) < 15.0


def test_years_of_failing_overflow_nothing() -> None:
    settings = Ejection(consecutive_failures=1, seconds=1.0, max_seconds=2.0, max_share=1.0)
    fleet = Fleet(1, settings)
    for step in range(1200):
        fleet.eject(fleet.a, float(3 * step))
        fleet.health.advance(3.0 * step + 2.3)

    assert [] == fleet.out()


def test_who_behaves_for_as_long_as_it_was_out_starts_afresh() -> None:
    fleet = Fleet()
    fleet.eject(fleet.a, now=0.0)
    fleet.health.advance(10.0)
    fleet.answers(fleet.a, [GOOD], now=20.001)
    fleet.eject(fleet.a, now=30.0)

    assert 40.0 == fleet.health.ejected_until(fleet.a)


def test_who_fails_again_before_that_does_not() -> None:
    fleet = Fleet()
    fleet.eject(fleet.a, now=0.0)
    fleet.health.advance(10.0)
    fleet.answers(fleet.a, [GOOD], now=19.9)
    fleet.eject(fleet.a, now=20.0)

    assert 40.0 == fleet.health.ejected_until(fleet.a)


def test_failures_that_come_in_while_it_is_out_are_paid_for() -> None:
    """They were sent before it was put out. After its return it takes as many as ever."""
    fleet = Fleet()
    fleet.eject(fleet.a, now=0.0)
    assert not any(fleet.answers(fleet.a, [BAD] * 20, now=1.0))
    until = fleet.health.ejected_until(fleet.a)
    fleet.health.advance(10.0)

    assert 10.0 == until
    assert [False, False, True] == fleet.answers(fleet.a, [BAD] * 3, now=11.0)


def test_successes_that_come_in_while_it_is_out_let_nobody_in() -> None:
    """Nor do they end a probation that has not begun."""
    fleet = Fleet(probation=Probation(share=0.1, successes=1))
    fleet.eject(fleet.a, now=0.0)
    assert not any(fleet.answers(fleet.a, [GOOD] * 5, now=1.0))
    fleet.health.advance(10.0)

    assert 0.1 == fleet.a.share


# How many.


@pytest.mark.parametrize(
    ("size", "share", "most"),
    [(1, 0.5, 0), (2, 0.5, 1), (3, 0.5, 1), (4, 0.5, 2), (3, 1.0, 3), (3, 0.0, 0), (100, 0.29, 29)],
)
def test_a_share_of_the_fleet_stays_in_whatever_happens(size: int, share: float, most: int) -> None:
    fleet = Fleet(size, Ejection(consecutive_failures=1, max_share=share))
    ejected = [fleet.health.completed(stats, BAD, 0.0) for stats in fleet.table.all]

    assert [True] * most + [False] * (size - most) == ejected
    assert most == len(fleet.out()) == sum(fleet.counters.ejections.values())


def test_who_stayed_in_for_want_of_room_goes_out_by_its_next_failure() -> None:
    fleet = Fleet(2)
    b = fleet.table["b"]
    fleet.eject(fleet.a, now=0.0)
    assert not any(fleet.answers(b, [BAD] * 3, now=1.0))
    fleet.health.advance(10.0)

    assert [True] == fleet.answers(b, [BAD], now=10.0)


# Outliers.

JUDGED = Ejection(
    consecutive_failures=None,
    success_rate=SuccessRate(enabled=True, minimum_requests=10),
    interval_seconds=10.0,
    seconds=30.0,
    jitter=0.0,
)


def interval(fleet: Fleet, failures: dict[str, int], now: float, requests: int = 20) -> None:
    """One interval of traffic that ends at ``now``."""
    for stats in fleet.table.all:
        bad = failures.get(stats.id, 0)
        fleet.answers(stats, [BAD] * bad + [GOOD] * (requests - bad), now - 1.0)


def begin(fleet: Fleet, now: float) -> None:
    """The first look, which finds nothing, sets the next."""
    assert fleet.health.due <= now
    assert not fleet.health.advance(now)


def test_who_succeeds_less_often_than_the_others_is_out_at_the_end_of_the_interval() -> None:
    fleet = Fleet(6, JUDGED)
    begin(fleet, 100.0)
    interval(fleet, {"c": 8}, 110.0)
    before = fleet.out()

    assert 110.0 == fleet.health.due
    assert fleet.health.advance(110.0)
    assert ([], ["c"]) == (before, fleet.out())
    assert {("c", "success_rate"): 1} == fleet.counters.ejections
    assert 120.0 == fleet.health.due
    assert 140.0 == fleet.health.ejected_until(fleet.table["c"])


def test_each_interval_is_judged_by_itself() -> None:
    """Half as many requests twice are not enough once."""
    fleet = Fleet(6, JUDGED)
    begin(fleet, 100.0)
    for now in (110.0, 120.0, 130.0):
        interval(fleet, {"c": 8}, now, requests=9)
        assert not fleet.health.advance(now)

    assert [] == fleet.out()


def test_who_fails_mostly_is_out_even_if_all_do() -> None:
    settings = JUDGED.model_copy(
        update={
            "failure_share": FailureShare(enabled=True, minimum_requests=10),
            "success_rate": SuccessRate(),
        }
    )
    fleet = Fleet(6, settings)
    begin(fleet, 0.0)
    interval(fleet, dict.fromkeys("abcd", 20), 10.0)

    assert fleet.health.advance(10.0)
    # Half of them and no more.
    assert ["a", "b", "c"] == fleet.out()
    assert {(id, "failure_share"): 1 for id in "abc"} == fleet.counters.ejections


def test_who_is_out_by_both_rules_is_out_once() -> None:
    both = JUDGED.model_copy(
        update={"failure_share": FailureShare(enabled=True, minimum_requests=10)}
    )
    fleet = Fleet(6, both)
    begin(fleet, 0.0)
    interval(fleet, {"c": 20}, 10.0)
    fleet.health.advance(10.0)

    assert {("c", "success_rate"): 1} == fleet.counters.ejections


def test_who_is_out_is_not_judged() -> None:
    """Five are left; what the sixth did before is not compared with what they did."""
    fleet = Fleet(6, JUDGED)
    begin(fleet, 0.0)
    interval(fleet, {"c": 20}, 10.0)
    fleet.health.advance(10.0)
    interval(fleet, {}, 20.0)
    fleet.health.advance(20.0)

    assert ["c"] == fleet.out()


# Retry-After.


def test_an_endpoint_that_asks_to_be_left_alone_is() -> None:
    fleet = Fleet()

    assert fleet.health.retry_after(fleet.a, 503, 7.0, 100.0)
    assert (["a"], 107.0) == (fleet.out(), fleet.health.ejected_until(fleet.a))
    assert fleet.health.advance(107.0)
    assert [] == fleet.out()
    assert {("a", "retry_after"): 1} == fleet.counters.ejections


def test_it_cannot_ask_for_longer_than_allowed() -> None:
    fleet = Fleet(4, THREE.model_copy(update={"retry_after_max_seconds": 20.0}))
    fleet.health.retry_after(fleet.a, 503, 1e12, 100.0)

    assert 120.0 == fleet.health.ejected_until(fleet.a)


@pytest.mark.parametrize(
    ("status", "seconds", "most"), [(429, 5.0, 30.0), (503, 0.0, 30.0), (503, 5.0, 0.0)]
)
def test_what_is_not_honoured(status: int, seconds: float, most: float) -> None:
    """A status that is not listed, no time at all, and nothing if it is switched off."""
    fleet = Fleet(4, THREE.model_copy(update={"retry_after_max_seconds": most}))

    assert not fleet.health.retry_after(fleet.a, status, seconds, 100.0)
    assert [] == fleet.out()


def test_other_statuses_are_honoured_where_they_are_listed() -> None:
    fleet = Fleet(4, THREE.model_copy(update={"retry_after_statuses": (429,)}))

    assert fleet.health.retry_after(fleet.a, 429, 5.0, 0.0)
    assert not fleet.health.retry_after(fleet.table["b"], 503, 5.0, 0.0)


def test_asking_is_no_fault() -> None:
    """The next ejection is as short as a first one."""
    fleet = Fleet()
    fleet.health.retry_after(fleet.a, 503, 7.0, 0.0)
    fleet.health.advance(7.0)
    fleet.eject(fleet.a, 8.0)

    assert 18.0 == fleet.health.ejected_until(fleet.a)


def test_who_is_out_already_can_ask_for_longer_and_not_for_less() -> None:
    fleet = Fleet()
    fleet.eject(fleet.a, 0.0)
    fleet.health.retry_after(fleet.a, 503, 1.0, 0.0)
    shorter = fleet.health.ejected_until(fleet.a)
    fleet.health.retry_after(fleet.a, 503, 20.0, 5.0)

    assert (10.0, 25.0) == (shorter, fleet.health.ejected_until(fleet.a))
    assert not fleet.health.advance(10.0)
    assert 25.0 == fleet.health.due


def test_asking_takes_the_room_that_there_is() -> None:
    fleet = Fleet(2)
    fleet.health.retry_after(fleet.a, 503, 5.0, 0.0)

    assert not fleet.health.retry_after(fleet.table["b"], 503, 5.0, 0.0)
    assert ["a"] == fleet.out()


# The return.

TRICKLE = Probation(share=0.1, successes=3)


def test_who_was_out_comes_back_to_a_trickle() -> None:
    fleet = Fleet(probation=TRICKLE)
    fleet.eject(fleet.a, 0.0)
    out = fleet.a.share
    fleet.health.advance(10.0)
    back = fleet.a.share
    changes = fleet.answers(fleet.a, [GOOD] * 4, 11.0)

    assert (1.0, 0.1, 1.0) == (out, back, fleet.a.share)
    assert [False, False, True, False] == changes
    assert [1.0, 1.0, 1.0] == fleet.shares()[1:]


def test_one_failure_on_probation_is_enough() -> None:
    fleet = Fleet(probation=TRICKLE)
    fleet.eject(fleet.a, 0.0)
    fleet.health.advance(10.0)
    fleet.answers(fleet.a, [GOOD, GOOD], 11.0)

    assert fleet.health.completed(fleet.a, BAD, 12.0)
    assert 32.0 == fleet.health.ejected_until(fleet.a)
    assert 1.0 == fleet.a.share
    assert 1 == fleet.counters.ejections["a", "probation"]


def test_what_was_sent_before_the_return_says_nothing_of_it() -> None:
    """A request that hung from before the ejection and is given up now."""
    fleet = Fleet(probation=TRICKLE)
    fleet.eject(fleet.a, 0.0)
    fleet.health.advance(10.0)
    late = Outcome(Verdict.FAILURE, 15.0, 0)

    assert not fleet.health.completed(fleet.a, late, 12.0)
    assert fleet.health.completed(fleet.a, Outcome(Verdict.FAILURE, 1.5, 0), 12.0)


def test_a_failure_on_probation_without_room_begins_it_anew() -> None:
    fleet = Fleet(2, probation=TRICKLE)
    fleet.eject(fleet.a, 0.0)
    fleet.health.advance(10.0)
    fleet.eject(fleet.table["b"], 10.5)
    fleet.answers(fleet.a, [GOOD, GOOD, BAD, GOOD, GOOD], 11.0)

    assert (["b"], 0.1) == (fleet.out(), fleet.a.share)


def test_a_probation_without_requests_ends_after_as_long_as_it_was_out() -> None:
    fleet = Fleet(probation=TRICKLE)
    fleet.eject(fleet.a, 0.0)
    fleet.health.advance(10.0)

    assert 20.0 == fleet.health.due
    assert not fleet.health.advance(19.9)
    assert fleet.health.advance(20.0)
    assert (1.0, float("inf")) == (fleet.a.share, fleet.health.due)


def test_after_the_probation_it_starts_slowly() -> None:
    fleet = Fleet(probation=TRICKLE, slow_start=SlowStart(seconds=20.0, minimum_share=0.3))
    fleet.eject(fleet.a, 0.0)
    fleet.health.advance(10.0)
    fleet.answers(fleet.a, [GOOD] * 3, 11.0)
    shares = [fleet.a.share]
    while fleet.health.due < float("inf"):
        assert fleet.health.due <= 31.0
        fleet.health.advance(fleet.health.due)
        shares.append(fleet.a.share)

    assert (0.3, 1.0) == (shares[0], shares[-1])
    assert sorted(shares) == shares
    assert 0.5 in shares


def test_who_recovers_by_checks_comes_back_the_same_way() -> None:
    fleet = Fleet(probation=TRICKLE)
    b = fleet.table["b"]

    assert fleet.health.recovered(b, 100.0)
    assert (0.1, 110.0) == (b.share, fleet.health.due)
    fleet.answers(b, [GOOD] * 3, 101.0)
    assert 1.0 == b.share


def test_who_falls_again_is_no_longer_on_its_way() -> None:
    """With everybody down all are used, and then each of them fully."""
    fleet = Fleet(probation=TRICKLE)
    fleet.health.recovered(fleet.a, 100.0)

    assert fleet.health.fell(fleet.a)
    assert 1.0 == fleet.a.share
    assert not fleet.health.fell(fleet.a)
    assert not fleet.health.fell(fleet.table["b"])
    assert not fleet.health.advance(200.0)


def test_checks_let_nobody_in_whom_its_answers_keep_out() -> None:
    fleet = Fleet(probation=TRICKLE)
    fleet.eject(fleet.a, 0.0)

    assert not fleet.health.recovered(fleet.a, 1.0)
    assert (["a"], 1.0) == (fleet.out(), fleet.a.share)


def test_a_newcomer_starts_slowly_without_probation() -> None:
    fleet = Fleet(slow_start=SlowStart(seconds=20.0, minimum_share=0.3), probation=TRICKLE)

    assert fleet.health.joined(fleet.a, 100.0)
    assert 0.3 == fleet.a.share
    fleet.health.advance(110.0)
    assert 0.5 == fleet.a.share
    assert not fleet.health.completed(fleet.a, BAD, 110.0)


def test_without_slow_start_a_newcomer_is_there() -> None:
    fleet = Fleet()

    assert not fleet.health.joined(fleet.a, 100.0)
    assert (1.0, float("inf")) == (fleet.a.share, fleet.health.due)


# Membership.


def test_an_endpoint_that_is_no_more_leaves_no_trace() -> None:
    """Not even by what was in flight to it, whatever came of that."""
    fleet = Fleet(3, THREE.model_copy(update={"success_rate": SuccessRate(enabled=True)}))
    gone = EndpointStats(Endpoint("gone", "h", 1))
    fleet.answers(gone, [BAD] * 9 + [GOOD])

    assert not fleet.health.retry_after(gone, 503, 5.0, 0.0)
    assert not fleet.health.joined(gone, 0.0)
    assert not gone.ejected
    assert {} == fleet.health._records


def test_who_comes_back_under_its_old_name_has_no_past() -> None:
    fleet = Fleet(probation=TRICKLE)
    fleet.eject(fleet.a, 0.0)
    fleet.health.forget("a")
    again = EndpointStats(Endpoint("a", "h", 1))
    fleet.table.all = [again, *fleet.table.all[1:]]
    fleet.table._by_id["a"] = again

    assert not any(fleet.answers(again, [BAD, BAD], 1.0))
    assert not fleet.health.completed(fleet.a, BAD, 1.0)
    assert fleet.health.ejected_until(again) is None
    assert fleet.health.completed(again, BAD, 1.0)


def test_who_leaves_on_probation_leaves_with_a_full_share() -> None:
    """The table may give the same stats back when it returns, and nobody would raise it then."""
    fleet = Fleet(probation=TRICKLE)
    fleet.health.recovered(fleet.a, 0.0)
    fleet.health.forget("a")

    assert 1.0 == fleet.a.share


def test_who_left_without_a_word_is_forgotten_when_next_looked_at() -> None:
    fleet = Fleet()
    fleet.eject(fleet.a, 0.0)
    fleet.table.all = fleet.table.all[1:]
    del fleet.table._by_id["a"]
    fleet.health.advance(10.0)

    assert {} == fleet.health._records
    assert float("inf") == fleet.health.due


def test_who_has_nothing_against_it_is_not_kept_in_mind() -> None:
    """The common case must stay a look into an empty dictionary."""
    fleet = Fleet(probation=TRICKLE)
    fleet.answers(fleet.a, [GOOD, BAD, BAD, GOOD])
    clean = dict(fleet.health._records)
    fleet.eject(fleet.a, 0.0)
    fleet.health.advance(10.0)
    fleet.answers(fleet.a, [GOOD] * 4, 30.0)

    assert {} == clean == fleet.health._records


def test_outliers_are_judged_by_what_came_after_they_were_switched_on() -> None:
    """Until then successes were not told; who failed once would look as if it always did."""
    fleet = Fleet(6, THREE.model_copy(update={"consecutive_failures": None}))
    for stats in fleet.table.all:
        fleet.answers(stats, [BAD] * (100 if stats.id == "c" else 99))
    shares = FailureShare(enabled=True, threshold=0.9, minimum_requests=10)
    fleet.health.apply(Ejection(failure_share=shares), NO_PROBATION, SlowStart())

    assert not fleet.health.advance(1.0)
    assert [] == fleet.out()


def test_successes_need_be_told_only_while_something_is_held_against_somebody() -> None:
    """The node spares the call otherwise, for every good answer there is."""
    fleet = Fleet(probation=TRICKLE)
    seen = [fleet.health.attentive]
    fleet.health.completed(fleet.a, BAD, 0.0)
    seen.append(fleet.health.attentive)
    fleet.health.completed(fleet.table["b"], BAD, 0.0)
    fleet.health.completed(fleet.a, GOOD, 0.0)
    seen.append(fleet.health.attentive)
    fleet.health.forget("b")
    seen.append(fleet.health.attentive)
    fleet.health.apply(JUDGED, TRICKLE, SlowStart())
    seen.append(fleet.health.attentive)

    assert [False, True, True, False, True] == seen
    assert Fleet(settings=JUDGED).health.attentive


def test_other_settings_are_for_what_comes_next() -> None:
    """Who is out stays out for as long as was said; outliers are looked for from the next look on,
    and no more where that is switched off."""
    fleet = Fleet(6)
    fleet.eject(fleet.a, 0.0)
    fleet.health.apply(JUDGED, TRICKLE, SlowStart())
    assert fleet.health.due <= 1.0
    fleet.health.advance(1.0)
    assert (["a"], 10.0) == (fleet.out(), fleet.health.due)
    fleet.health.advance(10.0)
    assert (0.1, 11.0) == (fleet.a.share, fleet.health.due)
    fleet.health.advance(11.0)
    interval(fleet, {"c": 12}, 21.0)
    fleet.health.advance(21.0)
    assert ["c"] == fleet.out()
    fleet.health.apply(THREE, NO_PROBATION, SlowStart())
    interval(fleet, {"d": 12}, 30.0)
    fleet.health.advance(100.0)

    assert (float("inf"), []) == (fleet.health.due, fleet.out())


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["good", "good", "bad", "bad", "retry", "fell", "rose", "joined", "gone"]),
        st.floats(min_value=0.0, max_value=3.0),
    ),
    max_size=80,
)


@given(st.integers(min_value=1, max_value=6), st.integers(), STEPS)
def test_no_course_of_events_breaks_the_bounds(
    size: int, seed: int, steps: list[tuple[str, float]]
) -> None:
    """Never more out than the share allows, never out beyond the longest time, nobody out or slowed
    for ever, and what is due is never later than what must happen."""
    dice = random.Random(seed)
    settings = Ejection(
        consecutive_failures=2,
        consecutive_gateway_failures=2,
        success_rate=SuccessRate(enabled=True, minimum_endpoints=2, minimum_requests=2),
        interval_seconds=5.0,
        seconds=1.0,
        max_seconds=4.0,
        max_share=0.5,
        jitter=0.5,
        retry_after_max_seconds=5.0,
    )
    fleet = Fleet(size, settings, TRICKLE, SlowStart(seconds=2.0))
    health = fleet.health
    now = 0.0

    def look() -> None:
        while health.due <= now:
            health.advance(now)
            assert health.due > now

    for step, wait in steps:
        now += wait
        look()
        stats = dice.choice(fleet.table.all)
        if step == "good":
            health.completed(stats, GOOD, now)
        elif step == "bad":
            health.completed(stats, dice.choice((BAD, GATEWAY)), now)
        elif step == "retry":
            health.retry_after(stats, 503, dice.random() * 10.0, now)
        elif step == "fell":
            health.fell(stats)
        elif step == "rose":
            health.recovered(stats, now)
        elif step == "joined":
            health.joined(stats, now)
        else:
            health.forget(stats.id)
            fleet.table.set_ejected(stats, False)
            fleet.table.set_share(stats, 1.0)
        assert len(fleet.out()) <= size // 2
        for each in fleet.table.all:
            until = health.ejected_until(each)
            assert (until is not None) == each.ejected
            assert until is None or now < until <= now + 6.0
            assert until is None or health.due <= until
            assert 0.0 < each.share <= 1.0
            assert each.share == 1.0 or health.due <= now + 6.0
    for _ in range(200):
        now += 1.0
        look()

    assert [] == fleet.out()
    assert [1.0] * size == fleet.shares()
