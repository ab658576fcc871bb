"""Episodes that are learned from."""

import random
from itertools import pairwise

import pytest

from evaluation.shaping.cast import ShapedCast
from evaluation.shaping.records import CLIENTS
from evaluation.shaping.rollout import roll
from evaluation.shaping.scenario import TUNED
from evaluation.shaping.stage import CastStage
from rl.shaping.agents import Agent, Conduct, Step
from rl.shaping.making import make
from rl.shaping.reward import Weights
from tests.evaluation.shaping.made import SHORT

pytestmark = pytest.mark.unit


def play(kind: str, seed: int = 1) -> tuple[tuple[float, float], list[Step]]:
    conduct = Conduct(explore_most=1.0, explore_least=1.0)
    agents: dict[str, Agent] = {name: make(kind, conduct, random.Random(0)) for name in CLIENTS}
    steps: list[Step] = []
    stage = CastStage(ShapedCast(SHORT, TUNED, seed))
    return roll(stage, agents, random.Random(seed), Weights(), steps.append), steps


def test_every_interval_but_the_first_is_a_step_of_each_client() -> None:
    (reward, missed), steps = play("ppo")
    assert 7 * len(CLIENTS) == len(steps)
    assert reward == pytest.approx(sum(each.reward for each in steps) / len(steps))
    assert 0.0 <= missed <= 1.0
    assert all(each.mask[each.action] for each in steps)
    own = [each for each in steps if each.client == "batch"]
    for one, following in pairwise(own):
        assert one.next_features == following.features
        assert one.next_levels == following.levels


def test_one_seed_one_episode() -> None:
    assert play("tabular") == play("tabular")
    assert play("tabular") != play("tabular", 2)
