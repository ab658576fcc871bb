"""Many fogs at once against as many single ones: number by number."""

import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rl.fog.applications import TaskType
from rl.fog.env import FogEnv
from rl.fog.keys import FogConfigError
from rl.fog.schedules import Schedule, Segment, constant
from rl.fog.settings import FogSettings
from rl.fog.vector import VectorFogEnv
from tests.rl.fog.fogs import LARGE, SMALL, TWELVE, plain

pytestmark = pytest.mark.unit

PLAYED = {
    "default": FogSettings(duration_seconds=25),
    "ring of two types": plain(5, "ring", task_types=(SMALL, LARGE)),
    "clouds": plain(
        3,
        rate=2.0,
        clouds=2,
        cloud_access=(True,),
        cloud_positions_meters=((300.0, 300.0), (0.0, 0.0)),
        cloud_machines=2,
        cloud_instructions_per_second=2e7,
        task_types=(SMALL, LARGE),
    ),
    "layers, fibre and rates that change": FogSettings(
        nodes_per_layer=(3, 2, 1),
        agents=(5, 0, 3),
        instructions_per_core_second=(1e7, 2e7, 4e7),
        cores=(1, 2, 4),
        queue_limits=(5, 10, 50),
        frequency_variations=(1e3, 0.0, 0.0),
        cloud_access=(False, False, True),
        client_layers=(0, 1),
        task_layers=(0, 1),
        client_is_self=False,
        schedules=(
            Schedule((Segment(0.3, 10), Segment(0.0, 5), Segment(0.9, 10))),
            constant(0.2),
        ),
        channels=("wireless", "fibre"),
        channels_between_layers=((0, 1, 1), (1, 0, 1), (1, 1, 1)),
        least_deadline_seconds=8,
    ),
    "deadlines": plain(4, rate=1.5, least_deadline_seconds=5, expiry_ticks=1),
    "no deadlines": plain(3, rate=1.5, least_deadline_seconds=0),
    "fine time": plain(
        3,
        ticks_per_second=4,
        decision_ticks=2,
        never_to_longer_queue=True,
        least_deadline_seconds=2,
        duration_seconds=9,
        rate=1.0,
        task_types=(TaskType(1, 1, 1e6, 9e7),),
    ),
    "few neighbours, ends soon": plain(6, "random", radius_meters=45.0, duration_seconds=12),
}


def play_both(fog: FogSettings, reward: Any, steps: int = 45, runs: int = 2, seed: int = 5) -> int:
    """Play the same actions in both and compare all that they say; tasks that were offloaded."""
    many = VectorFogEnv(fog, runs, seed, reward)
    singles = [FogEnv(fog, reward, seed=seed + run) for run in range(runs)]
    dice = random.Random(seed)
    seen, alone = many.reset(), [each.reset()[0] for each in singles]
    moved = 0
    for step in range(steps):
        # Now and then an index that no neighbour has, and often the own node.
        actions = [
            [
                0
                if dice.random() < 0.3
                else dice.randrange(-(step % 3 == 0), int(many.single_action_space.n) + 1)
                for _ in many.agents
            ]
            for _ in range(runs)
        ]
        compare(seen, alone, many.agents)
        assert np.array_equal(many.state(), [each.state() for each in singles])
        seen, rewards, truncated, info = many.step(actions)
        ends = info.get("final_observations", seen)
        said = info.get("final") or many.everything()
        alone = []
        for run, env in enumerate(singles):
            chosen = dict(zip(many.agents, actions[run], strict=True))
            found, paid, _, over, infos = env.step(chosen)
            assert bool(truncated[run]) is over[many.agents[0]]
            told = infos[many.agents[0]]
            for field, values in said.items():
                expected = told[field]
                if field == "energyConsumed":
                    assert values[run] == pytest.approx(expected, rel=1e-9)
                elif field == "time":
                    assert values == expected
                else:
                    assert np.array_equal(values[run], expected), (step, run, field)
            for row, agent in enumerate(many.agents):
                assert rewards[run, row] == pytest.approx(paid[agent], rel=1e-9, abs=1e-9)
                own = {name: info[name][run, row] for name in ("moved", "completed", "dropped")}
                assert own == {name: infos[agent][name] for name in own}
                moved += infos[agent]["moved"]
            if over[many.agents[0]]:
                one = {name: each[run : run + 1] for name, each in ends.items()}
                compare(one, [found], many.agents)
                found, _ = env.reset()
            alone.append(found)
    return moved


def compare(seen: Any, alone: Any, agents: list[str]) -> None:
    """Observations are the same to the last bit, and of the same kind."""
    for run, found in enumerate(alone):
        for row, agent in enumerate(agents):
            assert seen.keys() == found[agent].keys()
            for name, expected in found[agent].items():
                value = seen[name][run, row]
                assert np.array_equal(value, expected), (run, agent, name, value, expected)
                assert value.dtype == expected.dtype


