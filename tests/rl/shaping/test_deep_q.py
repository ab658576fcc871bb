"""Deep Q-learning from agents' steps; needs PyTorch."""

import random
from typing import Any

import numpy as np
import pytest

from rl.shaping.agents import Conduct, Step
from rl.shaping.encoding import SIZE
from rl.shaping.network import Network
from rl.shaping.network_agent import Dqn
from rl.shaping.settings import ACTIONS

torch = pytest.importorskip("torch")
from rl.shaping import deep_q  # noqa: E402  # it imports torch

pytestmark = pytest.mark.unit
torch.set_num_threads(1)
SMALL = deep_q.DeepQParameters(hidden=8, batch=16, memory=200, first=20, learning_rate=0.01)
COUNT = len(ACTIONS)


def step(action: int, reward: float, **more: Any) -> Step:
    given: dict[str, Any] = {
        "client": "one",
        "features": [0.5] * SIZE,
        "levels": (0,),
        "mask": [True] * COUNT,
        "action": action,
        "probability": 1.0,
        "reward": reward,
        "next_features": [0.5] * SIZE,
        "next_levels": (0,),
        "next_mask": [True] * COUNT,
        "last": True,
    }
    return Step(**{**given, **more})


def learned() -> deep_q.DeepQ:
    learner = deep_q.DeepQ(SMALL, np.random.default_rng(1))
    dice = random.Random(2)
    for _ in range(150):
        action = dice.randrange(COUNT)
        learner.add(step(action, 5.0 if action == 4 else 0.0))
    return learner


def test_tensors_are_scored_as_arrays_are() -> None:
    arrays = deep_q.drawn(np.random.default_rng(3), 8)
    seen = np.random.default_rng(4).random((2, SIZE)).astype(np.float32)
    tensors = {name: torch.tensor(each) for name, each in arrays.items()}
    found = deep_q.score(tensors, torch.tensor(seen)).numpy()
    for row, each in zip(found, seen, strict=True):
        np.testing.assert_allclose(row, Network(arrays).scores(each.tolist()), rtol=1e-4, atol=1e-6)


def test_it_learns_what_pays_and_the_live_agent_does_it() -> None:
    learner = learned()
    assert learner.ready
    losses = [learner.update() for _ in range(150)]
    assert losses[-1] < losses[0]
    agent = Dqn(Conduct(explore_most=0.0), random.Random(0))
    agent.load(learner.parameters())
    choice = agent.choose([0.5] * SIZE, (0,), [True] * COUNT, random.Random(0))
    assert 4 == choice.action
    assert 150 == agent.experience == learner.experience


def test_what_is_forbidden_afterwards_is_worth_nothing() -> None:
    """The value of what follows is that of the best that may be done there."""
    learner = deep_q.DeepQ(SMALL, np.random.default_rng(1))
    only_keep = [True] + [False] * (COUNT - 1)
    for _ in range(40):
        learner.add(step(0, 0.0))
        learner.add(step(4, 5.0))
        learner.add(step(7, 0.0, last=False, next_mask=only_keep))
    for _ in range(200):
        learner.update()
    agent = Dqn(Conduct(), random.Random(0))
    agent.load(learner.parameters())
    scores = agent._network.scores([0.5] * SIZE)
    assert abs(scores[7]) < 0.3 < scores[4]


def test_one_seed_one_learner_and_it_goes_on_from_what_was_learned() -> None:
    first, second = learned(), learned()
    assert [first.update() for _ in range(3)] == [second.update() for _ in range(3)]
    third = deep_q.DeepQ(SMALL, np.random.default_rng(9))
    third.load(first.parameters())
    assert third.parameters() == first.parameters()
    with pytest.raises(ValueError, match="encoder"):
        third.load({**first.parameters(), "encoder": 0})
    with pytest.raises(ValueError, match="kind"):
        third.load({**first.parameters(), "kind": "ppo"})


def test_rewards_are_added_up_over_some_steps() -> None:
    learner = deep_q.DeepQ(SMALL, np.random.default_rng(1))
    for number in range(6):
        learner.add(step(number, 1.0, last=False))
    memory = learner._memory
    ahead, discount = SMALL.ahead, SMALL.discount
    assert 6 - ahead + 1 == memory.count
    assert memory.reward[0] == pytest.approx(sum(discount**n for n in range(ahead)))
    assert memory.discount[0] == pytest.approx(discount**ahead)
    learner.add(step(7, 1.0, features=[0.1] * SIZE))  # after a pause, and the last one
    assert 7 == memory.count and 0.0 == memory.discount[6]


def test_memory_forgets_the_oldest() -> None:
    memory = deep_q.Memory(3)
    for number in range(5):
        memory.add(step(number, 0.0), step(number, 0.0), float(number), 0.9)
    assert 3 == memory.count
    assert {2, 3, 4} == set(memory.action.tolist())
