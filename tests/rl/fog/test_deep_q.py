"""Deep Q-learning with masks; needs PyTorch."""

import numpy as np
import pytest

from rl.fog import features, scorer
from rl.fog.features import Mask
from rl.fog.observing import Floats
from rl.fog.rows import Rows
from tests.rl.fog.fogs import plain

torch = pytest.importorskip("torch")
from rl.fog import deep_q  # noqa: E402  # it imports torch

pytestmark = pytest.mark.unit
torch.set_num_threads(1)

SMALL = deep_q.DeepQParameters(hidden=8, batch=16, memory=100, first=10)


def drawn(rows: int = 4, columns: int = 3) -> Floats:
    seen = np.random.default_rng(2).random((rows, columns, features.WIDTH)).astype(np.float32)
    seen[:, :, 0] = 1.0
    return seen


def ignore(step: int, rewards: Floats, deciding: Mask) -> None:
    """Nothing is noted."""


def test_tensors_are_scored_as_arrays_are() -> None:
    weights = scorer.drawn(np.random.default_rng(1), 8)
    seen = drawn()
    seen[1, 2] = 0.0
    found = deep_q.score(
        {name: torch.tensor(each) for name, each in weights.items()}, torch.tensor(seen)
    )
    np.testing.assert_allclose(found.numpy(), scorer.scores(weights, seen), rtol=1e-4, atol=1e-6)


def test_only_what_is_allowed_is_tried() -> None:
    learner = deep_q.DeepQ(SMALL, np.random.default_rng(1))
    seen = drawn(200, 4)
    seen[:, 1] = 0.0
    for explore in (0.0, 1.0):
        chosen = learner.select(seen, explore)
        assert set(chosen.tolist()) <= {0, 2, 3}
    assert set(learner.select(seen, 1.0).tolist()) == {0, 2, 3}


def test_learns_what_a_choice_is_worth() -> None:
    """A bandit: the first feature that tells two neighbours apart decides the reward."""
    learner = deep_q.DeepQ(
        deep_q.DeepQParameters(hidden=8, batch=32, learning_rate=1e-2), np.random.default_rng(1)
    )
    memory = deep_q.Memory(64, 2)
    dice = np.random.default_rng(3)
    for _ in range(64):
        seen = drawn(1, 2)[0]
        seen[:, 2] = dice.random(2)
        index = int(dice.integers(2))
        memory.add(seen, index, float(seen[index, 2]), 0.0, seen)
    losses = [learner.update(memory) for _ in range(300)]
    assert np.mean(losses[-20:]) < 0.1 * np.mean(losses[:20])
    seen = drawn(1, 2)
    seen[0, :, 2] = (0.9, 0.1)
    assert learner.select(seen, 0.0).tolist() == [0]
    assert learner.updates == 300


def test_adam_steps_by_its_paper() -> None:
    """Down the sum of squares, against the algorithm as printed."""
    own = torch.tensor([1.0, -2.0], requires_grad=True)
    adam = deep_q.Adam({"w": own}, 0.1)
    at = np.array([1.0, -2.0])
    mean, square = np.zeros(2), np.zeros(2)
    for step in range(1, 6):
        (own**2).sum().backward()
        adam.step()
        mean = 0.9 * mean + 0.1 * 2 * at
        square = 0.999 * square + 0.001 * (2 * at) ** 2
        at = at - 0.1 * (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.999**step)) + 1e-8)
    np.testing.assert_allclose(own.detach().numpy(), at, rtol=1e-4)
    assert own.grad is None


def test_memory_forgets_the_oldest() -> None:
    memory = deep_q.Memory(3, 2)
    for reward in range(5):
        memory.add(drawn(1, 2)[0], 0, reward, 0.5, drawn(1, 2)[0])
    assert memory.count == 3
    assert sorted(memory.reward.tolist()) == [2, 3, 4]


def test_same_dice_same_weights_and_the_watcher_can_end_it() -> None:

    def learned() -> scorer.Weights:
        rows = Rows(plain(2, rate=0.9, duration_seconds=40), "documented", 2, first_seed=1)
        learner = deep_q.DeepQ(SMALL, np.random.default_rng(5))
        deep_q.learn(learner, rows, 60, ignore)
        assert learner.updates > 10
        return learner.weights

    first, second = learned(), learned()
    for name, each in first.items():
        np.testing.assert_array_equal(each, second[name])

    def stop(step: int, rewards: Floats, deciding: Mask) -> None:
        if step == 3:
            raise KeyboardInterrupt

    rows = Rows(plain(2), "documented", 1, first_seed=1)
    with pytest.raises(KeyboardInterrupt):
        deep_q.learn(deep_q.DeepQ(SMALL, np.random.default_rng(5)), rows, 60, stop)
