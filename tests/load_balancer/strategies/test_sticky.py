"""Stickiness under the policy: where repeats go, and what the policy inside learns of it."""

import random
from collections.abc import Sequence
from typing import Any

import pytest

from config.endpoints import Stickiness
from config.schema import Settings
from load_balancer.strategies import build
from load_balancer.strategies.round_robin import RoundRobin
from load_balancer.strategies.sticky import Sticky, StickyUnlearned, sticky
from rl.merging import Mergeable
from rl.vocabulary import (
    JSON,
    Advertising,
    Decision,
    Endpoint,
    EndpointStats,
    Explainable,
    Explaining,
    Improvable,
    Learner,
    Observation,
    Outcome,
    Policy,
    Prober,
    RequestContext,
    Transition,
    Verdict,
    learn_nothing,
)

pytestmark = pytest.mark.unit


def token(id: str) -> str:
    return f"token-{id}"


def wrapped(inner: Policy, kind: str, **settings: Any) -> Policy:
    return sticky(inner, Stickiness(kind=kind, **settings), token)  # type: ignore[arg-type]


def fleet(*ids: str) -> list[EndpointStats]:
    return [EndpointStats(Endpoint(id, "h", 80)) for id in ids]


def ask(
    policy: Policy, candidates: Sequence[EndpointStats], request: RequestContext
) -> tuple[str, Decision]:
    decision = policy.select(Observation(request, candidates, 0.0))
    return candidates[decision.index].id, decision


def teach(policy: Policy, candidates: list[EndpointStats], decision: Decision) -> Transition:
    transition = Transition(
        candidates[decision.index],
        Observation(RequestContext(), candidates, 1.0),
        decision,
        Outcome(Verdict.SUCCESS, 0.1, 200, -2.0, -3.0),
        -1.0,
        -2.0,
    )
    policy.observe(transition)
    return transition


class Last:
    """Chooses the last candidate; keeps the decisions it made and what it was taught."""

    def __init__(self) -> None:
        self.made: list[Decision] = []
        self.offered: list[list[str]] = []
        self.learned: list[Transition] = []

    def select(self, observation: Observation) -> Decision:
        self.offered.append([each.id for each in observation.candidates])
        decision = Decision(len(observation.candidates) - 1, 0.5, -7.0, True, memo="its own")
        self.made.append(decision)
        return decision

    def observe(self, transition: Transition) -> None:
        assert any(transition.decision is each for each in self.made)
        self.learned.append(transition)


def request(key: str = "", path: str = "/", client: str = "") -> RequestContext:
    return RequestContext("GET", path, client=client, affinity_key=key)


def test_without_stickiness_the_policy_is_itself() -> None:
    inner = Last()

    assert wrapped(inner, "none") is inner


def test_a_cookie_leads_to_its_endpoint() -> None:
    policy = wrapped(Last(), "cookie")
    candidates = fleet("a", "b", "c")
    for id in ("a", "b", "c", "a"):
        chosen, decision = ask(policy, candidates, request(token(id)))
        assert (id, 1.0, False) == (chosen, decision.propensity, decision.explored)


@pytest.mark.parametrize("key", ["", "token-d", "forged", "a"])
def test_without_a_cookie_of_a_candidate_the_policy_inside_decides(key: str) -> None:
    """It was never set, is forged, or its endpoint is gone, unhealthy or full: no candidate."""
    inner = Last()
    chosen, decision = ask(wrapped(inner, "cookie"), fleet("a", "b", "c"), request(key))

    assert ("c", 0.5, -7.0, True) == (
        chosen,
        decision.propensity,
        decision.value,
        decision.explored,
    )
    assert [["a", "b", "c"]] == inner.offered


def test_a_cookie_holds_when_other_endpoints_come_and_go() -> None:
    policy = wrapped(Last(), "cookie")
    a, b, c, d = fleet("a", "b", "c", "d")
    for candidates in ([a, b, c], [b, c], [d, c, b, a], [b]):
        assert "b" == ask(policy, candidates, request(token("b")))[0]


