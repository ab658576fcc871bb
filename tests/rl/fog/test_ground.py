"""Where nodes are and whom they reach."""

import random
from typing import Any

import pytest

from rl.fog.ground import Ground
from rl.fog.settings import FogSettings
from tests.rl.fog.fogs import plain

pytestmark = pytest.mark.unit

LINE: dict[str, Any] = {
    "topology": "manual",
    "neighbours": ((0, 1), (1, 0, 2), (2, 1)),
    "positions_meters": ((0.0, 0.0), (10.0, 0.0), (20.0, 0.0)),
}


def test_ways_have_the_fewest_links() -> None:
    ground = Ground(plain(3, **LINE), random.Random(1))

    assert ground.way(0, 2) == [0, 1, 2]
    assert ground.way(1, 1) == [1]
    assert ground.linked(0, 1) and not ground.linked(0, 2)


def test_clouds_reach_whoever_reaches_them() -> None:
    fog = plain(2, clouds=1, cloud_access=(True,), cloud_positions_meters=((300.0, 300.0),))
    ground = Ground(fog, random.Random(1))

    assert ground.neighbours == ((0, 1, 2), (1, 0, 2))
    assert ground.way(2, 0) == [2, 0]
    assert ground.linked(2, 1)


def test_nowhere_is_no_way() -> None:
    ground = Ground(plain(2, "random", radius_meters=0.0), random.Random(1))

    assert ground.way(0, 1) is None


def test_moving_changes_neighbours_and_delays() -> None:
    ground = Ground(
        plain(2, "random", radius_meters=15.0, positions_meters=((0.0, 0.0), (10.0, 0.0))),
        random.Random(1),
    )
    assert (ground.neighbours, ground.delay(0, 1, 38e6)) == (((0, 1), (1, 0)), 6)
    twin = Ground(ground._settings, random.Random(2))
    assert ground.same_links(twin)

    assert ground.move(((0.0, 0.0), (50.0, 0.0)))
    assert (ground.neighbours, ground.delay(0, 1, 38e6)) == (((0,), (1,)), 8)
    assert not ground.same_links(twin)
    assert not ground.move(((0.0, 0.0), (60.0, 0.0)))


def test_meters_are_those_of_now() -> None:
    ground = Ground(plain(3, **LINE), random.Random(1))
    assert ground.meters(1) == [0.0, 10.0, 10.0]
    ground.move(((0.0, 0.0), (10.0, 0.0), (13.0, 4.0)))
    assert ground.meters(1) == [0.0, 10.0, 5.0]


def test_power_is_drawn_per_node_and_in_compat_per_layer() -> None:
    documented, compat = (
        Ground(plain(4, frequency_variations=(1e6,), compat=each), random.Random(1)).power
        for each in (False, True)
    )

    assert len(set(documented)) == 4 and len(set(compat)) == 1
    assert all(3.6e7 <= each <= 4.4e7 for each in (*documented, *compat))
    assert Ground(plain(1, ticks_per_second=4), random.Random(1)).power == [10_000_000]


def test_links_are_alike_unless_their_channels_are_not() -> None:
    two = {"channels": ("wireless", "fibre"), "channels_between_layers": ((0, 1), (1, 0))}
    assert Ground(plain(2), random.Random(1)).alike
    assert Ground(FogSettings(**two), random.Random(1)).alike  # type: ignore[arg-type]
    two["channels_between_layers"] = ((0, 1), (0, 0))
    assert not Ground(FogSettings(**two), random.Random(1)).alike  # type: ignore[arg-type]


def test_seconds_are_by_the_documented_noise_in_both_modes() -> None:
    where: dict[str, Any] = {"positions_meters": ((0.0, 0.0), (100.0, 0.0))}
    for compat in (False, True):
        ground = Ground(plain(2, compat=compat, **where), random.Random(1))
        assert ground.seconds(0, 1, 38e6) == pytest.approx(8.9818, abs=1e-4)
        assert ground.seconds(0, 1, 38e6) == ground.seconds(1, 0, 38e6)
