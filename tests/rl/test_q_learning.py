"""Document 003's agent."""

import json
import math
import random
import re
import warnings
from dataclasses import replace
from typing import Any

import pytest

from rl.encoding import LoadEncoding
from rl.q_learning import MANY_SERVERS, QLearning, QLearningParameters
from rl.vocabulary import (
    Decision,
    Endpoint,
    EndpointStats,
    Explainable,
    Learner,
    Observation,
    Outcome,
    RequestContext,
    Transition,
    Verdict,
)

pytestmark = pytest.mark.unit

GREEDY = QLearningParameters(exploration_rate=0.0, min_exploration_rate=0.0)


def agent(parameters: QLearningParameters = GREEDY, seed: int = 1) -> QLearning:
    return QLearning(parameters, LoadEncoding(), random.Random(seed))


def servers(*ids: str) -> list[EndpointStats]:
    return [EndpointStats(Endpoint(id, "127.0.0.1", 80)) for id in ids]


def see(candidates: list[EndpointStats]) -> Observation:
    return Observation(RequestContext(), candidates, now=0.0)


def teach(
    policy: QLearning,
    candidates: list[EndpointStats],
    decision: Decision,
    reward: float,
    next_value: float | None = None,
) -> None:
    outcome = Outcome(Verdict.SUCCESS, latency=0.05, status=200)
    (endpoint,) = servers("used")
    policy.observe(Transition(endpoint, see(candidates), decision, outcome, reward, next_value))


def rows(policy: QLearning) -> list[dict[str, Any]]:
    """The table, for a test that knows what is in it."""
    return [*policy.table()]


def values(policy: QLearning) -> dict[str, float]:
    """The values of the only state there is."""
    (row,) = [each["values"] for each in rows(policy)]
    return dict(row)


def test_the_defaults_are_document_003s() -> None:
    parameters = QLearningParameters()

    assert 0.1 == parameters.learning_rate
    assert 0.9 == parameters.discount_factor
    assert 0.1 == parameters.exploration_rate
    assert 0.995 == parameters.exploration_decay
    assert 0.01 == parameters.min_exploration_rate


@pytest.mark.parametrize(
    "name",
    [
        "learning_rate",
        "discount_factor",
        "exploration_rate",
        "exploration_decay",
        "min_exploration_rate",
    ],
)
@pytest.mark.parametrize("value", [-0.1, 1.1, math.nan])
def test_a_share_outside_zero_to_one_is_refused(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"{name} must lie between 0 and 1"):
        replace(GREEDY, **{name: value})  # type: ignore[arg-type]


def test_a_table_without_room_is_refused() -> None:
    with pytest.raises(ValueError, match="max_values must be at least 1, not 0"):
        QLearningParameters(max_values=0)


def test_it_learns_stores_and_explains() -> None:
    assert isinstance(agent(), Learner)
    assert isinstance(agent(), Explainable)


def test_the_update_is_watkins() -> None:
    """Q + alpha (r + gamma max Q' - Q): 0 + 0.1 (-5 + 0.9 * 0 - 0), then from there."""
    policy = agent()
    both = servers("a", "b")
    first = policy.select(see(both))
    teach(policy, both, first, -5.0)
    used, other = both[first.index].id, both[1 - first.index].id
    assert {used: pytest.approx(-0.5), other: 0.0} == values(policy)

    second = policy.select(see(both))
    assert other == both[second.index].id
    teach(policy, both, second, -10.0)
    # max Q' is what that state held before the update, the untried action's 0.
    assert {used: pytest.approx(-0.5), other: pytest.approx(-1.0)} == values(policy)

    third = policy.select(see(both))
    teach(policy, both, third, -5.0)
    expected = -0.5 + 0.1 * (-5.0 + 0.9 * -0.5 - -0.5)
    assert {used: pytest.approx(expected), other: pytest.approx(-1.0)} == values(policy)


def test_the_next_state_is_the_one_seen_at_completion() -> None:
    """Loads that changed while the request ran lead to another row's best value."""
    policy = agent()
    (only,) = both = servers("a")
    only.latency = 0.3
    for _ in range(2):
        teach(policy, both, policy.select(see(both)), -20.0)
    high = min(row["values"]["a"] for row in rows(policy))
    assert high < -2.0
    only.latency = 0.0
    decision = policy.select(see(both))
    assert 0.0 == decision.value

    only.latency = 0.3
    teach(policy, both, decision, -5.0)

    low = next(row for row in rows(policy) if row["state"] == {"a": "low"})
    assert {"a": pytest.approx(0.1 * (-5.0 + 0.9 * high))} == low["values"]


