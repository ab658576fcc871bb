"""The original's JSON shapes: what they say is what the fog is."""

import json
import math
from typing import Any

import pytest

from backend import fog_models as models
from backend import fog_shapes as shapes
from rl.fog.settings import FogSettings
from rl.fog.world import World
from tests.backend.fogs import three

pytestmark = pytest.mark.unit


def world(settings: FogSettings, ticks: int = 0) -> World:
    made = World(settings, 1)
    made.begin()
    for _ in range(ticks):
        made.advance()
    return made


@pytest.mark.parametrize("compat", [False, True])
def test_neighbour_data_of_three_nodes(compat: bool) -> None:
    """The average halves as it goes: 3, 2 and 2 make 1."""
    assert shapes.neighbour_data(world(three(compat=compat))) == {
        "min": 2,
        "max": 3,
        "average": 1,
        "neighbourMatrix": [[0, 1, 2], [1, 0], [2, 0]],
        "knowsControllerMatrix": [[0, 1], [0, 1], [1]],
    }


def test_clouds_have_rows_of_their_own() -> None:
    data = shapes.neighbour_data(world(FogSettings.from_keys({"SIZE": 3})))
    assert data["neighbourMatrix"][2:] == [[2, 0, 1, 3], [3, 2]]
    assert len(data["knowsControllerMatrix"]) == 4


@pytest.mark.parametrize("compat", [False, True])
def test_first_state_has_empty_places_and_unknown_neighbours(compat: bool) -> None:
    state = shapes.state(world(three(compat=compat)))
    first, second = state["observedState"]
    assert [each["id"] for each in first["tasks"]] == ["dummy"] * 10
    assert first["nextTask"]["id"] == "dummy"
    assert first["distancesToNeighbours"] == [0.0, 1.7976931348623157e308, 1.7976931348623157e308]
    assert (first["nodeId"], second["nodeId"]) == (0, 1)
    assert first["Q"] == [0, 0, 0]
    assert first["freeSpaces"] == [10, 10, 10]
    assert state["globalState"]["cloudInfo"] is None


def test_before_anything_is_heard_a_neighbour_is_a_guess() -> None:
    result = shapes.basic_result(world(three()), 0, 1, True, [])
    assert (result["wi"]["layer"], result["wi"]["lastKnownPosition"]) == (-2, None)
    assert result["wi"]["nodeProcessingPower"] == 4e7
    heard = shapes.basic_result(world(three(), 3), 0, 1, True, [])
    assert heard["wi"]["layer"] == 0
    assert heard["distance"] == pytest.approx(
        math.dist(*(tuple(place) for place in world(three()).ground.positions[:2]))
    )


@pytest.mark.parametrize(
    "settings",
    [
        three(),
        three(compat=True),
        FogSettings(),
        FogSettings.from_keys({"SIZE": 10, "topology": "ring", "CLOUD_EXISTS": 2}),
        FogSettings.from_keys({"simtype": "dag", "protocol.clt.edges": "0->1,0->2,1->3,2->3"}),
        FogSettings.from_keys({"DROP": 0.3, "failures_per_second": 0.05}),
    ],
    ids=["three", "compat", "default", "ring", "dag", "disturbed"],
)
def test_every_state_has_the_documented_shape(settings: FogSettings) -> None:
    """Numbers finite, lists as long as there are nodes, and counts that agree."""
    made = World(settings, 2)
    made.harvest()
    made.begin()
    for tick in range(40):
        for agent in settings.agents:
            row = made.ground.neighbours[agent]
            made.act(agent, tick % len(row))
        made.advance()
    information: Any = {"state": shapes.state(made), "done": False, "info": shapes.info(made)}
    json.dumps(information, allow_nan=False)
    read = models.Information.model_validate(information, strict=True)
    assert read.model_dump() == information
    assert all(read.info.invariantPreserved)
    everywhere = settings.nodes + settings.clouds
    lists = information["info"].values()
    assert {len(each) for each in lists if isinstance(each, list)} == {everywhere}
    state = read.state.globalState
    assert len(state.positions) == len(state.Q) == settings.nodes
    for seen in read.state.observedState:
        here = state.nodeIds.index(seen.nodeId)
        assert seen.Q[0] == seen.queueSize == state.Q[here]
        assert len(seen.Q) == len(seen.freeSpaces) == seen.numberOfNeighbours
        real = [task for task in seen.tasks if task.id != "dummy"]
        assert len(real) == seen.queueSize
        assert len(seen.tasks) == max(len(real), settings.all_queue_limits[here])
    completed = made.harvest()
    assert completed
    result = shapes.basic_result(made, settings.agents[0], 0, True, completed)
    assert models.BasicResult.model_validate(result).model_dump() == result
    batch = shapes.batch_result(made, settings.agents[0], [0, 0], True, completed)
    assert models.BatchResult.model_validate(batch).model_dump() == batch


def test_text_is_the_same_in_fewer_steps() -> None:
    made = world(three(schedules="9-1000"), 5)
    assert json.loads(shapes.information_text(made, True)) == shapes.information(made, True)


def test_failed_result() -> None:
    failed = shapes.failed_result(3)
    assert models.FailedResult.model_validate(failed).model_dump() == failed


def test_cloud_info() -> None:
    info = shapes.state(world(FogSettings()))["globalState"]["cloudInfo"]
    assert info == {
        "defaultProcessingPower": 1e8,
        "queueSize": 0,
        "freeVMs": 3,
        "totalVMs": 3,
        "id": 6,
    }


@pytest.mark.parametrize("compat", [False, True])
def test_tasks_stand_in_the_order_in_which_they_are_served(compat: bool) -> None:
    """The running one, then the oldest, or in compat the newest."""
    made = world(three(compat=compat, schedules="9-1000", **{"protocol.clt.I": 4e8}), 9)
    tasks = shapes.state(made)["observedState"][0]["tasks"]
    _, *queued = [int(task["id"]) for task in tasks if task["id"] != "dummy"]
    assert tasks[0]["progress"] > 0
    assert len(queued) > 2
    assert queued == sorted(queued, reverse=compat)
