"""Where nodes stand, and who is linked to whom."""

import math
import random
from collections import Counter
from typing import Any

import pytest

from rl.fog.settings import FogSettings
from rl.fog.topologies import Layout, channel, clusters, layout

pytestmark = pytest.mark.unit


def made(**keys: Any) -> Layout:
    return layout(FogSettings.from_keys(keys), random.Random(1))


@pytest.mark.parametrize("topology", ["random", "manual", "grid", "ring", "full", "bridged"])
@pytest.mark.parametrize("nodes", [1, 2, 3, 6, 10])
@pytest.mark.parametrize("compat", [False, True])
def test_laws_of_every_topology(topology: str, nodes: int, compat: bool) -> None:
    """Itself first, links both ways and once, clouds last, positions in the area."""
    found = made(SIZE=nodes, topology=topology, CLOUD_EXISTS=2, compat=compat)
    assert len(found.positions) == len(found.layers) == nodes + 2
    assert all(0 <= x <= 100 and 0 <= y <= 100 for x, y in found.positions[:nodes])
    for node, row in enumerate(found.neighbours):
        assert row[0] == node
        assert len(set(row)) == len(row)
        workers = [each for each in row if each < nodes]
        assert list(row[: len(workers)]) == workers
        assert all(node in found.neighbours[each] for each in workers)


def test_radius_links_near_nodes_of_adjacent_layers() -> None:
    keys = {"NO_NODES_PER_LAYERS": "2,1,1", "init.Net0.POSITIONS": "0,0;30,0;0,10;0,20"}
    found = made(**keys, **{"init.Net1.r": 25, "CLOUD_EXISTS": 0})
    assert found.neighbours == ((0, 2), (1,), (2, 0, 3), (3, 2))


def test_radius_itself_is_too_far() -> None:
    found = made(SIZE=2, **{"init.Net0.POSITIONS": "0,0;25,0", "init.Net1.r": 25})
    assert found.neighbours[0] == (0,)


def test_dice_place_nodes_and_one_seed_is_one_layout() -> None:
    settings = FogSettings()
    one, again, other = (layout(settings, random.Random(seed)) for seed in (1, 1, 2))
    assert one == again != other


def test_grid_links_right_and_down() -> None:
    found = made(SIZE=5, NO_LAYERS=1, topology="grid")
    assert found.neighbours == ((0, 1, 3), (1, 0, 2, 4), (2, 1), (3, 0, 4), (4, 1, 3))


def test_ring_and_full() -> None:
    assert made(SIZE=4, NO_LAYERS=1, topology="ring").neighbours[0] == (0, 1, 3)
    assert made(SIZE=4, NO_LAYERS=1, topology="full").neighbours[2] == (2, 0, 1, 3)


def test_bridged_clusters_are_full_within_and_joined_by_one_link_each() -> None:
    found = made(SIZE=15, NO_LAYERS=1, topology="bridged", CLOUD_EXISTS=0)
    groups = clusters(15)
    assert [len(each) for each in groups] == [5, 5, 5]
    between: Counter[tuple[int, int]] = Counter()
    where = {node: number for number, group in enumerate(groups) for node in group}
    for node, row in enumerate(found.neighbours):
        for other in row[1:]:
            between[where[node], where[other]] += 1
    assert between == {(a, b): 20 if a == b else 1 for a in range(3) for b in range(3)}


def test_manual_rows_forget_nothing() -> None:
    """A link that one row names holds for both."""
    rows = "0,2;1,2,0;2"
    assert made(SIZE=3, **{"init.Net1.TOPOLOGY": rows}).neighbours[:2] == ((0, 2, 1), (1, 2, 0))


def test_manual_rows_in_compat_come_in_the_order_of_naming() -> None:
    rows = "0,2,1;1,2,0;2,1,0"
    found = made(SIZE=3, CLOUD_EXISTS=0, compat=True, **{"init.Net1.TOPOLOGY": rows})
    assert found.neighbours == ((0, 2, 1), (1, 0, 2), (2, 0, 1))


def test_clouds_are_reached_by_layer() -> None:
    found = made(NO_NODES_PER_LAYERS="2,1", CLOUD_ACCESS="0,1", CLOUD_EXISTS=2)
    assert [max(row) for row in found.neighbours] == [2, 2, 4]
    assert found.positions[3:] == ((300.0, 300.0), (400.0, 300.0))
    assert found.layers == (0, 0, 1, 2, 2)


def test_no_channel_is_no_link() -> None:
    keys = {
        "NO_NODES_PER_LAYERS": "2,1",
        "protocol.urt.channelTypesBetweenLayers": "0,-1,-1;-1,0,0;-1,0,0",
        "CLOUD_ACCESS": "1,1",
    }
    assert made(**keys).neighbours == ((0, 1), (1, 0), (2, 3))


def test_channel_table_without_a_row_for_clouds_counts_them_as_the_last_layer() -> None:
    table = {"protocol.urt.channelTypesBetweenLayers": "0,1;1,0"}
    kinds = {"protocol.urt.channelTypes": "wireless;fibre"}
    settings = FogSettings.from_keys({**table, **kinds})
    assert [channel(settings, 0, layer) for layer in (0, 1, 2)] == [0, 1, 1]
    compat = FogSettings.from_keys({**table, **kinds, "compat": True})
    assert channel(compat, 0, 1) == 0


def test_patterns_keep_their_shape() -> None:
    """All of a ring are as far from its centre, and neighbours as far from each other."""
    places = made(SIZE=8, NO_LAYERS=1, topology="ring").positions[:8]
    assert len({round(math.dist(each, (50, 50)), 6) for each in places}) == 1
    assert len({round(math.dist(places[i], places[i - 1]), 6) for i in range(8)}) == 1