def test_an_unknown_next_state_is_worth_the_initial_value_and_is_not_made() -> None:
    policy = agent()
    (only,) = both = servers("a")
    decision = policy.select(see(both))
    only.cpu = 1.0
    teach(policy, both, decision, -5.0)

    assert {"a": pytest.approx(-0.5)} == values(policy)


def test_no_candidate_left_at_completion_is_worth_the_initial_value() -> None:
    policy = agent()
    decision = policy.select(see(servers("a")))
    teach(policy, [], decision, -5.0)

    assert {"a": pytest.approx(-0.5)} == values(policy)


def test_a_next_nodes_value_replaces_our_own_bootstrap() -> None:
    policy = agent()
    both = servers("a")
    decision = policy.select(see(both))
    teach(policy, both, decision, -5.0, next_value=-20.0)

    assert {"a": pytest.approx(0.1 * (-5.0 + 0.9 * -20.0))} == values(policy)


def test_overlapping_requests_credit_their_own_endpoint() -> None:
    """Endpoints of 10 ms and 100 ms whose answers come back out of order, many in flight.

    With gamma 0 the value is the mean reward: -1 and -10, nothing in between. An agent that keeps
    "the last action" learns a mixture.
    """
    policy = agent(replace(QLearningParameters(), discount_factor=0.0))
    both = servers("fast", "slow")
    rewards = {"fast": -1.0, "slow": -10.0}
    for round in range(400):
        decisions = [policy.select(see(both)) for _ in range(5)]
        random.Random(round).shuffle(decisions)
        for decision in decisions:
            teach(policy, both, decision, rewards[both[decision.index].id])

    assert pytest.approx(-1.0, rel=0.01) == values(policy)["fast"]
    assert pytest.approx(-10.0, rel=0.3) == values(policy)["slow"]
    assert values(policy)["slow"] >= -10.0


def test_a_reward_reaches_the_state_of_its_own_decision() -> None:
    """Not that of the decision made last, nor the one seen at completion."""
    policy = agent()
    (only,) = both = servers("a")
    idle = policy.select(see(both))
    only.in_flight = 5
    busier = policy.select(see(both))
    only.in_flight = 10
    policy.select(see(both))
    teach(policy, both, busier, -20.0, next_value=0.0)
    teach(policy, both, idle, -10.0, next_value=0.0)

    learned = {row["state"]["a"]: row["values"]["a"] for row in rows(policy)}
    assert {"low": pytest.approx(-1.0), "medium": pytest.approx(-2.0), "high": 0.0} == learned


def test_the_load_is_our_own_in_flight_count_not_the_reported_one() -> None:
    """What a server reports is up to a poll old."""
    policy = agent()
    (only,) = both = servers("a")
    only.active = 100
    policy.select(see(both))
    only.in_flight = 5
    policy.select(see(both))

    assert [{"a": "low"}, {"a": "medium"}] == [row["state"] for row in rows(policy)]


def test_each_joint_state_has_its_own_values() -> None:
    """3**2 states for two servers, made when first seen."""
    policy = agent()
    both = servers("a", "b")
    for first in (0.0, 0.15, 0.3):
        for second in (0.0, 0.15, 0.3):
            both[0].latency, both[1].latency = first, second
            policy.select(see(both))
            policy.select(see(both))

    assert 9 == len(rows(policy))


