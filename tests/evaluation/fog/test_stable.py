"""Stable-Baselines3 with masks; needs it and PyTorch."""

import numpy as np
import pytest

from rl.fog import features, scorer
from rl.fog.features import Mask
from rl.fog.observing import Floats
from rl.fog.rows import Rows
from tests.rl.fog.fogs import plain

torch = pytest.importorskip("torch")
pytest.importorskip("stable_baselines3")
from evaluation.fog import stable  # noqa: E402  # it imports both

pytestmark = pytest.mark.unit
torch.set_num_threads(1)


def rows(ends: int = 40) -> Rows:
    return Rows(plain(3, "ring", rate=0.9, duration_seconds=ends), "documented", 2, first_seed=1)


def ignore(step: int, rewards: Floats, deciding: Mask) -> None:
    """Nothing is noted."""


@pytest.mark.parametrize("name", stable.names())
def test_learns_and_is_served_by_the_scorer(name: str) -> None:
    """What the library's own policy chooses is what the served weights score best."""
    steps = []

    def note(step: int, rewards: Floats, deciding: Mask) -> None:
        steps.append(step)
        assert rewards.shape == deciding.shape == (6,)

    made = stable.Stable(name, rows(), 64, 1, note)
    before = made.weights
    made.learn()
    assert steps == list(range(1, 65))
    after = made.weights
    assert any((before[each] != after[each]).any() for each in before)

    seen = rows().seen
    seen[:, 1, 0] = 0.0
    best = scorer.scores(after, seen).argmax(axis=1)
    chosen, _ = made._model.policy.predict(seen, deterministic=True)
    assert chosen.tolist() == best.tolist()


def test_rows_end_by_truncation_and_show_what_was_seen_last() -> None:
    env = stable.RowsEnv(rows(3), ignore)
    env.reset()
    for _ in range(2):
        env.step_async(np.zeros(6))
        seen, _, over, infos = env.step_wait()
    assert over.all()
    assert all(each["TimeLimit.truncated"] for each in infos)
    assert infos[0]["terminal_observation"].shape == seen[0].shape
    assert env.get_attr("render_mode") == [None] * 6
    assert env.env_is_wrapped(object) == [False] * 6
    with pytest.raises(NotImplementedError):
        env.env_method("nothing")
    env.close()


def test_who_has_nothing_to_decide_sees_the_own_node_alone() -> None:
    seen = np.ones((2, 3, features.WIDTH), np.float32)
    found = stable.shown(seen, np.array([True, False]))
    assert found[0].all()
    assert found[1, 0].all() and not found[1, 1:].any()
    assert seen.all()


def test_exploration_stays_within_the_mask() -> None:
    made = stable.Stable("dqn", rows(), 10, 1, ignore)
    made._model.exploration_rate = 1.0
    seen = np.ones((200, 3, features.WIDTH), np.float32)
    seen[:, 1] = 0.0
    chosen, _ = made._model.predict(seen)
    assert set(chosen.tolist()) == {0, 2}


def test_other_names_are_refused() -> None:
    with pytest.raises(ValueError, match="neither ppo nor dqn"):
        stable.Stable("a2c", rows(), 10, 1, ignore)