@pytest.mark.parametrize(
    ("kind", "same", "other"),
    [
        ("header", request("u1", path="/x"), [request(f"u{n}") for n in range(2, 40)]),
        ("uri", request(path="/a?x=1"), [request(path=f"/{n}") for n in range(40)]),
        ("client", request(client="10.0.0.1"), [request(client=f"10.0.1.{n}") for n in range(40)]),
    ],
)
def test_a_hash_keeps_the_same_together_and_spreads_the_others(
    kind: str, same: RequestContext, other: list[RequestContext]
) -> None:
    policy = wrapped(Last(), kind)
    candidates = fleet("a", "b", "c", "d")

    assert 1 == len({ask(policy, candidates, same)[0] for _ in range(20)})
    assert {"a", "b", "c", "d"} == {ask(policy, candidates, each)[0] for each in other}


def test_the_query_does_not_part_what_the_path_keeps_together() -> None:
    policy = wrapped(Last(), "uri")
    candidates = fleet("a", "b", "c", "d", "e", "f")
    paths = [f"/same?x={number}" for number in range(30)]

    assert 1 == len({ask(policy, candidates, request(path=path))[0] for path in paths})


@pytest.mark.parametrize("kind", ["header", "client"])
def test_who_has_no_key_is_the_policys_matter(kind: str) -> None:
    inner = Last()
    ask(wrapped(inner, kind), fleet("a", "b"), request())

    assert [["a", "b"]] == inner.offered


