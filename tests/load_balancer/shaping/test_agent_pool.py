"""The agents of a node."""

import json
import random
from dataclasses import replace
from typing import Any

import pytest

from load_balancer.shaping.adaptive_records import AdaptiveSettings
from load_balancer.shaping.agent_pool import AgentPool
from rl.shaping.agents import Agent, Step
from rl.shaping.encoding import SIZE

pytestmark = pytest.mark.unit

LEVELS = (0, 0, 1, 0, 0, 1)


def pool(**settings: Any) -> AgentPool:
    return AgentPool(AdaptiveSettings({}, **settings), random.Random(1))


def taught(agent: Agent, steps: int) -> None:
    for _ in range(steps):
        state = [0.0] * SIZE, LEVELS, [True] * 12
        agent.learn(Step("c", *state, 0, 1.0, 1.0, *state))


def test_each_client_has_its_own() -> None:
    agents = pool()

    assert agents.of("r/1", "r") is agents.of("r/1", "r") is not agents.of("r/2", "r")
    assert list(agents.agents()) == ["client:r/1", "client:r/2"]


def test_or_all_of_a_rule_have_one() -> None:
    agents = pool(share="rule")

    assert agents.of("r/1", "r") is agents.of("r/2", "r") is not agents.of("s/1", "s")
    assert list(agents.agents()) == ["rule:r", "rule:s"]


def test_what_has_a_state_of_its_own_is_not_shared() -> None:
    agents = pool(share="rule", agent="aimd")

    assert agents.of("r/1", "r") is not agents.of("r/2", "r")


@pytest.mark.parametrize("share", ["client", "rule"])
@pytest.mark.parametrize("kind", ["tabular", "dqn", "ppo"])
def test_a_checkpoint_brings_all_back(kind: str, share: str) -> None:
    before = pool(agent=kind, share=share)
    for number, name in enumerate(("r/1", "s/1"), start=1):
        taught(before.of(name, name[0]), number)
    kept = json.loads(json.dumps(before.checkpoint()))

    after = pool(agent=kind, share=share)
    present = after.of("r/1", "r")
    after.restore(kept)

    assert present.experience == 1
    assert json.loads(json.dumps(after.checkpoint())) == kept
    assert after.of("s/1", "s").experience == 2
    assert json.loads(json.dumps(after.checkpoint())) == kept


def test_new_ones_begin_with_what_there_is_for_their_rule_or_for_anybody() -> None:
    teacher = pool()
    one, two = teacher.of("a", "a"), teacher.of("b", "b")
    taught(one, 1)
    taught(two, 2)
    given: Any = {"version": 1, "agents": {"rule:r": one.parameters(), "*": two.parameters()}}

    agents = pool()
    agents.restore(given)

    assert agents.of("r/1", "r").experience == agents.of("r/2", "r").experience == 1
    assert agents.of("s/1", "s").experience == 2


def test_one_is_renewed_or_forgotten() -> None:
    agents = pool()
    taught(agents.of("r/1", "r"), 3)

    assert agents.renew("r/1", "r").experience == 0
    assert agents.of("r/1", "r").experience == 0
    agents.forget("r/1")
    agents.forget("r/1")
    assert agents.agents() == {}


def test_another_kind_makes_all_new() -> None:
    agents = pool()
    taught(agents.of("r/1", "r"), 3)
    settings = AdaptiveSettings({})

    assert not agents.apply(replace(settings, history=3))
    assert agents.of("r/1", "r").experience == 3
    assert agents.apply(replace(settings, agent="dqn"))
    assert agents.of("r/1", "r").kind == "dqn"


def parameters() -> Any:
    return pool().of("r/1", "r").parameters()


@pytest.mark.parametrize(
    ("checkpoint", "message"),
    [
        ({"version": 2, "agents": {}}, "version: must be 1"),
        ({"version": 1}, "agents: is missing"),
        ({"version": 1, "agents": []}, "agents: must hold parameters by agent"),
        ({"version": 1, "agents": {"x": {}}}, "agents: 'x' is for neither a client nor a rule"),
        ({"version": 1, "agents": {"rule:r": 3}}, "agents.rule:r: must hold keys and values"),
        ({"version": 1, "agents": {"rule:r": {}}}, "agents.rule:r.kind: is missing"),
        (
            {"version": 1, "agents": {"rule:r": {**parameters(), "encoder": 0}}},
            "agents.rule:r.encoder: what was learned by version 0 means nothing",
        ),
        (
            {"version": 1, "agents": {f"rule:{each}": {} for each in range(6)}},
            "agents: there can be 5, not 6",
        ),
    ],
)
def test_a_stale_checkpoint_is_refused_by_name(checkpoint: Any, message: str) -> None:
    agents = pool(clients=1)
    taught(agents.of("r/1", "r"), 3)
    before = agents.checkpoint()

    with pytest.raises(ValueError, match=message):
        agents.restore(checkpoint)

    assert agents.checkpoint() == before
