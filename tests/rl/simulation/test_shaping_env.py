"""The environment: PettingZoo's own laws, and the bounds of the envelope."""

import numpy as np
import pytest

pytest.importorskip("pettingzoo")
from pettingzoo.test import parallel_api_test, parallel_seed_test

from evaluation.shaping.cast import ShapedCast
from evaluation.shaping.scenario import TUNED, Scenario, Stretch
from evaluation.shaping.stage import CastStage
from rl.shaping.encoding import SIZE
from rl.shaping.settings import ACTIONS, KEEP
from rl.simulation.shaping_env import ShapingEnv

pytestmark = [pytest.mark.unit, pytest.mark.filterwarnings("ignore::UserWarning")]
SHORT = Scenario((Stretch("only", 12, (30.0, 60.0, 8.0)),))


def build(seed: int) -> CastStage:
    return CastStage(ShapedCast(SHORT, TUNED, seed))


def test_it_keeps_the_laws_of_pettingzoo() -> None:
    parallel_api_test(ShapingEnv(build), num_cycles=15)
    parallel_seed_test(lambda: ShapingEnv(build), num_cycles=4)


def test_an_episode_is_cut_at_its_length() -> None:
    env = ShapingEnv(build)
    seen, _ = env.reset(seed=3)
    steps = 0
    while env.agents:
        assert all(each["features"].shape == (SIZE,) for each in seen.values())
        seen, paid, over, cut, told = env.step(dict.fromkeys(env.agents, KEEP))
        steps += 1
        assert not any(over.values())
        assert all(paid[name] == told[name]["total"] for name in paid)
    assert 11 == steps and all(cut.values())


def test_actions_move_the_rule_and_never_beyond_the_envelope() -> None:
    stage = build(0)
    env = ShapingEnv(lambda seed: stage)
    seen, _ = env.reset(seed=0)
    down = ACTIONS.index("requests_per_second-")
    client = stage._cast.shaper.clients.get("batch")
    assert client is not None
    rates = []
    while env.agents:
        assert seen["interactive"]["action_mask"][down] == 0
        seen, *_ = env.step(dict.fromkeys(env.agents, down))
        rates.append(client.rule.requests_per_second)
    assert rates[0] == pytest.approx(50 / 1.4) and rates[-1] == 12
    assert 0 == seen["batch"]["action_mask"][down]


def test_random_actions_stay_within() -> None:
    dice = np.random.default_rng(1)
    stage = build(0)
    env = ShapingEnv(lambda seed: stage)
    env.reset(seed=0)
    while env.agents:
        env.step({name: int(dice.integers(len(ACTIONS))) for name in env.agents})
        for name in env.agents:
            assert stage.envelopes[name].holds(env._seats[name].setting)
