"""Agents of several fogs as rows."""

import numpy as np
import pytest

from rl.fog import features
from rl.fog.env import FogEnv
from rl.fog.rows import Rows
from tests.rl.fog.fogs import SMALL, TWELVE, plain

pytestmark = pytest.mark.unit


def test_rows_are_the_agents_of_single_fogs() -> None:
    """The same seeds, seen and paid the same."""
    settings = plain(3, rate=0.9)
    rows = Rows(settings, "documented", 2, first_seed=7)
    envs = [FogEnv(settings), FogEnv(settings)]
    seen = [env.reset(seed=7 + number)[0] for number, env in enumerate(envs)]
    dice = np.random.default_rng(1)
    for _ in range(20):
        indexes = dice.integers(0, rows.columns, rows.size)
        rewards, last = rows.step(indexes)
        assert last is None
        expected: list[float] = []
        for number, env in enumerate(envs):
            own = indexes[number * 3 : number * 3 + 3].tolist()
            seen[number], paid, _, _, _ = env.step(dict(zip(env.agents, own, strict=True)))
            expected += paid.values()
        np.testing.assert_allclose(rewards, expected, rtol=1e-6)
    loads = [each["Q"] for one in seen for each in one.values()]
    np.testing.assert_allclose(rows.seen[:, :, features.NAMES.index("load")], loads)


def test_the_next_episode_begins_with_the_next_seeds() -> None:
    settings = plain(2, rate=0.9, duration_seconds=4)
    rows = Rows(settings, "sparse", 2, first_seed=1)
    ends = []
    for _ in range(6):
        before = rows.seen
        _, last = rows.step(np.zeros(4, np.int64))
        ends.append(last is not None)
        assert before is not rows.seen
    assert ends == [False, False, True, False, False, True]
    assert rows.episodes == 4
    again = Rows(settings, "sparse", 2, first_seed=3)
    for _ in range(3):
        again.step(np.zeros(4, np.int64))
    np.testing.assert_array_equal(rows.seen, again.seen)


def test_waiting_says_who_has_to_decide() -> None:
    rows = Rows(plain(3, rate=0.5), "documented", 1, first_seed=2)
    for _ in range(10):
        rows.step(np.zeros(3, np.int64))
        for row, agent in enumerate(rows._envs[0].agents):
            node = int(agent.removeprefix("worker_"))
            waiting = rows._envs[0].world.nodes.undecided(node) is not None
            assert waiting == bool(rows.waiting[row])


def test_batch_actions_send_one_task() -> None:
    rows = Rows(
        plain(3, actions="batch", rate=1.5, task_types=(SMALL,)), "documented", 1, first_seed=1
    )
    assert rows.columns == 3
    for _ in range(10):
        waiting = rows.waiting.sum()
        rows.step(np.ones(3, np.int64))
        assert sum(rows._envs[0].world.tallies.sent) <= 30 and waiting <= 3
    assert sum(rows._envs[0].world.tallies.sent) > 0


@pytest.mark.parametrize("fog", ["default", "dag", "moving"])
def test_whatever_fog(fog: str) -> None:
    rows = Rows(TWELVE[fog], "documented", 2, first_seed=1)
    for _ in range(5):
        rewards, _ = rows.step(np.zeros(rows.size, np.int64))
        assert np.isfinite(rewards).all()
