import random

import pytest

from rl.marginal_cost.drift import SpeedScale

pytestmark = pytest.mark.unit


def noisy(level: float, samples: int, scale: SpeedScale, dice: random.Random) -> list[float]:
    return [scale.learn(level * dice.lognormvariate(-0.1, 0.45)) for _ in range(samples)]


def test_without_change_it_rests() -> None:
    """What varies by chance does not make it vary."""
    assert {1.0} == set(noisy(1.0, 2000, SpeedScale(), random.Random(1)))


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


def test_it_jumps_back_but_not_below_usual() -> None:
    scale = SpeedScale()
    scale.scale = 3.0
    scale.jump(4.0)
    assert 3.0 == scale.scale
    scale.jump(0.2)
    assert scale.scale == pytest.approx(2.0)
    assert scale.learn(1.0) < 2.0
    scale.scale = 1.0
    scale.jump(0.2)
    assert 1.0 == scale.scale


def test_another_usual_leaves_the_product_as_it_is() -> None:
    scale = SpeedScale()
    scale.scale, scale.noise, scale.variance = 4.0, 0.8, 0.16
    scale.renormalise(2.0)

    assert (2.0, 0.2, 0.04) == pytest.approx((scale.scale, scale.noise, scale.variance))
