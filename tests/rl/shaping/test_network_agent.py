"""Agents that choose by a network."""

import random
from collections import Counter
from typing import Any

import numpy as np
import pytest

from rl.shaping.agents import Conduct, Step
from rl.shaping.encoding import SIZE, VERSION
from rl.shaping.network import as_data, shapes
from rl.shaping.network_agent import KEPT_STEPS, Dqn, Ppo

pytestmark = pytest.mark.unit

FEATURES = [0.5] * SIZE
LEVELS = (0, 0, 0, 0, 0, 0)
ALL = [True] * 12
KINDS = pytest.mark.parametrize("kind", [Dqn, Ppo])


def scoring(kind: type[Dqn] | type[Ppo], scores: list[float], **conduct: Any) -> Dqn | Ppo:
    """An agent whose network says this of every state."""
    agent = kind(Conduct(hidden=3, **conduct), random.Random(1))
    arrays = {name: np.zeros(shape, np.float32) for name, shape in shapes(3).items()}
    arrays["bias_2"][:] = scores
    agent.load(
        {
            "kind": agent.kind,
            "encoder": VERSION,
            "experience": 7,
            "arrays": as_data(arrays),
        }
    )
    return agent


@KINDS
def test_the_best_of_what_is_allowed_is_chosen(kind: type[Dqn] | type[Ppo]) -> None:
    agent = scoring(kind, [0.0, 3.0, 5.0] + [-1.0] * 9)
    mask = [True, True, False] + [True] * 9

    choice = agent.choose(FEATURES, LEVELS, mask, random.Random(1), explore=False)

    assert (choice.action, choice.explored, choice.probability) == (1, False, 1.0)


def test_dqn_explores_alike() -> None:
    agent = scoring(Dqn, [0.0] * 11 + [9.0], explore_most=0.6, explore_least=0.6)
    dice = random.Random(2)

    choices = [agent.choose(FEATURES, LEVELS, ALL, dice) for _ in range(6000)]

    found = Counter(choice.action for choice in choices)
    assert found[11] == pytest.approx(6000 * (0.4 + 0.05), rel=0.1)
    assert all(found[action] == pytest.approx(300, rel=0.25) for action in range(11))
    assert {round(choice.probability, 6) for choice in choices} == {0.05, 0.45}


def test_ppo_explores_by_its_odds() -> None:
    agent = scoring(Ppo, [0.0, 1.0, 2.0] + [-50.0] * 9, explore_most=1.0, explore_least=1.0)
    dice = random.Random(3)

    choices = [agent.choose(FEATURES, LEVELS, ALL, dice) for _ in range(6000)]

    odds = np.exp([0.0, 1.0, 2.0])
    odds /= odds.sum()
    found = Counter(choice.action for choice in choices)
    for action in range(3):
        assert found[action] / 6000 == pytest.approx(odds[action], abs=0.02)
    assert {round(choice.probability, 6) for choice in choices} == {round(each, 6) for each in odds}
    assert {choice.action for choice in choices if choice.explored} == {0, 1}


@KINDS
def test_steps_are_kept_for_the_training(kind: type[Dqn] | type[Ppo]) -> None:
    """The latest, each once."""
    agent = scoring(kind, [0.0] * 12)
    for number in range(KEPT_STEPS + 10):
        agent.learn(Step("c", FEATURES, LEVELS, ALL, 0, 1.0, float(number), FEATURES, LEVELS, ALL))

    kept = agent.transitions()

    assert [step.reward for step in kept] == [float(each) for each in range(10, KEPT_STEPS + 10)]
    assert agent.transitions() == []
    assert agent.experience == 7 + KEPT_STEPS + 10


@KINDS
def test_wrong_weights_change_nothing(kind: type[Dqn] | type[Ppo]) -> None:
    agent = scoring(kind, [0.0] * 12)
    before = agent.parameters()

    wrong: list[tuple[str, Any]] = [("arrays", {}), ("arrays", 3), ("epsilon", 2.0)]
    for key, value in wrong:
        with pytest.raises(ValueError, match=key):
            agent.load({**before, key: value})

    assert agent.parameters() == before
