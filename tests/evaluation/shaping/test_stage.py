"""Stages for the environment."""

import pytest

from evaluation.shaping.cast import ShapedCast
from evaluation.shaping.scenario import TUNED
from evaluation.shaping.stage import CastStage
from rl.shaping.settings import Setting
from tests.evaluation.shaping.made import SHORT

pytestmark = pytest.mark.unit


def test_a_setting_is_in_force_once_the_client_is_there() -> None:
    cast = ShapedCast(SHORT, TUNED, 1)
    stage = CastStage(cast)
    wanted = Setting(20.0, 3e6, urgency=6)
    stage.hold("bulk", wanted)
    assert cast.shaper.clients.get("bulk") is None
    readings = stage.play(2.0)
    assert readings["bulk"].others_completed > 0
    stage.hold("bulk", wanted)
    client = cast.shaper.clients.get("bulk")
    assert client is not None and (20.0, 3e6) == (
        client.rule.requests_per_second,
        client.rule.download_bytes_per_second,
    )
    assert 8.0 == stage.setting("bulk").requests_per_second
    assert stage.now == cast.world.kernel.now
