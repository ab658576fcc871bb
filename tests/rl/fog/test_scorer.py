"""The network that scores neighbours."""

import json
from typing import Any

import numpy as np
import pytest

from rl.fog import features, scorer
from rl.fog.env import FogEnv
from tests.rl.fog.fogs import TWELVE
from tests.rl.fog.seen import observation

pytestmark = pytest.mark.unit


def weights(seed: int = 1, hidden: int = 8) -> scorer.Weights:
    made = scorer.drawn(np.random.default_rng(seed), hidden)
    made["score"] *= 100  # far enough apart to be told
    return made


def drawn(rows: int, columns: int) -> np.ndarray:
    seen = np.random.default_rng(2).random((rows, columns, features.WIDTH)).astype(np.float32)
    seen[:, :, 0] = 1.0
    return seen


def test_scores_follow_their_neighbours() -> None:
    """Listed in another order they are scored the same."""
    seen, order = drawn(3, 5), [0, 3, 1, 4, 2]
    found = scorer.scores(weights(), seen)
    assert found.shape == (3, 5)
    np.testing.assert_allclose(scorer.scores(weights(), seen[:, order]), found[:, order], rtol=1e-5)


def test_fillers_change_nothing_and_are_never_chosen() -> None:
    seen = drawn(2, 3)
    filled = np.concatenate([seen, np.zeros((2, 4, features.WIDTH), np.float32)], axis=1)
    found = scorer.scores(weights(), filled)
    np.testing.assert_allclose(found[:, :3], scorer.scores(weights(), seen), rtol=1e-5)
    assert (found[:, 3:] == np.float32(scorer.NEVER)).all()
    dice = np.random.default_rng(0)
    assert all(scorer.chosen(found, dice).max() < 3 for _ in range(50))


def test_draws_are_as_likely_as_the_softmax_says() -> None:
    found = np.log(np.array([[1.0, 2.0, 5.0]], np.float32)).repeat(4000, axis=0)
    counts = np.bincount(scorer.chosen(found, np.random.default_rng(3)), minlength=3) / 4000
    assert counts.tolist() == pytest.approx([0.125, 0.25, 0.625], abs=0.03)
    assert scorer.chosen(found[:1], None).tolist() == [2]


def test_weights_come_back_from_json() -> None:
    made = weights()
    back = scorer.of_data(json.loads(json.dumps(scorer.as_data(made))))
    for name, array in made.items():
        np.testing.assert_array_equal(array, back[name])


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("version", 99, "version: must be 1, not 99"),
        ("hidden", 9, "arrays.read: must have the shape"),
        ("hidden", 0, "hidden: must be 1 to 1024"),
        ("hidden", "x", "hidden: must be a whole number"),
        ("arrays", {}, "arrays.read: is missing"),
        ("arrays", [], "arrays: must hold keys and values"),
    ],
)
def test_damaged_weights_are_refused_by_their_place(key: str, value: Any, message: str) -> None:
    data = scorer.as_data(weights())
    data[key] = value
    with pytest.raises(ValueError, match=message):
        scorer.of_data(data)


@pytest.mark.parametrize(
    ("value", "message"), [("x", "must hold numbers"), (float("nan"), "must be finite")]
)
def test_arrays_hold_finite_numbers(value: Any, message: str) -> None:
    data: Any = scorer.as_data(weights())
    data["arrays"]["bias"][0] = value
    with pytest.raises(ValueError, match=rf"arrays\.bias: {message}"):
        scorer.of_data(data)


@pytest.mark.parametrize("fog", ["default", "fifty", "batch", "failing"])
def test_plays_any_fog_within_the_mask(fog: str) -> None:
    env = FogEnv(TWELVE[fog])
    player = scorer.Scored(weights(), np.random.default_rng(1))
    observations, _ = env.reset(seed=3)
    for _ in range(20):
        actions = {agent: player(agent, observations[agent]) for agent in env.agents}
        for agent, action in actions.items():
            assert observations[agent]["action_mask"][action] == 1
        observations = env.step(actions)[0]


def test_stays_where_there_is_nothing_to_decide() -> None:
    player = scorer.Scored(weights())
    assert player("a", observation(task=(0, 0, 0))) == 0
