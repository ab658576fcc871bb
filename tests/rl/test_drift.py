import random

import pytest

from rl.drift import SpeedScale

pytestmark = pytest.mark.unit


def noisy(level: float, samples: int, scale: SpeedScale, dice: random.Random) -> list[float]:
    return [scale.learn(level * dice.lognormvariate(-0.1, 0.45)) for _ in range(samples)]


def test_without_drift_it_stays_at_one() -> None:
    found = noisy(1.0, 2000, SpeedScale(), random.Random(1))

    assert sum(found[500:]) / 1500 == pytest.approx(1.0, abs=0.05)
    assert max(found) < 1.6


def test_a_jump_is_followed_within_a_few_dozen_samples() -> None:
    """Four times slower: the alarm opens the filter."""
    dice = random.Random(2)
    scale = SpeedScale()
    noisy(1.0, 300, scale, dice)
    before = SpeedScale()
    for _ in range(300):
        before.learn(1.0)
    up = noisy(4.0, 60, scale, dice)

    assert up[0] < 1.5
    assert up[-1] > 2.0


def test_it_comes_back() -> None:
    dice = random.Random(3)
    scale = SpeedScale()
    noisy(1.0, 300, scale, dice)
    noisy(4.0, 200, scale, dice)
    noisy(1.0, 400, scale, dice)

    assert scale.scale == pytest.approx(1.0, abs=0.35)


def test_one_stuck_request_is_no_trend() -> None:
    scale = SpeedScale()
    for _ in range(200):
        scale.learn(1.0)
    scale.learn(1e9)

    assert scale.scale < 1.2


def test_it_jumps_to_what_is_better_only() -> None:
    scale = SpeedScale()
    for _ in range(200):
        scale.learn(1.0)
    scale.jump(3.0)
    assert scale.scale == pytest.approx(1.0)
    scale.jump(0.2)
    assert scale.scale == pytest.approx(0.6)
    assert scale.learn(0.2) < 0.59