def test_a_hash_gives_nobody_more_than_its_bound() -> None:
    """Each may have three; beyond that 1.25 of the mean in flight."""
    policy = wrapped(Last(), "uri", free_in_flight=3)
    candidates = fleet("a", "b", "c", "d")
    home = [ask(policy, candidates, request())[0] for _ in range(3)]
    for number in range(200):
        stats = candidates[policy.select(Observation(request(), candidates, 0.0)).index]
        stats.in_flight += 1
        assert stats.in_flight <= max(3, -(-5 * (number + 1) // 16))
        if number < 3:
            assert stats.id == home[0]


# What the policy inside learns.


@pytest.mark.parametrize("kind", ["cookie", "header"])
def test_the_policy_inside_learns_of_its_own_decisions_only_and_of_every_one(kind: str) -> None:
    """For a pinned request it decides among that one endpoint, and is told of that decision."""
    inner = Last()
    policy = wrapped(inner, kind)
    candidates = fleet("a", "b", "c")
    decisions = [ask(policy, candidates, request(key))[1] for key in (token("a"), "", token("b"))]
    for decision in reversed(decisions):
        teach(policy, candidates, decision)

    assert 3 == len(inner.made) == len(inner.learned)
    for made, learned in zip(inner.made, reversed(inner.learned), strict=True):
        assert made is learned.decision
        assert "its own" == learned.decision.memo
    pinned = [offered for offered in inner.offered if len(offered) == 1]
    assert pinned == ([["a"], ["b"]] if kind == "cookie" else pinned)
    assert len(pinned) == 2


def test_nothing_but_the_decision_differs_in_what_it_is_taught() -> None:
    inner = Last()
    policy = wrapped(inner, "cookie")
    candidates = fleet("a", "b")
    _, decision = ask(policy, candidates, request(token("a")))
    told = teach(policy, candidates, decision)
    (learned,) = inner.learned

    assert -7.0 == decision.value
    for name in ("endpoint", "observation", "outcome", "reward", "next_value"):
        assert getattr(told, name) is getattr(learned, name)


def test_an_endpoint_of_the_same_id_is_not_taken_for_another() -> None:
    """One that left and came back at another place has other stats."""
    seen: list[EndpointStats] = []

    class Looking(Last):
        def select(self, observation: Observation) -> Decision:
            seen.extend(observation.candidates)
            return super().select(observation)

    policy = wrapped(Looking(), "cookie")
    for _ in range(2):
        candidates = fleet("a", "b")
        ask(policy, candidates, request(token("a")))
        assert seen[-1] is candidates[0]


def test_turns_go_on_as_if_the_pinned_had_not_been() -> None:
    """Round robin among those that are free, whoever else is served in between."""
    policy = wrapped(RoundRobin(), "cookie")
    candidates = fleet("a", "b", "c")
    turns = []
    for _ in range(6):
        turns.append(ask(policy, candidates, request())[0])
        ask(policy, candidates, request(token("b")))

    assert ["a", "b", "c", "a", "b", "c"] == turns


def test_what_nothing_teaches_is_spared_the_lesson() -> None:
    """The node knows it by this, and makes no transition."""
    policy = wrapped(RoundRobin(), "uri")

    assert isinstance(policy, StickyUnlearned)
    assert type(policy).observe is learn_nothing


def test_it_can_do_besides_what_the_policy_inside_can() -> None:
    """State files, merging, tables and timers meet it as if it were that."""
    learner = build("q_learning", Settings(), random.Random(1))
    plain = build("peak_ewma", Settings(), random.Random(1))
    policy = wrapped(learner, "cookie")

    assert isinstance(policy, Sticky)
    assert isinstance(policy, Learner) and isinstance(policy, Mergeable)
    assert isinstance(policy, Explainable) and not isinstance(policy, Improvable)
    assert not isinstance(wrapped(plain, "cookie"), Learner)
    candidates = fleet("a", "b")
    _, decision = ask(policy, candidates, request(token("a")))
    teach(policy, candidates, decision)
    assert isinstance(learner, Learner)
    assert policy.parameters() == learner.parameters()
    assert [{"a": 1}] == [row["visits"] for row in policy.table()]


def test_memory_is_bounded() -> None:
    policy = wrapped(Last(), "cookie")
    assert isinstance(policy, Sticky)
    for number in range(1000):
        ask(policy, fleet(f"n{number}"), request(token(f"n{number}")))

    assert len(policy._alone) <= 2 + 16 + 1


class Advertises(RoundRobin):
    """Says whose decision it is asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[Decision] = []

    def observe(self, transition: Transition) -> None:
        self.asked.append(transition.decision)

    def advertised(self, transition: Transition) -> float:
        self.asked.append(transition.decision)
        return 3.0


def test_what_the_policy_inside_advertises_is_for_its_own_decision() -> None:
    inner = Advertises()
    policy = wrapped(inner, "cookie")
    assert isinstance(policy, Advertising)
    candidates = fleet("a", "b")
    _, pinned = ask(policy, candidates, RequestContext(affinity_key=token("b")))
    _, free = ask(policy, candidates, RequestContext(affinity_key=""))
    for decision in (pinned, free):
        transition = teach(policy, candidates, decision)
        assert 3.0 == policy.advertised(transition)

    learned, previewed, plainly, again = inner.asked
    assert learned is previewed is not pinned
    assert plainly is again is free


def test_who_advertises_nothing_does_not_when_it_is_sticky() -> None:
    assert not isinstance(wrapped(RoundRobin(), "cookie"), Advertising)
    assert not isinstance(
        wrapped(build("q_learning", Settings(), random.Random(1)), "uri"), Advertising
    )


class Reasoning(Last):
    """Has reasons for it."""

    def explain(self, observation: Observation) -> list[dict[str, JSON]]:
        last = observation.candidates[-1]
        return [{"endpoint": each.id, "chosen": each is last} for each in observation.candidates]


def test_the_reasons_are_those_of_the_policy_inside_or_the_pin() -> None:
    policy = wrapped(Reasoning(), "cookie")
    assert isinstance(policy, Explaining)
    candidates = fleet("a", "b")

    assert [{"endpoint": "a", "chosen": False}, {"endpoint": "b", "chosen": True}] == (
        policy.explain(Observation(request(), candidates, 0.0))
    )
    assert [
        {"endpoint": "a", "chosen": True, "pinned": True},
        {"endpoint": "b", "chosen": False, "pinned": False},
    ] == policy.explain(Observation(request(token("a")), candidates, 0.0))
    assert not isinstance(wrapped(Last(), "cookie"), Explaining)


@pytest.mark.parametrize("taught", [True, False])
def test_around_a_policy_that_probes_it_probes_too(taught: bool) -> None:
    """For a policy that learns and for one that does not."""
    told: list[str] = []

    class Probing(Last):
        if not taught:
            observe = learn_nothing

        def probes(
            self, candidates: Sequence[EndpointStats], now: float
        ) -> Sequence[EndpointStats]:
            return candidates

        def probed(self, stats: EndpointStats, active: int, latency: float, now: float) -> None:
            told.append(stats.id)

    policy = wrapped(Probing(), "cookie")
    assert isinstance(policy, Prober)
    candidates = fleet("a", "b")
    assert candidates == list(policy.probes(candidates, 1.0))
    policy.probed(candidates[1], 3, 0.1, 1.0)
    assert ["b"] == told
    assert not isinstance(wrapped(Last(), "cookie"), Prober)
