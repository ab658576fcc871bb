"""Topology files in Ether's format."""

import json
from typing import Any

import pytest

from rl.fog.ether import ether_keys
from rl.fog.settings import FogSettings

pytestmark = pytest.mark.unit


def node(id: int, x: float, power: float = 4800, memory: float = 1e9) -> dict[str, Any]:
    capacity = {"cpu_milis": power, "memory": memory}
    return {"id": id, "coordinates": [x, 10.0], "capacity": capacity, "arch": "arm32"}


def topology() -> dict[str, Any]:
    return {
        "nodes": {
            "rpi3_0": node(901, 0.0),
            "nuc_0": node(902, 50.0, 14800, 64e9),
            "tx2_0": node(903, 50.0),
            "server_0": node(904, 90.0, 290400, 1e15),
        },
        "links": {
            "neighbours": {"901": [902], "902": [901, 903], "904": [902, 904]},
            "path_info": [],
        },
    }


def test_nodes_links_and_roles() -> None:
    text = json.dumps(topology())
    made = FogSettings.from_keys({"topology_path": "net.json"}, lambda _: text)
    assert made.nodes_per_layer == (1, 1, 1, 1)
    assert made.frequencies == (4.8e6, 14.8e6, 4.8e6, 290.4e6)
    assert made.all_queue_limits == (26, 1684, 26, 100_000)
    assert made.neighbours == ((0, 1), (1, 0, 2, 3), (2, 1), (3, 1))
    assert made.agents == (0, 1, 3)
    assert made.client_layers == made.task_layers == (0,)
    assert made.positions_meters[1:3] == ((50.0, 10.0), (51.0, 11.0))


def test_keys_that_are_given_win() -> None:
    text = json.dumps(topology())
    keys = {"topology_path": "net.json", "Q_MAX": 5, "CONTROLLERS": "2"}
    made = FogSettings.from_keys(keys, lambda _: text)
    assert made.all_queue_limits == (5, 5, 5, 5)
    assert made.agents == (2,)


def test_names_that_say_nothing_make_all_agents() -> None:
    data = {
        "nodes": {"a": node(1, 0.0), "b": node(2, 9.0)},
        "links": {"neighbours": {"1": [2]}},
    }
    found = ether_keys(data, 38e6)
    assert found["agents"] == found["client_layers"] == [0, 1]


def spoiled(place: str, value: object) -> dict[str, Any]:
    data: Any = topology()
    at = data
    *path, last = place.split("/")
    for part in path:
        at = at[part]
    at[last] = value
    return dict(data)


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        ([], "the topology must have nodes"),
        ({"nodes": []}, "nodes must hold nodes by name"),
        ({"nodes": {"a": 3}}, "nodes.a must have id"),
        (spoiled("nodes/nuc_0/id", 901), "nodes.nuc_0: id 901 stands twice"),
        (spoiled("nodes/nuc_0/coordinates", [1]), "nodes.nuc_0.coordinates must be two numbers"),
        (spoiled("nodes/nuc_0/coordinates", [1, "x"]), "nodes.nuc_0.coordinates must be a number"),
        (spoiled("nodes/nuc_0/coordinates", [1, 1e300]), "out of range"),
        (spoiled("nodes/nuc_0/capacity", {}), "nodes.nuc_0 must have cpu_milis"),
        (spoiled("links", {}), "links must have neighbours"),
        (spoiled("links/neighbours", []), "links.neighbours must hold lists of ids by id"),
        (spoiled("links/neighbours/901", 3), "links.neighbours.901 must be a list"),
        (spoiled("links/neighbours/901", [7]), "links.neighbours.901: there is no node with id 7"),
    ],
)
def test_bad_files_name_the_part(data: object, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        ether_keys(data, 38e6)
