"""The node: one decision in, exactly one completion out, and the right policy learns from it."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.schema import Ejection
from load_balancer.health import Health
from load_balancer.node import Attempt, Node, Strategy
from metrics.counters import Counters
from metrics.table import EndpointTable
from rl.vocabulary import (
    Decision,
    Endpoint,
    Observation,
    Outcome,
    RequestContext,
    Transition,
    Verdict,
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


class Rig:
    """A node over endpoints a, b, c whose reward is minus the latency."""

    def __init__(self, *ids: str, ejection: Ejection | None = None) -> None:
        self.table = EndpointTable(Endpoint(id, "h", 1) for id in ids or ("a", "b", "c"))
        self.policy = Noting()
        self.log = Log()
        self.counters = Counters()
        self.rewarded: list[Outcome] = []
        self.node = Node(
            self.table,
            Health(ejection or Ejection(consecutive_failures=2, seconds=10.0), self.table),
            Strategy("noting", self.policy),
            self._reward,
            self.counters,
            self.log,
        )

    def _reward(self, outcome: Outcome) -> float:
        self.rewarded.append(outcome)
        return -outcome.latency

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
    rig.node.set_healthy(rig.table["b"], False)
    for _ in range(2):
        rig.node.complete(rig.route(), failure(), 0.0)
    rig.route()

    assert ["c", "d"] == rig.policy.offered[-1]


def test_with_everybody_out_all_are_tried() -> None:
    """Polls and answers may be wrong about everybody at once: rather one chance than none."""
    rig = Rig("a", "b")
    rig.node.complete(rig.route(), failure(), 0.0)
    rig.node.complete(rig.route(), failure(), 0.0)
    rig.node.set_healthy(rig.table["b"], False)
    rig.route()

    assert ["a", "b"] == rig.policy.offered[-1]
    rig.node.set_healthy(rig.table["b"], True)
    rig.route()
    assert ["b"] == rig.policy.offered[-1]


def test_health_that_is_known_already_looks_at_nobody_anew() -> None:
    """Every poll says it again, and a fleet is long."""
    rig = Rig("a", "b")
    before = rig.node._candidates
    rig.node.set_healthy(rig.table["a"], True)
    same = rig.node._candidates is before
    rig.node.set_healthy(rig.table["a"], False)

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
    rig.node.set_healthy(rig.table["b"], False)

    assert "b" == rig.route(tried=("a",)).stats.id


def test_when_all_were_tried_there_is_none_and_nobody_was_asked() -> None:
    rig = Rig("a", "b")

    assert rig.node.route(CONTEXT, "r1", 0.0, ("a", "b")) is None
    assert [] == rig.policy.seen
    assert [0, 0] == [stats.in_flight for stats in rig.table.all]


def test_a_node_without_endpoints_has_no_candidate() -> None:
    table = EndpointTable([])
    node = Node(
        table, Health(Ejection(), table), Strategy("n", Noting()), lambda outcome: 0.0, Counters()
    )

    assert node.route(CONTEXT, "r1", 0.0) is None


def test_a_policy_that_fails_leaves_nothing_in_flight() -> None:
    rig = Rig()

    def fail(observation: Observation) -> int:
        raise ZeroDivisionError

    rig.policy.choose = fail
    with pytest.raises(ZeroDivisionError):
        rig.route()

    assert [0, 0, 0] == [stats.in_flight for stats in rig.table.all]


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
    node = Node(
        table, Health(Ejection(), table), Strategy("n", policy), lambda outcome: 1.0, Counters()
    )
    attempt = node.route(CONTEXT, "r1", 0.0)
    assert attempt is not None
    node.complete(attempt, success(), 1.0)

    assert [1.0] == [learned.reward for learned in policy.learned]


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
            rig.node.set_healthy(dice.choice(rig.table.all), bool(number % 3))
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
