"""Rules that learn nothing."""

import random
from collections import Counter

import pytest

from rl.fog import baselines
from rl.fog.env import FogEnv
from tests.rl.fog.fogs import TWELVE, plain
from tests.rl.fog.seen import observation

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("name", baselines.names())
@pytest.mark.parametrize("fog", ["default", "layers and fibre", "failing", "fine time", "batch"])
def test_what_is_chosen_is_allowed_and_repeatable(name: str, fog: str) -> None:
    env = FogEnv(TWELVE[fog])

    def play() -> list[int]:
        player = baselines.build(name, random.Random(3))
        observations, _ = env.reset(seed=5)
        made: list[int] = []
        for _ in range(25):
            actions = {agent: player(agent, observations[agent]) for agent in env.agents}
            for agent, action in actions.items():
                assert observations[agent]["action_mask"][action] == 1
            made += actions.values()
            observations = env.step(actions)[0]
        return made

    assert play() == play()


def test_least_queue_counts_the_own_task_and_takes_the_first_of_equals() -> None:
    build = baselines.build("least_queue", random.Random(0))
    assert build("a", observation((0.1, 0.0, 0.0))) == 1
    assert build("a", observation((0.1, 0.1, 0.2))) == 0
    assert build("a", observation((0.5, 0.4, 0.1), mask=(1, 1, 0))) == 1
    assert build("a", observation((0.5, -1.0, -1.0), mask=(1, 0, 0))) == 0


def test_nearest_never_stays_if_it_can_go() -> None:
    assert baselines.nearest("a", observation(delays=(1, 4, 3))) == 2
    assert baselines.nearest("a", observation(mask=(1, 0, 0))) == 0


def test_least_time_weighs_way_wait_and_work() -> None:
    """Two ticks of work at home; the way counts there and back."""
    alone = observation((0.1, 0.0), (1, 4), (1, 1), (1, 2, 1))
    assert baselines.least_time("a", alone) == 0  # 2 against 2 + 0.5
    behind_one = observation((0.2, 0.0), (1, 4), (1, 1), (1, 2, 1))
    assert baselines.least_time("a", behind_one) == 1  # 4 against 2.5
    full_there = observation((0.2, 0.5), (1, 4), (1, 1), (1, 2, 1))
    assert baselines.least_time("a", full_there) == 0  # 4 against 2 + 6 * 0.5
    large = observation((0.2, 0.0), (1, 4), (1, 1), (1, 2, 3))
    assert baselines.least_time("a", large) == 0  # 4 against 6 + 0.5
    nothing = observation((0.9, 0.0), task=(0, 0, 0), powers=(1, 1), delays=(1, 1))
    assert baselines.least_time("a", nothing) == 0
    powerless = observation((0.2, 0.0), (1, 0), (1, 1))
    assert baselines.least_time("a", powerless) == 0


def test_round_robin_goes_round_by_agent_and_only_for_tasks() -> None:
    player = baselines.build("round_robin", random.Random(0))
    seen = observation(mask=(1, 0, 1))
    assert [player("a", seen) for _ in range(4)] == [0, 2, 0, 2]
    assert player("b", seen) == 0
    assert player("a", observation(task=(0, 0, 0))) == 0
    assert player("a", seen) == 0


def test_weighted_by_power_sends_in_proportion() -> None:
    player = baselines.build("weighted_by_power", random.Random(1))
    seen = observation(powers=(1, 2, 5))
    counts = Counter(player("a", seen) for _ in range(4000))
    assert [round(counts[index] / 4000, 1) for index in range(3)] == [0.1, 0.2, 0.6]
    assert player("a", observation(powers=(0, 0, 0))) in (0, 1, 2)


def test_local_offloads_nothing() -> None:
    env = FogEnv(plain(3))
    observations, _ = env.reset(seed=1)
    player = baselines.build("local", random.Random(0))
    for _ in range(30):
        observations = env.step({a: player(a, observations[a]) for a in env.agents})[0]
    assert env.world.tallies.sent == [0, 0, 0]


def test_unknown_name_is_refused() -> None:
    with pytest.raises(ValueError, match=r"no baseline 'lest'; there are local, random"):
        baselines.build("lest", random.Random(0))
