"""The strategies that were used, and what they know."""

from __future__ import annotations

import random
from collections.abc import Mapping

import pytest

from config.schema import Settings
from load_balancer.reloading import ReloadError
from load_balancer.repertoire import Repertoire, parameter_keys
from rl.q_learning import QLearning
from rl.vocabulary import (
    JSON,
    Endpoint,
    EndpointStats,
    Learner,
    Observation,
    Outcome,
    Parameters,
    RequestContext,
    Transition,
    Verdict,
)

pytestmark = pytest.mark.unit

ENDPOINTS = [EndpointStats(Endpoint(id, "localhost", 1)) for id in ("a", "b")]


def settings(strategy: str = "q_learning", **q_learning: float) -> Settings:
    return Settings.model_validate(
        {"load_balancer": {"strategy": strategy}, "q_learning": q_learning}
    )


def repertoire(stored: Mapping[str, Parameters] | None = None) -> Repertoire:
    def restore(name: str, learner: Learner) -> None:
        if stored and name in stored:
            learner.load(stored[name])

    return Repertoire(settings(), random.Random(0), restore)


def learner(known: Repertoire) -> QLearning:
    policy = known["q_learning"].policy
    assert isinstance(policy, QLearning)
    return policy


def teach(known: Repertoire, times: int, *ids: str) -> None:
    policy = learner(known)
    endpoints = [each for each in ENDPOINTS if not ids or each.id in ids]
    for _ in range(times):
        seen = Observation(RequestContext(), endpoints, 0.0)
        decision = policy.select(seen)
        outcome = Outcome(Verdict.SUCCESS, 0.1, 200)
        policy.observe(Transition(endpoints[decision.index], seen, decision, outcome, -1.0, 0.0))


def visits(known: Repertoire) -> int:
    total = 0
    for row in learner(known).table():
        counts = row["visits"]
        assert isinstance(counts, dict)
        total += sum(count for count in counts.values() if isinstance(count, int))
    return total


def test_who_comes_back_is_the_same() -> None:
    known = repertoire()
    assert known["q_learning"] is known["q_learning"]
    with pytest.raises(ValueError, match="did you mean 'q_learning'"):
        known["q_lerning"]


def test_only_sections_of_strategies_are_parameters() -> None:
    """The classics' own and those defined beside a learner; the reward is the node's."""
    keys = parameter_keys()
    assert {"strategies", "q_learning", "state_encoding"} <= set(keys)
    assert not {"reward", "servers", "load_balancer", "metrics", "traffic"} & set(keys)


def test_a_learner_begins_with_what_is_stored() -> None:
    first = repertoire()
    teach(first, 7)
    assert 7 == visits(repertoire(first.learned()))


def test_what_is_learned_between_telling_and_taking_is_kept() -> None:
    """Each lesson counts once, here and in what the other learned."""
    one, two = repertoire(), repertoire()
    teach(one, 5)
    teach(two, 6)
    told = one.tell()["q_learning"], two.tell()["q_learning"]
    merged: dict[str, JSON] = {"q_learning": learner(one).merged(None, told)}
    teach(one, 3)
    one.take(merged)
    two.take(merged)
    assert (14, 11) == (visits(one), visits(two))


def test_a_strategy_that_is_not_used_yet_begins_with_what_all_know() -> None:
    other = repertoire()
    teach(other, 4)
    late = repertoire()
    late.take(other.tell())
    assert 4 == visits(late)


@pytest.mark.parametrize("malformed", [{"q_learning": []}, {"q_learning": {"version": 7}}])
def test_what_is_malformed_changes_nothing(malformed: dict[str, JSON]) -> None:
    known = repertoire()
    teach(known, 2)
    known.tell()
    with pytest.raises(ValueError, match=r"q_learning|version"):
        known.take(malformed)
    assert 2 == visits(known)


def test_other_parameters_make_another_policy_that_knows_the_same() -> None:
    known = repertoire()
    teach(known, 3)
    before = known["q_learning"]
    swap = known.rebuilt(settings(learning_rate=0.5))
    assert before is known["q_learning"]

    undo = swap()
    assert before is not known["q_learning"]
    assert 3 == visits(known)
    undo()
    assert before is known["q_learning"]


def test_with_the_same_parameters_nobody_is_replaced() -> None:
    known = repertoire()
    before = known["q_learning"]
    known.rebuilt(settings("round_robin"))()
    assert before is known["q_learning"]


def test_a_strategy_that_there_is_not_cannot_be_wanted() -> None:
    with pytest.raises(ReloadError, match=r"load_balancer\.strategy: unknown strategy 'rr'"):
        repertoire().rebuilt(settings("rr"))


def test_only_what_was_used_and_can_be_merged_is_mergeable() -> None:
    known = repertoire()
    used = {name: known[name].policy for name in ("round_robin", "q_learning")}

    assert used["q_learning"] is known.mergeable("q_learning")
    assert known.mergeable("round_robin") is None
    assert known.mergeable("marginal_cost") is None