@pytest.mark.parametrize("epsilon", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("best", [("b",), ("a", "c"), ("a", "b", "c")])
def test_the_propensity_is_the_epsilon_greedy_probability(
    epsilon: float, best: tuple[str, ...]
) -> None:
    """epsilon/n for each, and (1 - epsilon) shared among the best; ``explored`` is the coin."""
    policy = agent(
        QLearningParameters(
            exploration_rate=epsilon, exploration_decay=1.0, min_exploration_rate=epsilon
        )
    )
    ids = ("a", "b", "c")
    candidates = servers(*ids)
    for index, id in enumerate(ids):
        if id not in best:
            decision = policy.select(see(candidates))
            decision.index = index
            teach(policy, candidates, decision, -20.0, next_value=0.0)
    picks = [policy.select(see(candidates)) for _ in range(6000)]

    for index, id in enumerate(ids):
        chance = epsilon / 3 + ((1 - epsilon) / len(best) if id in best else 0.0)
        chosen = [each for each in picks if each.index == index]
        assert pytest.approx(6000 * chance, abs=190) == len(chosen)
        assert all(each.propensity == pytest.approx(chance) for each in chosen)
        assert all(each.value == (0.0 if id in best else -2.0) for each in chosen)
    assert pytest.approx(6000 * epsilon, abs=190) == sum(each.explored for each in picks)
    assert all(each.explored or ids[each.index] in best for each in picks)


def test_a_single_candidate_is_certain_and_never_an_exploration() -> None:
    decision = agent(replace(GREEDY, exploration_rate=1.0)).select(see(servers("a")))

    assert (0, 1.0, False) == (decision.index, decision.propensity, decision.explored)


def test_epsilon_decays_with_each_learning_step_only() -> None:
    """0.1 x 0.995 per completed request -> 0.01; choosing alone changes nothing."""
    policy = agent(QLearningParameters())
    both = servers("a")
    for _ in range(10):
        decision = policy.select(see(both))
    assert 0.1 == policy.parameters()["epsilon"]
    teach(policy, both, decision, -5.0)
    teach(policy, both, decision, -5.0)
    assert 0.1 * 0.995 * 0.995 == policy.parameters()["epsilon"]
    for _ in range(600):
        teach(policy, both, decision, -5.0)
    assert 0.01 == policy.parameters()["epsilon"]


@pytest.mark.parametrize("reward", [math.nan, -math.inf])
def test_what_is_no_number_is_not_learned(reward: float) -> None:
    """One NaN would stay in the table and in every table that took it over."""
    policy = agent()
    both = servers("a")
    decision = policy.select(see(both))
    before = policy.parameters()
    teach(policy, both, decision, reward)

    assert before == policy.parameters()


def test_a_decision_learns_although_its_row_was_dropped() -> None:
    """By ``load`` or the bound, while the request was in flight: nothing breaks."""
    policy = agent()
    both = servers("a", "b")
    decision = policy.select(see(both))
    policy.load({"version": 1, "epsilon": 0.0, "tables": []})
    teach(policy, both, decision, -5.0)

    assert [] == rows(policy)


def test_the_table_is_bounded_by_the_parameter() -> None:
    policy = agent(replace(GREEDY, max_values=4))
    for ids in ("ab", "cd", "ef"):
        policy.select(see(servers(*ids)))

    assert [{"c", "d"}, {"e", "f"}] == [set(row["state"]) for row in rows(policy)]


def test_more_than_eight_servers_are_warned_of_once() -> None:
    policy = agent()
    eight = servers(*(f"s{i}" for i in range(MANY_SERVERS)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        policy.select(see(eight))
    many = [*eight, *servers("s8")]
    with pytest.warns(RuntimeWarning, match=r"3\*\*9 joint states for 9 servers"):
        policy.select(see(many))
    many[0].in_flight = 9
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        policy.select(see(many))


def test_the_table_names_servers_and_levels() -> None:
    policy = agent()
    both = servers("a", "b")
    both[0].in_flight = 10
    first = policy.select(see(both))
    teach(policy, both, first, -5.0)
    used, other = both[first.index].id, both[1 - first.index].id
    assert rows(policy) == [
        {
            "state": {"a": "high", "b": "low"},
            "values": {used: pytest.approx(-0.5), other: 0.0},
            "visits": {used: 1, other: 0},
            "best": other,
        }
    ]


def trained() -> QLearning:
    """An agent that has seen several memberships and states."""
    policy = agent(QLearningParameters())
    dice = random.Random(7)
    three = servers("a", "b", "c")
    for _ in range(300):
        for each in three:
            each.latency = dice.choice((0.05, 0.15, 0.25))
        candidates = three[: dice.choice((2, 3))]
        teach(policy, candidates, policy.select(see(candidates)), -dice.random())
    return policy


def test_parameters_come_back_exactly() -> None:
    """Through JSON: the same table in the same order, the same epsilon, the same choices."""
    policy = trained()
    stored = json.loads(json.dumps(policy.parameters(), allow_nan=False))
    fresh = agent(QLearningParameters())
    fresh.load(stored)

    assert policy.parameters() == fresh.parameters()
    assert stored == fresh.parameters()
    assert rows(policy) == rows(fresh)


DELETE = object()


@pytest.mark.parametrize(
    ("key", "wrong", "message"),
    [
        ("version", 2, "version: must be 1, not 2"),
        ("version", DELETE, "version: is missing"),
        ("epsilon", DELETE, "epsilon: is missing"),
        ("epsilon", 1.5, "epsilon: must lie between 0 and 1"),
        ("epsilon", "0.1", "epsilon: must be a finite number"),
        ("tables", DELETE, "tables: is missing"),
        ("tables", [{"endpoints": ["a"]}], "tables[0].states: is missing"),
    ],
)
def test_malformed_parameters_are_refused_by_key_and_change_nothing(
    key: str, wrong: object, message: str
) -> None:
    """Above all not half of them: the epsilon of a file whose table is broken."""
    data: Any = {**agent().parameters(), key: wrong}
    if wrong is DELETE:
        del data[key]
    policy = trained()
    before = policy.parameters()

    with pytest.raises(ValueError, match=re.escape(message)):
        policy.load(data)

    assert policy.parameters() == before
