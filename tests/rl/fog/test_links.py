"""How long messages take."""

import math
import random

import pytest

from rl.fog.links import Links, capacity, noise_dbm, wireless_snr_db
from rl.fog.settings import FogSettings
from rl.fog.topologies import layout
from rl.fog.views import REPORT_BYTES

pytestmark = pytest.mark.unit

TASK = 38e6
LINE = "0,0;1,0;10,0;50,0;100,0;0,0"


def links(**keys: object) -> Links:
    settings = FogSettings.from_keys(
        {"SIZE": 6, "NO_LAYERS": 1, "CLOUD_EXISTS": 0, "init.Net0.POSITIONS": LINE, **keys}
    )
    return Links(settings, layout(settings, random.Random(1)))


@pytest.mark.parametrize(
    ("compat", "seconds", "ticks"),
    [
        (False, [5.03, 6.45, 8.03, 8.98], [5, 6, 8, 9]),
        (True, [6.62, 9.31, 13.02, 15.71], [7, 9, 13, 16]),
    ],
)
def test_a_task_takes_as_long_as_noise_allows(
    compat: bool, seconds: list[float], ticks: list[int]
) -> None:
    """38 MB over 1, 10, 50 and 100 m: noise by bandwidth, or in compat by the message's bits."""
    made = links(compat=compat)
    found = [made.seconds(0, node, TASK) for node in (1, 2, 3, 4)]
    assert found == pytest.approx(seconds, abs=0.006)
    assert [made.ticks(0, node, TASK) for node in (1, 2, 3, 4)] == ticks


@pytest.mark.parametrize("compat", [False, True])
def test_fibre_does_not_mind_the_distance(compat: bool) -> None:
    made = links(compat=compat, **{"protocol.urt.channelTypes": "OpticalFiberSNR"})
    assert made.seconds(0, 1, TASK) == pytest.approx(10.168, abs=1e-3)
    assert [made.ticks(0, node, TASK) for node in (1, 4)] == [10, 10]


@pytest.mark.parametrize("compat", [False, True])
def test_self_same_place_and_state_messages_take_one_tick(compat: bool) -> None:
    made = links(compat=compat)
    assert made.ticks(2, 2, TASK) == 1
    assert made.ticks(0, 5, TASK) == 1
    assert made.ticks(0, 4, REPORT_BYTES) == 1
    assert made.ticks(0, 4, 0.0) == 1


def test_finer_ticks_are_rounded_late_but_in_compat_early() -> None:
    assert links(SCALE=10).ticks(0, 2, TASK) == 64
    assert links(SCALE=10, compat=True).ticks(0, 2, TASK) == 90
    assert links(SCALE=10, compat=True).ticks(0, 2, REPORT_BYTES) == 1


def test_each_pair_of_layers_has_its_channel() -> None:
    made = links(
        **{
            "NO_LAYERS": 2,
            "NO_NODES_PER_LAYERS": "3,3",
            "protocol.urt.channelTypes": "WirelessSNR;OpticalFiberSNR",
            "protocol.urt.channelTypesBetweenLayers": "0,1;1,0",
        }
    )
    assert made.ticks(0, 2, TASK) == 6
    assert made.ticks(0, 3, TASK) == 10


def test_what_would_never_arrive_has_a_bound() -> None:
    made = links(CYCLES=10, **{"protocol.props.P_ti": -900})
    assert made.ticks(0, 4, TASK) == 100


def test_formulas() -> None:
    """Friis at 10 m and 2.4 GHz loses 60 dB; 111 dBm of noise over 2 MHz."""
    assert noise_dbm(2e6) == pytest.approx(-110.99, abs=0.01)
    assert wireless_snr_db(10.0, 20.0, noise_dbm(2e6)) == pytest.approx(70.94, abs=0.01)
    assert capacity(2e6, 0.0) == pytest.approx(2e6)
    assert capacity(1.0, 199.9) == pytest.approx(capacity(1.0, 200.1), rel=2e-3)
    assert math.isfinite(capacity(1.0, 1e6))
