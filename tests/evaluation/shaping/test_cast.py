"""The production parts in front of simulated backends."""

import pytest

from evaluation.shaping.cast import ShapedCast, dice_of
from evaluation.shaping.scenario import TUNED
from load_balancer.shaping.fair_queue import FairQueue
from load_balancer.waiting import WaitingQueue
from tests.evaluation.shaping.made import SHORT

pytestmark = pytest.mark.unit


def test_without_rules_nobody_is_held() -> None:
    cast = ShapedCast(SHORT, None, 1)
    cast.world.run_until(4.0)
    assert 0 == len(cast.shaper.clients) and type(cast._queue) is WaitingQueue
    assert 0.0 == cast.pressure()


def test_with_rules_everybody_is() -> None:
    cast = ShapedCast(SHORT, TUNED, 1, keep=True)
    cast.world.run_until(4.0)
    assert {"interactive", "batch", "bulk"} == {each.name for each in cast.shaper.clients}
    assert isinstance(cast._queue, FairQueue)
    assert cast.ended and cast.readings()["interactive"].completed > 0


def test_dice_are_for_a_purpose_and_a_seed() -> None:
    assert dice_of(1, "a").random() == dice_of(1, "a").random() != dice_of(2, "a").random()
