"""The node: one decision in, exactly one completion out, and the right policy learns from it."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.balancer import (
    AdaptiveLimit,
    Admission,
    Ejection,
    LoadBalancer,
    Probation,
    SlowStart,
)
from config.shaping import Rule, Shaping
from load_balancer.health import Health
from load_balancer.limits import limits_of
from load_balancer.load import Idle, InFlight, Load
from load_balancer.node import MOST_POOLS, Attempt, Node, Strategy
from load_balancer.shaping.shaper import Shaper
from metrics.counters import Counters
from metrics.table import EndpointTable
from rl.vocabulary import (
    Decision,
    Endpoint,
    EndpointStats,
    Event,
    Observation,
    Outcome,
    RequestContext,
    Transition,
    Verdict,
    learn_nothing,
)

pytestmark = pytest.mark.unit

CONTEXT = RequestContext("GET", "/work")
GONE = Outcome(Verdict.IGNORED, 0.5, 0)


def success(latency: float = 0.1) -> Outcome:
    return Outcome(Verdict.SUCCESS, latency, 200)


def failure(latency: float = 0.1, status: int = 0) -> Outcome:
    return Outcome(Verdict.FAILURE, latency, status)


class Noting:
    """Chooses as it is told, by default the first, and notes all that it sees."""

    def __init__(self, choose: Callable[[Observation], int] = lambda observation: 0) -> None:
        self.choose = choose
        self.seen: list[Observation] = []
        self.offered: list[list[str]] = []
        self.learned: list[Transition] = []

    def select(self, observation: Observation) -> Decision:
        self.seen.append(observation)
        self.offered.append([stats.id for stats in observation.candidates])
        return Decision(self.choose(observation), 0.5, memo=len(self.seen))

    def observe(self, transition: Transition) -> None:
        self.learned.append(transition)


@dataclass
class Log:
    lines: list[tuple[Attempt, Outcome, float]] = field(default_factory=list)

    def append(self, attempt: Attempt, outcome: Outcome, now: float) -> None:
        self.lines.append((attempt, outcome, now))


class Minus:
    """Minus the latency, times a scale; each event is worth something else.

    Attributes:
        outcomes: that it was asked for.
    """

    scale = 1.0
    WORTH: ClassVar = {
        Event.END_POINT: 100.0,
        Event.CACHE_HIT: 200.0,
        Event.MIDWAY: 300.0,
        Event.NO_SERVICE: -400.0,
    }

    def __init__(self) -> None:
        self.outcomes: list[Outcome] = []

    def __call__(self, outcome: Outcome) -> float:
        self.outcomes.append(outcome)
        return -outcome.latency

    def realised(self, event: Event, elapsed: float, load: float) -> float:
        return self.WORTH[event] - elapsed - load


class Rig:
    """A node over endpoints a, b, c whose reward is minus the latency."""

    def __init__(
        self,
        *ids: str,
        ejection: Ejection | None = None,
        probation: Probation | None = None,
        slow_start: SlowStart | None = None,
        admission: Admission | None = None,
        panic_share: float = 0.0,
    ) -> None:
        self.table = EndpointTable(Endpoint(id, "h", 1) for id in ids or ("a", "b", "c"))
        self.policy = Noting()
        self.log = Log()
        self.counters = Counters()
        reward = Minus()
        self.rewarded = reward.outcomes
        self.node = Node(
            self.table,
            Health(
                ejection or Ejection(consecutive_failures=2, seconds=10.0, jitter=0.0),
                self.table,
                random.Random(1),
                self.counters,
                probation or Probation(share=1.0),
                slow_start,
            ),
            Strategy("noting", self.policy),
            reward,
            self.counters,
            self.log,
            random.Random(1),
            limits_of(admission or Admission(), self.table),
            panic_share,
        )

    def route(self, now: float = 0.0, tried: tuple[str, ...] = ()) -> Attempt:
        attempt = self.node.route(CONTEXT, "r1", now, tried)
        assert attempt is not None
        return attempt


# Routing.


def test_a_decision_is_counted_as_sent_and_travels_with_its_attempt() -> None:
    rig = Rig()
    rig.policy.choose = lambda observation: 1
    attempt = rig.route(now=5.0)

    assert [0, 1, 0] == [stats.in_flight for stats in rig.table.all]
    assert (CONTEXT, "r1", "noting", "b", 5.0, 1, False) == (
        attempt.context,
        attempt.request_id,
        attempt.strategy.name,
        attempt.stats.id,
        attempt.started,
        attempt.number,
        attempt.over,
    )
    assert (1, 0.5, 1) == (
        attempt.decision.index,
        attempt.decision.propensity,
        attempt.decision.memo,
    )


def test_the_policy_sees_the_request_the_time_and_the_live_stats() -> None:
    rig = Rig()
    rig.route(now=5.0)
    (observation,) = rig.policy.seen

    assert (CONTEXT, 5.0) == (observation.request, observation.now)
    assert all(
        one is other for one, other in zip(observation.candidates, rig.table.all, strict=True)
    )


def test_the_count_of_a_request_is_not_seen_by_its_own_decision() -> None:
    rig = Rig()
    rig.policy.choose = lambda observation: observation.candidates[0].in_flight
    attempts = [rig.route(), rig.route()]

    assert ["a", "b"] == [attempt.stats.id for attempt in attempts]


def test_the_unhealthy_and_the_ejected_are_not_offered() -> None:
    rig = Rig("a", "b", "c", "d")
    rig.node.set_healthy(rig.table["b"], False, 0.0)
    for _ in range(2):
        rig.node.complete(rig.route(), failure(), 0.0)
    rig.route()

    assert ["c", "d"] == rig.policy.offered[-1]


def test_with_everybody_out_all_are_tried() -> None:
    """Polls and answers may be wrong about everybody at once: rather one chance than none."""
    rig = Rig("a", "b")
    rig.node.complete(rig.route(), failure(), 0.0)
    rig.node.complete(rig.route(), failure(), 0.0)
    rig.node.set_healthy(rig.table["b"], False, 0.0)
    rig.route()

    assert ["a", "b"] == rig.policy.offered[-1]
    rig.node.set_healthy(rig.table["b"], True, 0.0)
    rig.route()
    assert ["b"] == rig.policy.offered[-1]


def test_health_that_is_known_already_looks_at_nobody_anew() -> None:
    """Every poll says it again, and a fleet is long."""
    rig = Rig("a", "b")
    before = rig.node._candidates
    rig.node.set_healthy(rig.table["a"], True, 0.0)
    same = rig.node._candidates is before
    rig.node.set_healthy(rig.table["a"], False, 0.0)

    assert same
    assert ["b"] == [stats.id for stats in rig.node._candidates]


def test_the_ejected_are_offered_again_when_their_time_is_over() -> None:
    rig = Rig("a", "b")
    for _ in range(2):
        rig.node.complete(rig.route(now=100.0), failure(), 100.0)
    rig.route(now=109.9)
    rig.route(now=110.0)

    assert [["b"], ["a", "b"]] == rig.policy.offered[-2:]


def test_what_was_tried_is_not_offered_again_and_the_try_is_numbered() -> None:
    rig = Rig()
    attempt = rig.route(tried=("a",))
    third = rig.route(tried=("a", "b"))

    assert [["b", "c"], ["c"]] == rig.policy.offered
    assert [("b", 2), ("c", 3)] == [(each.stats.id, each.number) for each in (attempt, third)]


def test_a_retry_takes_an_unhealthy_endpoint_before_none() -> None:
    rig = Rig("a", "b")
    rig.node.set_healthy(rig.table["b"], False, 0.0)

    assert "b" == rig.route(tried=("a",)).stats.id


def test_when_all_were_tried_there_is_none_and_nobody_was_asked() -> None:
    rig = Rig("a", "b")

    assert rig.node.route(CONTEXT, "r1", 0.0, ("a", "b")) is None
    assert [] == rig.policy.seen
    assert [0, 0] == [stats.in_flight for stats in rig.table.all]


def test_a_node_without_endpoints_has_no_candidate() -> None:
    table = EndpointTable([])
    node = Node(table, Health(Ejection(), table), Strategy("n", Noting()), Minus(), Counters())

    assert node.route(CONTEXT, "r1", 0.0) is None


def test_a_policy_that_fails_leaves_nothing_in_flight() -> None:
    rig = Rig()

    def fail(observation: Observation) -> int:
        raise ZeroDivisionError

    rig.policy.choose = fail
    with pytest.raises(ZeroDivisionError):
        rig.route()

    assert [0, 0, 0] == [stats.in_flight for stats in rig.table.all]


# Shares, limits, panic.


def test_without_shares_and_limits_the_candidates_are_the_same_object() -> None:
    """Policies tell by identity that nothing has changed; it also costs nothing."""
    rig = Rig()
    for _ in range(3):
        rig.node.complete(rig.route(), success(), 0.0)
    rig.node.refresh()
    rig.route()

    assert 1 == len({id(observation.candidates) for observation in rig.policy.seen})


def test_who_has_a_share_is_shown_to_that_share_of_the_requests() -> None:
    """A policy that takes it whenever it can sends it a tenth."""
    rig = Rig(probation=Probation(share=0.1))
    rig.policy.choose = lambda observation: len(observation.candidates) - 1
    rig.node.set_healthy(rig.table["c"], False, 0.0)
    rig.node.set_healthy(rig.table["c"], True, 0.0)
    chosen = [rig.route(now=1.0).stats.id for _ in range(2000)]

    assert 200 == pytest.approx(chosen.count("c"), abs=50)
    assert 2000 == chosen.count("c") + chosen.count("b")


def test_the_dice_hide_somebody_and_never_everybody() -> None:
    rig = Rig("a", "b", probation=Probation(share=0.01))
    for stats in rig.table.all:
        rig.node.set_healthy(stats, False, 0.0)
        rig.node.set_healthy(stats, True, 0.0)
    for _ in range(500):
        rig.route(now=1.0)

    # Mostly neither is shown by the dice, and then both are.
    assert rig.policy.offered.count(["a", "b"]) > 450
    assert [] not in rig.policy.offered


def test_a_share_that_grew_to_all_makes_the_candidates_one_object_again() -> None:
    rig = Rig(slow_start=SlowStart(seconds=10.0))
    rig.node.joined(rig.table["c"], 100.0)
    rig.node.refresh()
    for tenth in range(200):
        rig.route(now=100.0 + tenth / 10)
    late = rig.policy.seen[105:]

    assert ["a", "b"] in rig.policy.offered[:50]
    assert 1 == len({id(observation.candidates) for observation in late})
    assert 3 == len(late[0].candidates)


def test_who_comes_back_from_an_ejection_gets_a_trickle_until_it_has_proved_itself() -> None:
    rig = Rig("a", "b", probation=Probation(share=0.2, successes=2))
    for _ in range(2):
        rig.node.complete(rig.route(now=100.0), failure(), 100.0)
    shown = [rig.route(now=111.0).stats.id for _ in range(200)]
    assert 40 == pytest.approx(shown.count("a"), abs=20)
    trickled = [rig.route(now=111.0) for _ in range(200)]
    for attempt in [each for each in trickled if each.stats.id == "a"][:2]:
        rig.node.complete(attempt, success(), 112.0)
    rig.policy.offered.clear()
    for _ in range(50):
        rig.route(now=112.0)

    assert [["a", "b"]] * 50 == rig.policy.offered


def test_who_is_full_is_not_offered_until_something_of_it_is_over() -> None:
    rig = Rig("a", "b", admission=Admission(requests_per_endpoint=2))
    attempts = [rig.route() for _ in range(3)]
    rig.node.complete(attempts[0], success(), 1.0)
    rig.route()

    assert [["a", "b"], ["a", "b"], ["b"], ["a", "b"]] == rig.policy.offered


def test_with_all_full_there_is_none_and_that_can_be_told_from_nobody_being_there() -> None:
    rig = Rig("a", "b", admission=Admission(requests_per_endpoint=1))
    first = rig.route()
    rig.route()

    assert rig.node.route(CONTEXT, "r1", 0.0) is None
    assert rig.node.full()
    assert rig.node.route(CONTEXT, "r1", 0.0, ("a", "b")) is None
    assert not rig.node.full(("a", "b"))
    assert [1, 1] == [stats.in_flight for stats in rig.table.all]
    rig.node.complete(first, GONE, 1.0)
    assert rig.route().stats is rig.table["a"]


def test_a_retry_goes_to_nobody_who_is_full() -> None:
    rig = Rig("a", "b", admission=Admission(requests_per_endpoint=1))
    rig.route(tried=("a",))

    assert rig.node.route(CONTEXT, "r2", 0.0, ("a",)) is None
    assert rig.node.full(("a",))


def test_a_node_without_endpoints_is_not_full() -> None:
    """There is nothing to wait for."""
    rig = Rig("a")
    rig.table.all = []
    rig.node.refresh()

    assert rig.node.route(CONTEXT, "r1", 0.0) is None
    assert (False, False) == (rig.node.full(), rig.node.panic)


def test_a_newcomer_has_the_limit_of_the_others() -> None:
    rig = Rig("a", admission=Admission(requests_per_endpoint=3))
    newcomer = EndpointStats(Endpoint("b", "h", 1))
    rig.table.all = [*rig.table.all, newcomer]
    rig.node.joined(newcomer, 5.0)
    rig.node.refresh()

    assert 3 == newcomer.limit


def test_an_adaptive_limit_learns_from_answers_and_not_from_what_is_ignored() -> None:
    """It falls where answers take ever longer."""
    adaptive = AdaptiveLimit(enabled=True, initial=10, maximum=10)
    rig = Rig("a", admission=Admission(adaptive=adaptive))

    attempts = [rig.route() for _ in range(5)]
    rig.node.complete(rig.route(), GONE, 1.0)
    begun = rig.table["a"].limit
    for number in range(40):
        attempt = rig.node.route(CONTEXT, "r1", 1.0)
        if attempt is not None:
            rig.node.complete(attempt, success(0.01 if number < 10 else 1.0), 1.0)
    assert (10, True) == (begun, rig.table["a"].limit < 10)
    for attempt in attempts:
        rig.node.complete(attempt, GONE, 2.0)
    rig.node.left(rig.table["a"])

    assert 0 == rig.table["a"].in_flight


def test_too_few_able_ones_are_a_panic() -> None:
    """A third of them would not bear the load of all, and what says so may be wrong."""
    rig = Rig("a", "b", "c", panic_share=0.5)
    rig.node.set_healthy(rig.table["a"], False, 0.0)
    rig.route()
    calm = rig.node.panic
    rig.node.set_healthy(rig.table["b"], False, 0.0)
    rig.route()
    rig.node.refresh()
    panic = rig.node.panic
    rig.node.set_healthy(rig.table["b"], True, 0.0)
    rig.route()

    assert [["b", "c"], ["a", "b", "c"], ["b", "c"]] == rig.policy.offered
    assert (False, True, False, 1) == (calm, panic, rig.node.panic, rig.counters.panics)


def test_retry_after_leaves_an_endpoint_out() -> None:
    rig = Rig("a", "b")
    rig.node.retry_after(rig.table["a"], 503, 5.0, 100.0)
    rig.route(now=104.9)
    rig.route(now=105.0)

    assert [["b"], ["a", "b"]] == rig.policy.offered


def test_what_health_does_not_honour_changes_nothing() -> None:
    rig = Rig("a", "b")
    rig.node.retry_after(rig.table["a"], 429, 5.0, 100.0)
    rig.route(now=100.0)

    assert [["a", "b"]] == rig.policy.offered


def test_a_policy_that_nothing_teaches_is_told_nothing() -> None:
    """The node knows it by its ``observe``, and makes no transition and no reward for it."""

    class Deaf(Noting):
        observe = learn_nothing

    rig = Rig()
    rig.node.strategy = Strategy("deaf", Deaf())
    rig.node.complete(rig.route(), success(), 1.0)

    assert ([], 1) == (rig.rewarded, len(rig.log.lines))


def test_an_endpoint_that_left_is_not_offered_and_its_last_answer_harms_nobody() -> None:
    rig = Rig("a", "b")
    attempt = rig.route()
    gone = rig.table.all[0]
    rig.table.all = rig.table.all[1:]
    del rig.table._by_id["a"]
    rig.node.left(gone)
    rig.node.refresh()
    for _ in range(3):
        rig.route()
    rig.node.complete(attempt, failure(), 1.0)

    assert [["b"]] * 3 == rig.policy.offered[1:]
    assert (0, False) == (gone.in_flight, gone.ejected)


def test_a_change_of_weights_makes_the_candidates_another_object() -> None:
    """The table says so with a new list of the same members; round robin keeps their weights."""
    rig = Rig()
    rig.route()
    rig.table.all = list(rig.table.all)
    rig.node.refresh()
    rig.route()

    assert rig.policy.seen[0].candidates is not rig.policy.seen[1].candidates


def test_other_settings_of_health_and_limits_are_taken_up_while_it_runs() -> None:
    rig = Rig("a", "b")
    rig.node.apply(
        LoadBalancer(
            ejection=Ejection(consecutive_failures=1, seconds=7.0, jitter=0.0),
            probation=Probation(share=0.25),
            panic_share=0.1,
            admission=Admission(requests_per_endpoint=2),
        )
    )
    rig.node.complete(rig.route(now=1.0), failure(), 1.0)
    limits = [stats.limit for stats in rig.table.all]
    out = [stats.ejected for stats in rig.table.all]
    rig.route(now=8.0)

    assert ([2, 2], [True, False], 0.25) == (limits, out, rig.table["a"].share)
    rig.node.apply(LoadBalancer())
    assert [float("inf")] * 2 == [stats.limit for stats in rig.table.all]


def test_limits_that_were_learned_survive_other_settings() -> None:
    """How many may wait, and for how long, is none of their matter."""
    admission = Admission(adaptive=AdaptiveLimit(enabled=True))
    rig = Rig("a", admission=admission)
    for _ in range(10):
        rig.route()
    for _ in range(10):
        rig.node.complete(rig.route(), success(), 0.0)
    learned = rig.table["a"].limit
    other = admission.model_copy(update={"queue_length": 3})
    rig.node.apply(LoadBalancer(admission=other, panic_share=0.2))
    kept = rig.table["a"].limit
    rig.node.apply(
        LoadBalancer(admission=Admission(adaptive=AdaptiveLimit(enabled=True, initial=9)))
    )

    assert learned == kept > 20
    assert 9 == rig.table["a"].limit


# Completing.


def test_a_completion_teaches_the_policy_all_that_came_of_its_decision() -> None:
    rig = Rig()
    attempt = rig.route(now=1.0)
    outcome = Outcome(Verdict.SUCCESS, 0.25, 200, upstream_value=-7.0, upstream_reward=-1.0)
    rig.node.complete(attempt, outcome, 2.0)
    (learned,) = rig.policy.learned

    assert attempt.over
    assert (attempt.stats, attempt.decision, outcome, -0.25, -7.0) == (
        learned.endpoint,
        learned.decision,
        learned.outcome,
        learned.reward,
        learned.next_value,
    )
    assert (CONTEXT, 2.0) == (learned.observation.request, learned.observation.now)
    assert (0, 0.25) == (attempt.stats.in_flight, attempt.stats.latency)


def test_the_policy_sees_the_state_after_the_completion() -> None:
    """What can be seen at the completion is the next state: its candidates may differ."""
    rig = Rig("a", "b")
    for _ in range(2):
        rig.node.complete(rig.route(), failure(), 0.0)
    last = rig.policy.learned[-1]

    assert ["b"] == [stats.id for stats in last.observation.candidates]
    assert ("a", 0, True) == (last.endpoint.id, last.endpoint.in_flight, last.endpoint.ejected)


def test_a_failure_teaches_too() -> None:
    rig = Rig()
    rig.node.complete(rig.route(), failure(0.5, 503), 1.0)

    assert [-0.5] == [learned.reward for learned in rig.policy.learned]
    assert 1 == rig.table["a"].failures


def test_what_is_ignored_teaches_nobody_and_ejects_nobody() -> None:
    """The client went away, or we answered ourselves: it says nothing of the endpoint."""
    rig = Rig()
    for _ in range(50):
        rig.node.complete(rig.route(), GONE, 1.0)
    stats = rig.table["a"]

    assert ([], []) == (rig.policy.learned, rig.rewarded)
    assert (0, 0, 0.0, False) == (
        stats.in_flight,
        stats.completed,
        stats.error_rate,
        stats.ejected,
    )
    assert 50 == len(rig.log.lines) == attempts_counted(rig)


def attempts_counted(rig: Rig) -> int:
    return sum(sum(series.statuses.values()) for _, _, series in rig.counters.all_series())


def test_a_second_completion_is_refused_and_changes_nothing() -> None:
    rig = Rig()
    attempt = rig.route()
    other = rig.route()
    rig.node.complete(attempt, success(), 1.0)
    with pytest.raises(RuntimeError, match="r1 completed twice"):
        rig.node.complete(attempt, failure(), 2.0)

    assert (1, 1, 1) == (len(rig.policy.learned), len(rig.log.lines), attempts_counted(rig))
    assert (1, 0) == (other.stats.in_flight, other.stats.failures)


def test_overlapping_requests_credit_their_own_endpoint() -> None:
    """One of 10 ms and one of 100 ms, completed in the other order: each is learned as it is."""
    rig = Rig("fast", "slow")
    rig.policy.choose = lambda observation: len(rig.policy.seen) % 2
    pairs = []
    for number in range(20):
        now = number * 0.02
        slow, fast = rig.route(now), rig.route(now)
        pairs.append((slow, fast))
        rig.node.complete(fast, success(0.01), now + 0.01)
        if number >= 4:
            rig.node.complete(pairs[number - 4][0], success(0.1), now + 0.02)
    for slow, _ in pairs[-4:]:
        rig.node.complete(slow, success(0.1), 1.0)

    assert pytest.approx(0.01) == rig.table["fast"].latency
    assert pytest.approx(0.1) == rig.table["slow"].latency
    assert 40 == len(rig.policy.learned)
    for learned in rig.policy.learned:
        expected = -0.01 if learned.endpoint.id == "fast" else -0.1
        assert expected == learned.reward
        assert learned.decision.index == ["fast", "slow"].index(learned.endpoint.id)


def test_a_change_of_strategy_credits_the_policy_that_decided() -> None:
    rig = Rig()
    early = rig.route()
    newcomer = Noting()
    rig.node.strategy = Strategy("newcomer", newcomer)
    late = rig.route()
    rig.node.complete(late, success(0.2), 1.0)
    rig.node.complete(early, success(0.1), 2.0)

    assert [early.decision] == [learned.decision for learned in rig.policy.learned]
    assert [late.decision] == [learned.decision for learned in newcomer.learned]
    assert {("noting", "a"): {200: 1}, ("newcomer", "a"): {200: 1}} == {
        (strategy, endpoint): series.statuses
        for strategy, endpoint, series in rig.counters.all_series()
    }
    assert ["newcomer", "noting"] == [attempt.strategy.name for attempt, _, _ in rig.log.lines]


def test_every_attempt_is_logged_with_its_outcome_and_its_time() -> None:
    rig = Rig()
    first = rig.route()
    failed = failure()
    rig.node.complete(first, failed, 3.0)
    second = rig.route(tried=("a",))
    rig.node.complete(second, GONE, 4.0)

    assert [(first, failed, 3.0), (second, GONE, 4.0)] == rig.log.lines


def test_a_node_works_without_a_log() -> None:
    table = EndpointTable([Endpoint("a", "h", 1)])
    policy = Noting()
    node = Node(table, Health(Ejection(), table), Strategy("n", policy), Minus(), Counters())
    attempt = node.route(CONTEXT, "r1", 0.0)
    assert attempt is not None
    node.complete(attempt, success(), 1.0)

    assert [-0.1] == [learned.reward for learned in policy.learned]


OUTCOMES = st.sampled_from([success(), failure(), failure(0.2, 503), GONE])
STEPS = st.lists(
    st.tuples(st.booleans(), st.integers(min_value=0), OUTCOMES, st.booleans()), max_size=80
)


@given(STEPS, st.integers())
def test_any_interleaving_ends_with_nothing_in_flight(
    steps: list[tuple[bool, int, Outcome, bool]], seed: int
) -> None:
    """Whatever the order of decisions, completions, polls and changes of strategy: in_flight is
    what is under way, each attempt is logged once, and each policy learns from its own alone."""
    dice = random.Random(seed)
    rig = Rig("a", "b", "c")
    policies = [rig.policy, Noting()]
    for policy in policies:
        policy.choose = lambda observation: dice.randrange(len(observation.candidates))
    decided: dict[int, Noting] = {}
    under_way: list[Attempt] = []
    made: list[Attempt] = []
    now = 0.0

    def end(index: int, outcome: Outcome) -> None:
        rig.node.complete(under_way.pop(index), outcome, now)

    for starts, number, outcome, flip in steps:
        now += dice.random() * 3.0
        if flip:
            policy = policies[number % 2]
            rig.node.strategy = Strategy(f"p{number % 2}", policy)
            rig.node.set_healthy(dice.choice(rig.table.all), bool(number % 3), now)
        if starts or not under_way:
            attempt = rig.route(now)
            owner = rig.node.strategy.policy
            assert isinstance(owner, Noting)
            decided[id(attempt.decision)] = owner
            under_way.append(attempt)
            made.append(attempt)
        else:
            end(number % len(under_way), outcome)
        for stats in rig.table.all:
            assert stats.in_flight == sum(each.stats is stats for each in under_way)
    while under_way:
        end(0, success())

    assert [0, 0, 0] == [stats.in_flight for stats in rig.table.all]
    assert sorted(map(id, made)) == sorted(id(attempt) for attempt, _, _ in rig.log.lines)
    assert len(made) == attempts_counted(rig)
    for policy in policies:
        assert all(decided[id(each.decision)] is policy for each in policy.learned)
        assert all(each.outcome.verdict is not Verdict.IGNORED for each in policy.learned)
    taught = sum(outcome.verdict is not Verdict.IGNORED for _, outcome, _ in rig.log.lines)
    assert taught == sum(len(policy.learned) for policy in policies)


# Domains, and what the node before is told.


class Advertises(Noting):
    """Says what it would be worth."""

    def advertised(self, transition: Transition) -> float:
        return 7.0 * transition.reward + (transition.next_value or 0.0)


def serving(*endpoints: Endpoint, load: Load | None = None, limit: float | None = None) -> Rig:
    """A node whose policy has a value to tell."""
    rig = Rig("x")
    rig.table = EndpointTable(endpoints)
    rig.policy = Advertises()
    health = Health(Ejection(consecutive_failures=1, jitter=0.0, max_share=1.0), rig.table)
    rig.node = Node(
        rig.table,
        health,
        Strategy("noting", rig.policy),
        Minus(),
        rig.counters,
        load=load,
        decline_load=limit,
    )
    return rig


ONE = Endpoint("a", "h", 1, domains=("one",))
NEXT = Endpoint("p", "h", 1, proxy_node=True)


def test_a_request_goes_to_who_serves_its_domain_and_to_nobody_else() -> None:
    rig = serving(ONE, NEXT)
    for domain, id in (("one", "a"), ("two", "p"), ("", "p")):
        attempt = rig.node.route(RequestContext(domain=domain), "r", 0.0)
        assert attempt is not None and id == attempt.stats.id
        rig.node.complete(attempt, success(), 1.0)
    assert [["a"], ["p"], ["p"]] == [
        [stats.id for stats in learned.observation.candidates] for learned in rig.policy.learned
    ]


def test_another_try_goes_to_nobody_of_another_domain() -> None:
    rig = serving(ONE, NEXT)

    assert rig.node.route(RequestContext(domain="one"), "r", 0.0, ("a",)) is None
    assert not rig.node.full(("a",), "one")
    assert rig.node.full(("a",), "two")
    assert rig.node.full((), "one")


def test_a_domain_that_nobody_serves_has_no_candidate() -> None:
    rig = serving(ONE)

    assert rig.node.route(RequestContext(domain="two"), "r", 0.0) is None
    assert not rig.node.full((), "two")


@pytest.mark.parametrize(
    ("endpoint", "outcome", "told"),
    [
        (ONE, success(0.5), (0.0, 99.5)),
        (ONE, failure(0.5, 500), (0.0, -400.5)),
        # A part of the reward of the whole, and what the next node told of its own.
        (NEXT, Outcome(Verdict.SUCCESS, 0.5, 200, 30.0, 1.0), (26.5, 279.5)),
        (NEXT, failure(0.5, 503), (-3.5, 279.5)),
    ],
)
def test_the_node_before_is_told_of_an_answer(
    endpoint: Endpoint, outcome: Outcome, told: tuple[float, float]
) -> None:
    class Twenty(Idle):
        def rewarded(self) -> float:
            return 20.0

    rig = serving(endpoint, load=Twenty())
    attempt = rig.node.route(RequestContext(domain="one"), "r", 0.0)
    assert attempt is not None

    assert told == rig.node.answered(attempt, outcome, 1.0)
    assert [] == rig.policy.learned  # that comes with the end
    rig.node.complete(attempt, outcome, 1.0)
    assert 1 == len(rig.policy.learned)


def test_a_policy_without_a_value_tells_nothing_but_the_node_does_of_its_own_answers() -> None:
    rig = Rig("a")

    assert rig.node.answered(rig.route(), success(), 1.0) is None
    assert (0.0, 199.5) == rig.node.hit(0.5)
    assert (0.0, -400.5) == rig.node.refused(0.5)
    assert 1.0 == rig.node.scale


def test_a_next_node_that_says_that_it_failed_is_well() -> None:
    """It may serve other domains as before."""
    for reward, ejected in ((-1.0, False), (None, True)):
        rig = serving(NEXT)
        attempt = rig.node.route(CONTEXT, "r", 0.0)
        assert attempt is not None
        rig.node.complete(attempt, Outcome(Verdict.FAILURE, 0.1, 503, reward, reward), 1.0)
        assert ejected is rig.table["p"].ejected
        assert 1 == len(rig.policy.learned)


def test_a_node_declines_from_a_load_on() -> None:
    class Heavy(Idle):
        now = 49.0
        told = 0

        def current(self) -> float:
            return self.now

        def declined(self) -> None:
            self.told += 1

    load = Heavy()
    rig = serving(NEXT, load=load, limit=50.0)
    assert (False, 0) == (rig.node.declines(), load.told)
    load.now = 50.0
    assert (True, 1) == (rig.node.declines(), load.told)
    rig.node.apply(LoadBalancer())
    assert (False, 1) == (rig.node.declines(), load.told)


def test_a_reload_changes_the_capacity() -> None:
    rig = serving(NEXT)
    rig.node = Node(
        rig.table,
        Health(Ejection(), rig.table),
        Strategy("noting", rig.policy),
        Minus(),
        rig.counters,
        load=InFlight(rig.table, 100),
        decline_load=50.0,
    )
    assert rig.node.route(CONTEXT, "r", 0.0) is not None
    assert not rig.node.declines()
    rig.node.apply(LoadBalancer(decline_load=50.0, capacity=2))

    assert rig.node.declines()


class Asking(Noting):
    """Wants to know of the last candidate after each decision, if there is more than one."""

    def probes(self, candidates: Sequence[EndpointStats], now: float) -> Sequence[EndpointStats]:
        return candidates[-1:] if len(candidates) > 1 else ()

    def probed(self, stats: EndpointStats, active: int, latency: float, now: float) -> None:
        raise AssertionError("nobody answers here")


def test_who_a_policy_wants_to_know_of_is_asked_after_its_decision() -> None:
    """Once the request counts as sent; nobody if there is none to ask, or no way to."""
    rig = Rig()
    policy = Asking()
    rig.node.strategy = Strategy("asking", policy)
    assert rig.node.route(CONTEXT, "1", 1.0) is not None
    asked: list[tuple[object, list[str], int]] = []
    rig.node.ask = lambda prober, named: asked.append(
        (prober, [stats.id for stats in named], rig.table["a"].in_flight)
    )
    rig.node.route(CONTEXT, "2", 1.0)
    rig.node.route(CONTEXT, "3", 1.0, ("a", "b"))

    assert [(policy, ["c"], 2)] == asked


def test_a_policy_that_asks_nobody_is_not_asked_whom() -> None:
    rig = Rig()
    rig.node.ask = lambda prober, named: pytest.fail("it was")
    assert rig.node.route(CONTEXT, "1", 1.0) is not None


# Rules for clients.


def pooled() -> Rig:
    """Of a, b and c the last two are in a pool."""
    rig = Rig("a")
    for id in ("b", "c"):
        rig.table.join(Endpoint(id, "h", 1, tags=("batch",)))
    rig.node.refresh()
    return rig


def test_a_pool_shows_its_own_endpoints_and_no_others() -> None:
    rig = pooled()
    for _ in range(2):
        assert rig.node.route(CONTEXT, "1", 0.0, pool="batch") is not None
    first, second = (seen.candidates for seen in rig.policy.seen)

    assert ["b", "c"] == [stats.id for stats in first]
    assert first is second
    assert rig.node.route(CONTEXT, "1", 0.0, ("b", "c"), "batch") is None
    assert not rig.node.full(("b", "c"), "", "batch")
    assert rig.node.full(("b",), "", "batch")
    assert rig.node.route(CONTEXT, "1", 0.0, pool="nobody") is None


def test_a_pool_whose_endpoints_are_all_bad_is_used_nevertheless() -> None:
    rig = pooled()
    for id in ("b", "c"):
        rig.node.set_healthy(rig.table[id], False, 0.0)

    attempt = rig.node.route(CONTEXT, "1", 0.0, ("b",), "batch")

    assert attempt is not None and "c" == attempt.stats.id
    assert "a" == rig.route().stats.id


def test_what_is_remembered_of_pools_is_bounded() -> None:
    rig = Rig()
    for number in range(MOST_POOLS + 5):
        rig.node.route(CONTEXT, "1", 0.0, pool=str(number))
    assert len(rig.node._pools) <= MOST_POOLS


def test_without_rules_nobody_is_held() -> None:
    rule = Rule(name="r")
    rig = Rig()
    assert rig.node.admit((rule, "r/1"), 0.0, []) is None

    rig.node.shaper = Shaper(Shaping(rules=(rule,)), random.Random(0))

    turn = rig.node.admit((rule, "r/1"), 0.0, [])
    assert turn is not None and "r/1" == turn.client.name
    assert 0.0 == rig.node.load
