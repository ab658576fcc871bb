"""What agents see."""

from typing import Any

import numpy as np
import pytest

from rl.fog.observing import Sight, batch_width, space, state_space, width
from rl.fog.settings import FogSettings
from rl.fog.world import World
from tests.rl.fog.fogs import application, plain

pytestmark = pytest.mark.unit

LINE: dict[str, Any] = {
    "topology": "manual",
    "neighbours": ((0, 1), (1, 0, 2), (2, 1)),
    "positions_meters": ((0.0, 0.0), (10.0, 0.0), (110.0, 0.0)),
    "per_node": True,
    "node_cores": (1, 2, 3),
    "node_instructions_per_core_second": (1e7, 1e7, 1e7),
    "node_queue_limits": (5, 10, 20),
}


def seen(fog: FogSettings, *loads: int) -> tuple[World, list[dict[str, Any]], list[list[int]]]:
    world = World(fog, 1)
    for node, load in enumerate(loads):
        if load:
            world._lives.accept(application(load, node, 6e7, 19e6))
    world.views.announce(world.nodes.load, world.nodes.up, 0)
    observations, believed = Sight(world, width(fog)).look()
    for each in observations:
        assert space(fog, width(fog)).contains(each)
    return world, observations, believed.tolist()


def test_a_row_per_agent_and_a_column_per_neighbour() -> None:
    fog = plain(3, rate=0.0, **LINE)
    _, (first, second, _), believed = seen(fog, 1, 5, 8)

    assert width(fog) == 3
    assert believed == [[1, 5, 0], [5, 1, 8], [8, 5, 0]]
    assert [first["nodeId"], second["nodeId"]] == [0, 1]
    assert first["queueSize"] == np.float32(0.2)
    assert first["processingPower"] == np.float32(0.5)
    assert first["numberOfNeighbours"] == 2
    assert first["Q"].tolist() == pytest.approx([0.2, 0.5, -1.0])
    assert first["freeSpaces"].tolist() == pytest.approx([0.8, 0.5, -1.0])
    assert first["neighbourPower"].tolist() == [0.5, 1.0, 0.0]
    assert first["neighbourDelay"].tolist() == [1.0, 6.0, 0.0]
    assert first["nextTask"].tolist() == [1.0, 6.0, 0.5]
    assert first["action_mask"].tolist() == [1, 1, 0]
    assert second["Q"].tolist() == pytest.approx([0.5, 0.2, 0.4])
    assert second["neighbourDelay"].tolist() == [1.0, 6.0, 9.0]


def test_the_own_load_is_true_and_others_are_as_last_told() -> None:
    fog = plain(2, rate=0.0)
    world, _, _ = seen(fog, 2, 3)
    world._lives.accept(application(4, 0))
    world._lives.accept(application(4, 1))

    assert Sight(world, 2).look()[1].tolist() == [[6, 3], [7, 2]]


def test_never_to_a_longer_queue_is_a_mask() -> None:
    fog = plain(3, rate=0.0, never_to_longer_queue=True)
    _, observations, _ = seen(fog, 2, 3, 0)

    assert [each["action_mask"].tolist() for each in observations] == [
        [1, 0, 1],
        [1, 1, 1],
        [1, 0, 0],
    ]


def test_who_is_down_cannot_be_chosen_but_there_is_always_something_to_do() -> None:
    fog = plain(2, rate=0.0)
    world, _, _ = seen(fog)
    world._lives.fail(1)

    assert [each["action_mask"].tolist() for each in Sight(world, 2).look()[0]] == [[1, 0], [1, 1]]


def test_batch_masks_repeat_for_each_count() -> None:
    fog = plain(3, rate=0.0, actions="batch", **(LINE | {"node_queue_limits": (2, 1, 1)}))
    _, observations, _ = seen(fog)

    assert batch_width(fog) == 2
    assert observations[0]["action_mask"].tolist() == [1, 1, 1, 1, 0, 0]


def test_clouds_show_no_load_and_their_machines_power() -> None:
    fog = plain(
        2,
        rate=0.0,
        clouds=1,
        cloud_access=(True,),
        cloud_positions_meters=((0.0, 0.0),),
        cloud_instructions_per_second=8e7,
    )
    world, (first, _), _ = seen(fog)

    assert first["Q"].tolist() == [0.0, 0.0, 0.0]
    assert first["freeSpaces"].tolist() == [1.0, 1.0, 1.0]
    assert first["neighbourPower"].tolist() == [1.0, 1.0, 2.0]
    assert world.settings.nodes == 2


def test_the_state_is_the_truth() -> None:
    fog = plain(2, rate=0.0, clouds=1, cloud_access=(True,), cloud_positions_meters=((0.0, 0.0),))
    world, _, _ = seen(fog, 5, 0)
    world._lives.fail(1)
    state = Sight(world, 3).state()

    assert state.tolist() == [0.5, 0.0, 1.0, 1.0, 1.0, 0.0, 0.0]
    assert state_space(fog).contains(state)


def test_random_links_leave_room_for_all() -> None:
    assert width(FogSettings()) == 7