@pytest.mark.parametrize("name", PLAYED)
def test_it_is_the_single_environment_many_times(name: str) -> None:
    assert play_both(PLAYED[name], "documented") > 0


@pytest.mark.parametrize("reward", ["sparse", "dense", "baek"])
def test_it_pays_the_same(reward: str) -> None:
    assert play_both(PLAYED["clouds"], reward, 30, 2) > 0


@settings(max_examples=10, deadline=None)
@given(st.randoms(use_true_random=False))
def test_any_fog_that_it_takes_is_the_same(dice: random.Random) -> None:
    layers = tuple(dice.randint(1, 3) for _ in range(dice.randint(1, 3)))
    nodes, each = sum(layers), range(len(layers))
    tasked = tuple(dice.sample(each, dice.randint(1, len(layers))))
    fog = FogSettings(
        nodes_per_layer=layers,
        agents=tuple(dice.sample(range(nodes), dice.randint(1, nodes))),
        instructions_per_core_second=tuple(dice.choice((1e7, 7e6)) for _ in each),
        cores=tuple(dice.randint(1, 4) for _ in each),
        queue_limits=tuple(dice.choice((1, 3, 10)) for _ in each),
        frequency_variations=tuple(dice.choice((0.0, 1e6)) for _ in each),
        cloud_access=tuple(dice.random() < 0.5 for _ in each),
        cloud_instructions_per_second=dice.choice((1e8, 4e6)),
        client_layers=tuple(dice.sample(each, dice.randint(1, len(layers)))),
        task_layers=tasked,
        client_is_self=dice.random() < 0.5,
        schedules=tuple(constant(dice.choice((0.2, 0.7, 50.0))) for _ in tasked),
        task_types=tuple(
            TaskType(1 + dice.random(), 1, dice.choice((0.0, 2e6, 38e6)), 1e6 + 1e7 * dice.random())
            for _ in range(dice.randint(1, 3))
        ),
        topology=dice.choice(("random", "ring", "full")),
        least_deadline_seconds=dice.choice((0, 1, 6)),
        expiry_ticks=dice.choice((0, 3)),
        decision_ticks=dice.choice((1, 2)),
        duration_seconds=20,
    )
    play_both(fog, dice.choice(("documented", "sparse", "dense", "baek")), 15, 2)


def test_seeds_begin_the_same_episodes_again() -> None:
    env = VectorFogEnv(plain(), 2)
    first = env.reset([3, 4])
    for _ in range(20):
        last = env.step(np.ones((2, 3), dtype=int))[0]
    again = env.reset([3, 4])
    for _ in range(20):
        now = env.step(np.ones((2, 3), dtype=int))[0]

    assert all(np.array_equal(first[name], again[name]) for name in first)
    assert all(np.array_equal(last[name], now[name]) for name in last)
    assert not np.array_equal(last["Q"][0], last["Q"][1])


def test_observations_lie_in_the_space() -> None:
    env = VectorFogEnv(PLAYED["clouds"], 2, 1)
    dice = np.random.default_rng(1)
    seen = env.reset()
    for _ in range(30):
        for run in range(2):
            for row in range(len(env.agents)):
                one = {name: each[run, row] for name, each in seen.items()}
                assert env.single_observation_space.contains(one)
        seen = env.step(dice.integers(0, env.single_action_space.n, (2, len(env.agents))))[0]


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("compat", "compat"),
        ("dag", "application"),
        ("trace", "application"),
        ("batch", "actions"),
        ("lossy", "drop_probability"),
        ("moving", "node_meters_per_second"),
        ("failing", "failures_per_second"),
    ],
)
def test_what_it_cannot_do_is_refused_by_name(name: str, key: str) -> None:
    with pytest.raises(FogConfigError, match=key) as caught:
        VectorFogEnv(TWELVE[name], 2)

    assert caught.value.key == key


def test_what_would_not_fit_into_memory_is_refused() -> None:
    with pytest.raises(FogConfigError, match="queue_limits"):
        VectorFogEnv(plain(queue_limits=(1_000_000,)), 64)
    with pytest.raises(ValueError, match="at least 1"):
        VectorFogEnv(plain(), 0)


def test_bad_calls_are_told_what_is_wrong() -> None:
    env = VectorFogEnv(plain(), 2)
    with pytest.raises(RuntimeError, match="reset"):
        env.step([[0, 0, 0], [0, 0, 0]])
    with pytest.raises(ValueError, match="2 seeds, not 1"):
        env.reset([1])
    env.reset()
    with pytest.raises(ValueError, match=r"shape \(2, 3\)"):
        env.step([[0, 0, 0]])
    with pytest.raises(ValueError, match="whole numbers"):
        env.step([[0.5, 0.0, 0.0], [0.0, 0.0, 0.0]])
    with pytest.raises(ValueError, match="reward must be one of"):
        VectorFogEnv(plain(), 2, reward="much")  # type: ignore[arg-type]
