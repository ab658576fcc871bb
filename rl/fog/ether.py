"""Nodes and links from a topology file in the format of Ether, the edge topology generator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

MOST_TASKS_HELD = 100_000
"""By one node, however much memory it has."""


def rows_of(nodes: int, links: Sequence[tuple[int, int]]) -> list[list[int]]:
    """By node, itself and those it is linked to, whichever way and however often."""
    rows: list[list[int]] = [[] for _ in range(nodes)]
    for a, b in links:
        rows[a].append(b)
        rows[b].append(a)
    return [[node, *sorted(set(row))] for node, row in enumerate(rows)]


def ether_keys(data: object, task_bytes: float) -> dict[str, Any]:
    """A topology file in Ether's format as keys of ours, each node a layer of its own.

    Single-board computers (``rpi`` in their names) have clients and take tasks; they, ``nuc`` and
    ``server`` nodes are agents. A node executes ``cpu_milis`` thousand instructions per second and
    holds as many tasks as fit into its memory.

    Args:
        data: of the JSON file: nodes by name, with id, coordinates and capacity; links by id.

    Raises:
        ValueError: naming the part at fault.
    """
    nodes = _member(data, "nodes", "the topology")
    if not isinstance(nodes, Mapping) or not nodes:
        raise ValueError("nodes must hold nodes by name")
    numbers: dict[str, int] = {}
    positions: list[list[float]] = []
    frequencies: list[float] = []
    limits: list[int] = []
    for name, node in nodes.items():
        where = f"nodes.{name}"
        id = str(_member(node, "id", where))
        if id in numbers:
            raise ValueError(f"{where}: id {id} stands twice")
        numbers[id] = len(numbers)
        place = _member(node, "coordinates", where)
        if not isinstance(place, list) or len(place) != 2:
            raise ValueError(f"{where}.coordinates must be two numbers")
        x, y = (_number(each, f"{where}.coordinates") for each in place)
        while [x, y] in positions:  # two nodes in one place would be one to the radio
            x, y = x + 1.0, y + 1.0
        positions.append([x, y])
        capacity = _member(node, "capacity", where)
        power = _number(_member(capacity, "cpu_milis", where), f"{where}.capacity.cpu_milis")
        memory = _number(_member(capacity, "memory", where), f"{where}.capacity.memory")
        frequencies.append(power * 1000.0)
        limits.append(max(1, min(MOST_TASKS_HELD, round(memory / max(task_bytes, 1.0)))))
    return {
        "nodes_per_layer": [1] * len(numbers),
        "positions_meters": positions,
        "instructions_per_core_second": frequencies,
        "cores": [1],
        "queue_limits": limits,
        "frequency_variations": [0],
        "topology": "manual",
        "neighbours": _ether_links(data, numbers),
        **_ether_roles(list(nodes)),
    }


def _ether_links(data: object, numbers: Mapping[str, int]) -> list[list[int]]:
    listed = _member(_member(data, "links", "the topology"), "neighbours", "links")
    if not isinstance(listed, Mapping):
        raise ValueError("links.neighbours must hold lists of ids by id")
    links = []
    for id, row in listed.items():
        if not isinstance(row, list):
            raise ValueError(f"links.neighbours.{id} must be a list of ids")
        for each in (id, *map(str, row)):
            if each not in numbers:
                raise ValueError(f"links.neighbours.{id}: there is no node with id {each}")
            if each != id:
                links.append((numbers[id], numbers[each]))
    return rows_of(len(numbers), links)


def _ether_roles(names: Sequence[str]) -> dict[str, list[int]]:
    boards = [number for number, name in enumerate(names) if "rpi" in name]
    agents = [
        number
        for number, name in enumerate(names)
        if any(each in name for each in ("rpi", "nuc", "server"))
    ]
    everyone = list(range(len(names)))
    asking = boards or everyone
    return {"agents": agents or everyone, "client_layers": asking, "task_layers": asking}


def _member(data: object, key: str, where: str) -> Any:
    if not isinstance(data, Mapping) or key not in data:
        raise ValueError(f"{where} must have {key}")
    return data[key]


def _number(value: object, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{where} must be a number, not {value!r}")
    if not -1e12 < value < 1e18:
        raise ValueError(f"{where} is out of range: {value}")
    return float(value)
