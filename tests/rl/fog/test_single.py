"""One agent by itself."""

import pytest
from gymnasium.utils.env_checker import check_env

from rl.fog.env import FogEnv
from rl.fog.settings import FogSettings
from rl.fog.single import SingleFogEnv
from tests.rl.fog.fogs import TWELVE, plain

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("fog", TWELVE.values(), ids=TWELVE)
def test_gymnasiums_checker_passes(fog: FogSettings) -> None:
    check_env(SingleFogEnv(FogEnv(fog)), skip_render_check=True)


def test_it_is_the_agent_that_was_named_and_others_play_as_told() -> None:
    fog = FogEnv(plain(2, rate=1.0, duration_seconds=60))
    env = SingleFogEnv(fog, "worker_1", others=lambda agent, seen: 1)
    seen, _ = env.reset(seed=1)
    assert seen["nodeId"] == 1
    over, steps = False, 0
    while not over:
        seen, _, terminated, over, info = env.step(0)
        steps += 1
        assert not terminated

    assert steps == 59
    assert info["totalTasksOffloadedFromNode"][0] > 10
    assert info["totalTasksOffloadedFromNode"][1] == 0
    with pytest.raises(RuntimeError, match="reset"):
        env.step(0)
    env.close()


def test_it_draws_what_the_fog_draws() -> None:
    fog = FogEnv(plain(2), render_mode="rgb_array")
    env = SingleFogEnv(fog)
    env.reset(seed=1)
    assert "rgb_array" in env.metadata["render_modes"] and env.render_mode == "rgb_array"
    assert env.render().shape == (640, 960, 3)
    assert SingleFogEnv(FogEnv(plain(2))).render() is None


def test_a_stranger_has_no_seat() -> None:
    with pytest.raises(ValueError, match="worker_9"):
        SingleFogEnv(FogEnv(), "worker_9")
