"""Proximal policy optimisation from agents' steps; needs PyTorch."""

import random

import numpy as np
import pytest

from rl.shaping.agents import Conduct, Step
from rl.shaping.encoding import SIZE
from rl.shaping.network_agent import Ppo
from rl.shaping.settings import ACTIONS

torch = pytest.importorskip("torch")
from rl.shaping import proximal  # noqa: E402  # it imports torch

pytestmark = pytest.mark.unit
torch.set_num_threads(1)
SMALL = proximal.ProximalParameters(hidden=8, batch=32, learning_rate=0.01, rounds=4)
SEEN = [0.5] * SIZE
MASK = [action in (0, 3, 4) for action in range(len(ACTIONS))]


def play(agent: Ppo, dice: random.Random, steps: int = 60) -> list[Step]:
    """A bandit: action 3 pays."""
    for _ in range(steps):
        choice = agent.choose(SEEN, (0,), MASK, dice)
        paid = 5.0 if choice.action == 3 else 0.0
        agent.learn(
            Step(
                "one", SEEN, (0,), MASK, choice.action, choice.probability, paid, SEEN, (0,), MASK,
                True,
            )
        )  # fmt: skip
    return agent.transitions()


def learned(seed: int = 1) -> proximal.Proximal:
    learner = proximal.Proximal(SMALL, np.random.default_rng(seed))
    dice = random.Random(seed)
    agent = Ppo(Conduct(explore_most=1.0, explore_least=1.0, explore_decay=1.0), random.Random(0))
    for _ in range(12):
        agent.load(learner.parameters())
        learner.learn([play(agent, dice)])
    return learner


def test_it_learns_what_pays_and_the_live_agent_does_it() -> None:
    learner = learned()
    agent = Ppo(Conduct(explore_most=0.0), random.Random(0))
    agent.load(learner.parameters())
    choice = agent.choose(SEEN, (0,), MASK, random.Random(0))
    assert 3 == choice.action and not choice.explored
    assert 12 * 60 == learner.experience


def test_one_seed_one_learner() -> None:
    assert learned(2).parameters() == learned(2).parameters()


def test_it_goes_on_from_what_was_learned_with_a_critic_or_without() -> None:
    learner = learned()
    other = proximal.Proximal(SMALL, np.random.default_rng(5))
    other.load(learner.parameters())
    assert other.parameters() == learner.parameters()
    actor = Ppo(Conduct(hidden=8), random.Random(3)).parameters()
    other.load(actor)
    arrays = other.parameters()["arrays"]
    assert isinstance(arrays, dict) and "critic_weight_0" in arrays
    with pytest.raises(ValueError, match="encoder"):
        other.load({**actor, "encoder": 0})


def test_nothing_is_learned_of_nothing() -> None:
    learner = proximal.Proximal(SMALL, np.random.default_rng(1))
    before = learner.parameters()
    learner.learn([[]])
    assert before == learner.parameters()
