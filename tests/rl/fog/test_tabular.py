"""Independent tables."""

import json
import random
from typing import Any

import pytest

from rl.fog.env import FogEnv
from rl.fog.tabular import LEVELS, Tabular, TabularParameters
from tests.rl.fog.fogs import TWELVE, plain
from tests.rl.fog.seen import observation

pytestmark = pytest.mark.unit


def learned(env: FogEnv, episodes: int = 4, seed: int = 0) -> Tabular:
    columns = len(next(iter(env.reset(seed=1)[0].values()))["Q"])
    tabular = Tabular(TabularParameters(), columns, random.Random(seed))
    for episode in range(episodes):
        tabular.explore = 1.0 if episode < episodes / 2 else 0.1
        observations, _ = env.reset(seed=100 + episode)
        while env.agents:
            actions = {agent: tabular(agent, observations[agent]) for agent in env.agents}
            observations, rewards, _, _, _ = env.step(actions)
            tabular.paid(rewards)
        tabular.end()
    tabular.explore = 0.0
    return tabular


def test_a_decision_is_worth_what_follows_until_the_next_one() -> None:
    """By hand: paid 10, then nothing for a tick, then the next decision's best value."""
    tabular = Tabular(TabularParameters(rate=0.5, discount=0.5), 2, random.Random(0))
    tabular.explore = 1e-12
    seen = observation((0.1, 0.0), (1, 1), (1, 1))
    first = tabular("a", seen)
    tabular.paid({"a": 10.0, "b": 99.0})
    tabular("a", observation((0.1, 0.0), (1, 1), (1, 1), task=(0, 0, 0)))
    tabular.paid({"a": 4.0})
    tabular("a", seen)
    values: Any = tabular.parameters()["tables"]
    state = 0 * 2 + 1  # level 0, neighbour 1 is emptiest
    assert values["a"][state][first] == pytest.approx(0.5 * (10 + 0.5 * 4))
    tabular.end()
    tabular.paid({"a": 1000.0})
    tabular("a", seen)
    assert tabular.parameters()["tables"] == values
    assert len(values["a"]) == len(LEVELS) * 2


def test_learns_to_keep_what_costs_much_to_send() -> None:
    """Nodes that have time and links that have not; at random it would be paid far less."""
    env = FogEnv(plain(2, rate=0.4, duration_seconds=300))
    tabular = learned(env)
    observations, _ = env.reset(seed=1)
    while env.agents:
        actions = {agent: tabular(agent, observations[agent]) for agent in env.agents}
        observations = env.step(actions)[0]
    tallies = env.world.tallies
    assert sum(tallies.sent) < 0.1 * tallies.created


def test_same_dice_same_tables_and_back_from_json() -> None:
    env = FogEnv(plain(3, rate=0.9, duration_seconds=60))
    first, second = learned(env, 2, seed=3), learned(env, 2, seed=3)
    assert first.parameters() == second.parameters()
    other = Tabular(TabularParameters(), 3, random.Random(9))
    other.load(json.loads(json.dumps(first.parameters())))
    assert other.parameters() == first.parameters()
    seen = observation((0.5, 0.2, 0.1))
    assert other("worker_1", seen) == first("worker_1", seen)


def test_plays_batches_within_the_mask() -> None:
    env = FogEnv(TWELVE["batch"])
    observations, _ = env.reset(seed=1)
    tabular = Tabular(TabularParameters(), 3, random.Random(1))
    tabular.explore = 1.0
    for _ in range(20):
        actions = {agent: tabular(agent, observations[agent]) for agent in env.agents}
        for agent, action in actions.items():
            assert observations[agent]["action_mask"][action]
        observations = env.step(actions)[0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": 7}, "version: must be 1, not 7"),
        ({"columns": 4}, "columns: must be 2, not 4"),
        ({"columns": None}, "columns: must be a whole number"),
        ({"tables": []}, "tables: must hold a table per agent"),
        ({"tables": {"a": [[0.0, 0.0]]}}, r"tables\.a: must hold 10 items, not 1"),
        ({"tables": {"a": [[0.0]] * 10}}, r"tables\.a\[0\]: must hold 2 items"),
        ({"tables": {"a": [[0.0, "x"]] * 10}}, r"tables\.a\[0\]: must be a finite number"),
    ],
)
def test_damaged_tables_are_refused_by_their_place(change: dict[str, Any], message: str) -> None:
    tabular = Tabular(TabularParameters(), 2, random.Random(0))
    with pytest.raises(ValueError, match=message):
        tabular.load({**tabular.parameters(), **change})
