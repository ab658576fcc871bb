"""What deep learners are shown."""

import numpy as np
import pytest

from rl.fog import features
from rl.fog.env import FogEnv
from tests.rl.fog.fogs import TWELVE
from tests.rl.fog.seen import observation

pytestmark = pytest.mark.unit


def row(seen: np.ndarray, index: int) -> dict[str, float]:
    return dict(zip(features.NAMES, seen[0, index].tolist(), strict=True))


def test_neighbours_are_described_relative_to_the_agent() -> None:
    made = observation((0.2, 0.0, 0.4), (2.0, 2.0, 6.0), (1.0, 2.0, 5.0), (1.0, 3.0, 1.0))
    seen = features.encode([made], np.array([[0.0, 0.0, 3.0]], np.float32))
    own, last = row(seen, 0), row(seen, 2)
    assert seen.shape == (1, 3, features.WIDTH)
    assert (own["used"], own["self"], own["power"], own["waiting"]) == (1, 1, 0.5, 1)
    assert last["self"] == 0
    assert last["load"] == pytest.approx(0.4)
    assert last["own load"] == pytest.approx(0.2)
    assert last["power"] == pytest.approx(0.75)  # three times the own
    assert last["delay"] == pytest.approx(0.5)  # five ticks
    assert last["work"] == pytest.approx(1 / 3)  # one tick
    assert last["on the way"] == pytest.approx(0.75)


def test_what_may_not_be_chosen_is_all_zero() -> None:
    made = observation((0.2, 0.5, -1.0), mask=(1, 0, 0))
    seen = features.encode([made], np.zeros((1, 3), np.float32))
    assert not seen[0, 1:].any()


def test_mask_of_batch_actions_is_by_neighbour() -> None:
    made = observation(mask=(1, 0, 1), batch=4)
    assert features.mask_of(made).tolist() == [True, False, True]


@pytest.mark.parametrize("fog", TWELVE)
def test_features_lie_between_zero_and_one(fog: str) -> None:
    env = FogEnv(TWELVE[fog])
    observations, _ = env.reset(seed=2)
    sent = features.Sent(len(env.agents), len(next(iter(observations.values()))["Q"]))
    for _ in range(8):
        made = list(observations.values())
        seen = features.encode(made, sent.counts)
        assert seen.dtype == np.float32
        assert np.isfinite(seen).all()
        assert seen.min() >= 0 and seen.max() <= 1
        actions = {}
        for place, agent in enumerate(env.agents):
            actions[agent] = int(np.flatnonzero(observations[agent]["action_mask"])[-1])
            sent.note(place, observations[agent], actions[agent] // env.batch_width)
        observations = env.step(actions)[0]


def test_tasks_on_their_way_fade_as_fast_as_they_arrive() -> None:
    sent, made = features.Sent(2, 3), observation(delays=(1.0, 2.0, 6.0))
    sent.note(0, made, 2)
    assert sent.counts[0].tolist() == pytest.approx([0, 0, 7 / 8])
    sent.note(0, made, 0)
    assert sent.counts[0, 2] == pytest.approx(49 / 64)
    sent.note(0, observation(delays=(1.0, 2.0, 6.0), task=(0, 0, 0)), 1)
    assert sent.counts[0, 1] == 0  # there was no task to send
    assert not sent.counts[1].any()
    sent.begin(0)
    assert not sent.counts.any()
