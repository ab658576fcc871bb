"""What one node shares."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from config.schema import Settings
from load_balancer.assembly import forget
from load_balancer.federation.members import Coordinator
from load_balancer.federation.node import Shared, part_of
from load_balancer.repertoire import Repertoire
from load_balancer.shaping.adaptive import Adaptive, AdaptiveSettings, RuleEnvelope
from load_balancer.shaping.shaper import Shaper
from rl.shaping.envelope import Envelope

pytestmark = pytest.mark.unit

RULES = [
    {"name": "partner", "client_by": "rule", "match": {"paths": ["/partner"]}},
    {"name": "people"},
]


def settings(**adaptive: Any) -> Settings:
    shaping = {"enabled": True, "rules": RULES, "adaptive": adaptive}
    return Settings.model_validate({"load_balancer": {"shaping": shaping}})


def agents(share: str = "client", agent: str = "tabular") -> Adaptive:
    """One client that is a rule's only one, and one of many."""
    envelope = RuleEnvelope(Envelope({}, 1))
    shaper = Shaper(settings().load_balancer.shaping, random.Random(1))
    wanted = AdaptiveSettings({"partner": envelope, "people": envelope}, agent=agent, share=share)
    found = Adaptive(shaper, wanted, random.Random(1))
    for name in ("partner", "people/10.0.0.1"):
        found.enable(name, 0.0, expected=True)
    return found


def repertoire(*used: str) -> Repertoire:
    found = Repertoire(settings(), random.Random(1), forget)
    for name in used:
        found[name]
    return found


def test_agents_are_offered_by_their_rules_and_no_client_is_named() -> None:
    alone = Shared(lambda: agents("client"), repertoire())
    shared = Shared(lambda: agents("rule"), repertoire())

    assert {"agents/rule:partner"} == set(alone.offer())
    assert {"agents/rule:partner", "agents/rule:people"} == set(shared.offer())
    for each in (*alone.offer(), *shared.offer()):
        assert "10.0.0.1" not in each


def test_strategies_are_offered_that_can_be_merged() -> None:
    shared = Shared(lambda: None, repertoire("round_robin", "q_learning", "marginal_cost"))

    assert {"strategies/q_learning", "strategies/marginal_cost"} == set(shared.offer())
    assert shared.learner("strategies/marginal_cost") is not None
    for name in ("strategies/round_robin", "strategies/prequal", "agents/rule:partner", "x"):
        assert shared.learner(name) is None


def test_only_what_is_wanted_is_shared() -> None:
    whole = repertoire("q_learning")

    found = Shared(agents, whole, ("agents",)).offer()

    assert {"agents/rule:partner"} == set(found)
    assert {"strategies/q_learning"} == set(Shared(agents, whole, ("strategies",)).offer())


def test_agents_that_learn_nothing_have_nothing_to_share() -> None:
    assert {} == Shared(lambda: agents(agent="aimd"), repertoire()).offer()


def test_what_is_known_is_taken_up() -> None:
    adaptive, strategies = agents(), repertoire("q_learning")
    shared = Shared(lambda: adaptive, strategies)
    known = dict(shared.offer())
    agent: Any = known["agents/rule:partner"]
    agent["experience"] = 5
    table: Any = known["strategies/q_learning"]
    table["epsilon"] = 0.25

    shared.take({**known, "agents/rule:gone": {}, "strategies/prequal": {}, "x": {}})

    assert 5 == adaptive.agents()["client:partner"].experience
    policy = strategies.mergeable("q_learning")
    assert policy is not None
    assert 0.25 == policy.parameters()["epsilon"]


@pytest.mark.parametrize(
    ("name", "parameters", "words"),
    [
        ("agents/rule:partner", {}, "kind: is missing"),
        ("agents/rule:partner", {"kind": "dqn"}, "kind: must be tabular"),
        ("strategies/q_learning", {}, "version: is missing"),
        ("strategies/q_learning", 3, "must hold keys and values"),
    ],
)
def test_what_cannot_be_taken_up_is_refused(name: str, parameters: Any, words: str) -> None:
    shared = Shared(agents, repertoire("q_learning"))

    with pytest.raises(ValueError, match=words):
        shared.take({name: parameters})


def test_a_node_has_its_part_by_its_settings(tmp_path: Path) -> None:
    file = tmp_path / "sites"
    file.write_text("north token-of-north\n")
    wanted = settings(federation={"enabled": True, "token_file": str(file), "seconds": 5})

    found = part_of(wanted, agents, repertoire(), lambda: 0.0, print)

    assert isinstance(found, Coordinator)
    assert (5.0, "slb") == (found.closes_in, found.own)
    with pytest.raises(ValueError, match="cannot be read"):
        gone = {"enabled": True, "token_file": str(tmp_path / "none")}
        part_of(settings(federation=gone), agents, repertoire(), lambda: 0.0, print)
