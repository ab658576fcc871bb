"""The environment against PettingZoo's own tests, and against what they do not look at."""

import hashlib
import random
from typing import Any

import numpy as np
import pytest
from gymnasium.spaces import Discrete
from pettingzoo.test import api_test, parallel_api_test, seed_test
from pettingzoo.utils.conversions import parallel_to_aec

from rl.fog.env import FogEnv, settings_of
from rl.fog.keys import FogConfigError
from rl.fog.payment import Deed
from rl.fog.settings import FogSettings
from tests.rl.fog.fogs import TWELVE, plain

pytestmark = [
    pytest.mark.unit,
    # PettingZoo asks for arrays, and so much of observations that are not made of one.
    pytest.mark.filterwarnings("ignore:Observation"),
]


def run(env: FogEnv, seed: int, steps: int, checked: bool = True) -> list[bytes]:
    """Everything that the environment says in so many steps, a digest for each.

    Args:
        checked: what is seen must lie in its space: in each step one agent's, at times everybody's.
    """
    observations, infos = env.reset(seed=seed)
    dice = random.Random(seed)
    said = [repr(infos).encode()]
    for step in range(steps):
        if not env.agents:
            observations, infos = env.reset()
        if checked:
            one = env.possible_agents[step % len(env.possible_agents)]
            for agent in observations if step % 10 == 0 else (one,):
                seen = observations[agent]
                assert env.observation_space(agent).contains(seen), (agent, seen)
            assert env.state_space.contains(env.state())
        actions = {
            agent: dice.choice(observations[agent]["action_mask"].nonzero()[0])
            for agent in env.agents
        }
        observations, rewards, terminations, truncations, infos = env.step(actions)
        digest = hashlib.blake2b(env.state().tobytes())
        for row in observations.values():
            for each in row.values():
                digest.update(each.tobytes())
        told = next(iter(infos.values()))
        digest.update(f"{rewards} {truncations} {told}".encode())
        said.append(digest.digest())
        assert not any(terminations.values())
    return said


@pytest.mark.parametrize("fog", TWELVE.values(), ids=TWELVE)
def test_pettingzoos_own_tests_pass(fog: FogSettings) -> None:
    parallel_api_test(FogEnv(fog), 10)
    api_test(parallel_to_aec(FogEnv(fog)), 3)
    seed_test(lambda: parallel_to_aec(FogEnv(fog)), 3)


@pytest.mark.parametrize("fog", TWELVE.values(), ids=TWELVE)
def test_same_seed_same_run_and_always_within_the_spaces(fog: FogSettings) -> None:
    steps = 500 if fog.nodes < 20 else 50
    first = run(FogEnv(fog), 7, steps)
    again = run(FogEnv(fog), 7, steps, checked=False)

    assert first == again


def test_another_seed_is_another_run() -> None:
    first, other = (run(FogEnv(plain()), seed, 30) for seed in (1, 2))

    assert first[-1] != other[-1]


@pytest.mark.parametrize("seed", [1.5, "x"])
def test_a_seed_is_a_whole_number(seed: Any) -> None:
    with pytest.raises(TypeError):
        FogEnv(seed=seed)
    with pytest.raises(TypeError):
        FogEnv().reset(seed=seed)


def test_episodes_of_one_seed_differ_but_can_be_repeated() -> None:
    runs = []
    for _ in range(2):
        env = FogEnv(plain(duration_seconds=12), seed=3)
        runs.append([_play(env) for _ in range(2)])

    assert runs[0] == runs[1]
    assert runs[0][0] != runs[0][1]


def _play(env: FogEnv) -> list[list[int]]:
    env.reset()
    loads = []
    while env.agents:
        infos = env.step({})[4]
        loads.append(infos["worker_0"]["totalTasks"])
    return loads


@pytest.mark.parametrize(
    ("keys", "times"),
    [
        ({"CYCLES": 30}, list(range(30))),
        ({"CYCLES": 30, "CYCLE": 5}, [0, 5, 10, 15, 20, 25]),
        ({"CYCLES": 20, "SCALE": 10}, list(range(200))),
    ],
)
@pytest.mark.parametrize("compat", [False, True])
def test_an_episode_has_so_many_states(
    keys: dict[str, int], times: list[int], compat: bool
) -> None:
    env = FogEnv(keys, compat=compat)
    _, infos = env.reset()
    seen = [infos["worker_0"]["time"]]
    while env.agents:
        _, _, terminations, truncations, infos = env.step({})
        assert not any(terminations.values())
        assert set(truncations.values()) == {not env.agents}
        seen.append(infos["worker_0"]["time"])

    assert times == seen
    assert env.step({}) == ({}, {}, {}, {}, {})


