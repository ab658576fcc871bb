"""What the agents of many runs see; that it is the single one's is shown in test_vector."""

import numpy as np
import pytest

from rl.fog.streams import Integers
from rl.fog.vector_ground import Grounds
from rl.fog.vector_sight import VectorSight
from rl.fog.vector_world import VectorWorld
from tests.rl.fog.fogs import plain

pytestmark = pytest.mark.unit

FOG = plain(3, neighbours=((0, 1), (1, 0, 2), (2, 1)), topology="manual", agents=(2, 1))


def begun(**more: object) -> tuple[VectorWorld, VectorSight]:
    fog = plain(**{"nodes": 3, "topology": "full", **more}) if more else FOG  # type: ignore[arg-type]
    grounds = Grounds(fog, (1, 2), 0, 3)
    return VectorWorld(fog, grounds, (1, 2), 0), VectorSight(fog, grounds)


def integers(*values: int) -> Integers:
    return np.array(values, dtype=np.int64)


def test_columns_are_the_neighbours_own_node_first() -> None:
    world, sight = begun()
    world.load[:] = integers(1, 2, 3, 0, 4, 5, 6, 0)
    world.shown[:] = integers(7, 8, 9, 0, 10, 1, 0, 0)
    seen = sight.look(world)

    assert sight.places.tolist() == [2, 1, 6, 5]
    assert seen["nodeId"].tolist() == [[2, 1], [2, 1]]
    assert np.allclose(seen["Q"][0], [[0.3, 0.8, -1.0], [0.2, 0.7, 0.9]])
    assert np.allclose(seen["Q"][1], [[0.6, 0.1, -1.0], [0.5, 1.0, 0.0]])
    assert np.allclose(seen["freeSpaces"][0], [[0.7, 0.2, -1.0], [0.8, 0.3, 0.1]])
    assert np.allclose(seen["queueSize"][1].ravel(), [0.6, 0.5])
    assert seen["action_mask"][0].tolist() == [[1, 1, 0], [1, 1, 1]]


def test_longer_queues_are_masked() -> None:
    world, sight = begun(never_to_longer_queue=True)
    world.load[:3], world.shown[:3] = integers(5, 2, 7), integers(6, 3, 7)
    seen = sight.look(world)

    # Rows are 0 1 2, 1 0 2 and 2 0 1.
    assert seen["action_mask"][0].tolist() == [[1, 1, 0], [1, 0, 0], [1, 1, 1]]


def test_what_lasts_is_shared_and_cannot_be_spoiled() -> None:
    world, sight = begun()
    first, second = sight.look(world), sight.look(world)

    assert first["neighbourDelay"] is second["neighbourDelay"]
    assert first["Q"] is not second["Q"]
    with pytest.raises(ValueError, match="read-only"):
        first["neighbourDelay"][0] = 1