def test_spaces_are_the_same_objects_each_time_and_each_agent_has_its_own_dice() -> None:
    env = FogEnv()

    assert env.action_space("worker_0") is env.action_space("worker_0")
    assert env.observation_space("worker_0") is env.observation_space("worker_0")
    assert env.action_space("worker_0") is not env.action_space("worker_5")


def test_observations_are_nobodys_to_change_afterwards() -> None:
    """What an agent keeps of one step is not what it sees in the next one."""
    env = FogEnv(plain(rate=2.0))
    before, _ = env.reset(seed=1)
    kept = {key: np.copy(value) for key, value in before["worker_0"].items()}
    for _ in range(10):
        env.step({})

    assert all(np.array_equal(kept[key], before["worker_0"][key]) for key in kept)


@pytest.mark.parametrize(
    ("action", "index", "moved"),
    [
        (1, 1, 1),
        (np.int64(2), 2, 1),
        (np.array(1), 1, 1),
        ({"neighbourIndex": 1}, 1, 1),
        ((2, 3), 2, 3),
        (np.array([0, 2]), 0, 2),
    ],
)
def test_actions_have_several_forms(action: object, index: int, moved: int) -> None:
    deeds: list[Deed] = []

    def pay(deed: Deed) -> float:
        deeds.append(deed)
        return 1.5

    env = FogEnv(plain(rate=1.0), reward=pay)
    env.reset(seed=1)
    node = env.world.nodes
    while len(node.queue[0]) < 3:
        env.step({"worker_1": 1, "worker_2": 1})
    deeds.clear()
    _, rewards, _, _, infos = env.step({"worker_0": action})

    assert (index, moved) == (deeds[0].index, deeds[0].moved)
    assert rewards["worker_0"] == 1.5
    assert infos["worker_0"]["success"] and infos["worker_0"]["moved"] == moved
    assert deeds[1].idle and not infos["worker_1"]["success"]


@pytest.mark.parametrize(
    "action", ["no", (1, 2, 3), {"index": 1}, None, 1.0, (1.5, 2), float("nan")]
)
def test_anything_else_is_refused_and_nothing_happens(action: object) -> None:
    env = FogEnv(plain())
    env.reset()
    with pytest.raises(ValueError, match="worker_1"):
        env.step({"worker_0": 0, "worker_1": action})

    assert env.world.now == 0


def test_a_stranger_cannot_act() -> None:
    env = FogEnv(plain())
    env.reset()
    with pytest.raises(ValueError, match="worker_9"):
        env.step({"worker_9": 0})


def test_a_batch_action_is_an_index_and_a_count() -> None:
    env = FogEnv(plain(actions="batch"))
    env.reset()

    assert env.batch_width == 10
    assert env.batch_action(2, 4) == 23
    assert env._read("worker_0", 23) == (2, 4)
    assert env.batch_action(0, 99) == 9
    assert env.action_space("worker_0") == Discrete(30)


def test_before_the_first_reset_there_is_nothing() -> None:
    env = FogEnv()
    with pytest.raises(RuntimeError, match="reset"):
        _ = env.world
    with pytest.raises(RuntimeError, match="reset"):
        env.state()
    assert env.step({}) == ({}, {}, {}, {}, {})
    env.close()
    env.close()


def test_configs_come_in_many_forms(tmp_path: Any) -> None:
    given = FogSettings(duration_seconds=9)
    path = tmp_path / "fog.txt"
    path.write_text("CYCLES 9\n# a comment\nSIZE=6\n")

    assert settings_of(None) == FogSettings()
    assert settings_of(given) is given
    assert settings_of({"CYCLES": "9"}) == given
    assert settings_of(path).duration_seconds == 9
    assert settings_of(str(path)).nodes == 6
    with pytest.raises(FogConfigError, match="CYCLSE"):
        settings_of({"CYCLSE": 9})
    with pytest.raises(ValueError, match="load_fog"):
        settings_of("fog.yaml")


def test_reward_names_are_checked() -> None:
    with pytest.raises(ValueError, match="sparse"):
        FogEnv(reward="spares")  # type: ignore[arg-type]
