"""From the keys that were given to all fields of ``FogSettings``: what is missing is filled in.

Whoever gives the number of nodes alone gets lists per layer that fit; one value given for a list
stands for all its entries.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping
from typing import Any

from rl.fog.applications import MEGABYTE, Dag, TaskType, read_edges, read_trace
from rl.fog.checks import MOST_CLOUDS, MOST_NODES, MOST_TASK_TYPES
from rl.fog.drafts import Draft
from rl.fog.ether import ether_keys
from rl.fog.keys import OWN, FogConfigError, nearest
from rl.fog.reading import number, whole
from rl.fog.rewards import DelayWeights
from rl.fog.schedules import constant, named

Files = Callable[[str], str]
"""The text of a file by its name. Raises ValueError or OSError."""

DEFAULT_NODES = 6
DEFAULT_RATE = 0.6
DEFAULT_SECONDS = 1000
DEFAULT_SEED = 1234567890
MOST_SCHEDULED_SECONDS = 100_000

PER_LAYER: dict[str, tuple[Any, ...]] = {
    "instructions_per_core_second": (1e7, 3e7),
    "cores": (4, 8),
    "queue_limits": (10, 50),
    "frequency_variations": (1e3, 1e3),
    "cloud_access": (False, True),
}
PER_NODE: dict[str, Any] = {
    "node_instructions_per_core_second": 1e7,
    "node_cores": 1,
    "node_queue_limits": 10,
}

EXAMPLE_NEIGHBOURS = (
    (0, 1, 2, 3, 6, 8),
    (1, 0, 2, 3, 4, 5, 6, 7, 8, 9),
    (2, 0, 1, 3, 6, 8, 9),
    (3, 0, 1, 2, 6, 8, 9),
    (4, 1, 5, 7),
    (5, 1, 4, 7),
    (6, 0, 1, 2, 3, 8, 9),
    (7, 1, 4, 5),
    (8, 0, 1, 2, 3, 6),
    (9, 1, 2, 3, 6),
)
"""The original's default graph of ten nodes. Of fewer nodes the first ones are taken."""


def completed(draft: Draft, files: Files | None = None) -> dict[str, Any]:
    """The fields of ``FogSettings`` that are not as by default; the draft is used up.

    Raises:
        FogConfigError: two values do not fit, or a file cannot be read.
    """
    values = draft.values
    if values.get("application") == "batch":
        # The original's word for single tasks that are offloaded several at a time.
        values["application"] = "basic"
        if values.setdefault("actions", "batch") != "batch":
            raise draft.wrong("actions", f"{draft.keys['application']} is batch; give one")
    _topology_file(draft, files)
    layers = _nodes(draft)
    nodes = sum(layers)
    if values.get("clouds") == 0:
        values.pop("cloud_access", None)  # the original does not look at it then
    for name, default in PER_LAYER.items():
        given = values.get(name) or default
        if len(given) == 1 or not draft.has(name):
            values[name] = tuple(given[min(i, len(given) - 1)] for i in range(len(layers)))
    if not draft.has("per_node"):
        values["per_node"] = any(draft.has(name) for name in PER_NODE)
    for name, each in PER_NODE.items():
        given = values.get(name) or (each,)
        if not values["per_node"]:
            values[name] = ()
        elif len(given) == 1:
            values[name] = given * nodes
    if not draft.has("agents"):
        values["agents"] = tuple(dict.fromkeys((0, nodes - 1)))
    if not draft.has("most_jitter_ticks"):
        values["most_jitter_ticks"] = values.get("least_jitter_ticks", 0.0)
    _clients(draft)
    _task_types(draft)
    _dags(draft)
    _links(draft, nodes)
    _channels(draft, len(layers))
    if draft.has("delay_weights"):
        values["delay_weights"] = DelayWeights(**values["delay_weights"])
    _trace(draft, files)
    return values


def _topology_file(draft: Draft, files: Files | None) -> None:
    """What the file gives, where no key says otherwise."""
    path = draft.values.get("topology_path", "")
    if not path:
        return
    sizes = draft.values.get("task_sizes_bytes", (38e6,))
    try:
        found = ether_keys(_data(path, files), sizes[0])
    except (OSError, ValueError, RecursionError) as error:
        raise draft.wrong("topology_path", f"{path}: {_reason(error)}") from None
    for name, value in found.items():
        if not draft.has(name):
            draft.put("topology_path", OWN[name], value)


def _data(path: str, files: Files | None) -> object:
    """Of a JSON file. Raises ValueError."""
    if files is None:
        raise ValueError("no files can be read here")
    return json.loads(files(path))


def _reason(error: Exception) -> str:
    return f"cannot be read: {error.strerror}" if isinstance(error, OSError) else str(error)


def _nodes(draft: Draft) -> tuple[int, ...]:
    """Nodes per layer. Without a word on layers all beyond the first have one node."""
    size: int | None = draft.take("size", None)
    count: int | None = draft.take("layers", None)
    layers: tuple[int, ...] | None = draft.values.get("nodes_per_layer")
    for name, given in (("size", size), ("nodes_per_layer", sum(layers) if layers else None)):
        if given is not None and not 1 <= given <= MOST_NODES:
            raise draft.wrong(name, f"must be 1 to {MOST_NODES} nodes, not {given}")
    if layers is None:
        nodes = DEFAULT_NODES if size is None else size
        many = min(2, nodes) if count is None else count
        if not 1 <= many <= nodes:
            raise draft.wrong("layers", f"{nodes} nodes cannot fill {many} layers")
        layers = (nodes - many + 1, *(1 for _ in range(many - 1)))
        draft.values["nodes_per_layer"] = layers
        return layers
    if size is not None and size != sum(layers):
        raise draft.wrong(
            "size", f"{size} nodes, but {draft.keys['nodes_per_layer']} has {sum(layers)}"
        )
    if count is not None and count != len(layers):
        raise draft.wrong(
            "layers", f"{count} layers, but {draft.keys['nodes_per_layer']} has {len(layers)}"
        )
    return layers


def _clients(draft: Draft) -> None:
    values = draft.values
    targets = len(values.get("task_layers", (0,)))
    if isinstance(values.get("schedules"), str):
        # Dice of their own: the same rates whatever else is drawn.
        dice = random.Random(f"{values.get('seed', DEFAULT_SEED)} schedules")
        seconds = min(values.get("duration_seconds", DEFAULT_SECONDS), MOST_SCHEDULED_SECONDS)
        values["schedules"] = named(values["schedules"], max(1, seconds), targets, dice)
    if not draft.has("schedules"):
        rate = values.get("arrivals_per_second", DEFAULT_RATE)
        values["schedules"] = (constant(rate, DEFAULT_SECONDS),)
    if len(set(values["schedules"])) == 1:  # the original's default has one too many of them
        values["schedules"] = values["schedules"][:1] * targets


def _task_types(draft: Draft) -> None:
    lists: dict[str, tuple[float, ...]] = {}
    for name, default in (
        ("task_weights", 1.0),
        ("task_cycles_per_instruction", 1.0),
        ("task_sizes_bytes", 38e6),
        ("task_instructions", 4e7),
    ):
        lists[name] = draft.take(name, (default,))
    count: int | None = draft.take("task_count", None)
    if draft.has("task_types"):
        for name in ("task_count", *lists):
            if name in draft.keys:
                raise draft.wrong(name, f"says the same as {draft.keys['task_types']}; give one")
        draft.values["task_types"] = tuple(
            _task_type(draft, number, each)
            for number, each in enumerate(draft.values["task_types"])
        )
        return
    many = max(map(len, lists.values())) if count is None else count
    if not 1 <= many <= MOST_TASK_TYPES:
        raise draft.wrong("task_count", f"must be 1 to {MOST_TASK_TYPES}, not {many}")
    for name, given in lists.items():
        if len(given) not in (1, many):
            raise draft.wrong(
                name, f"must have {many} entries, one per task type, not {len(given)}"
            )
    try:
        draft.values["task_types"] = tuple(
            TaskType(*(given[index % len(given)] for given in lists.values()))
            for index in range(many)
        )
    except ValueError as error:
        raise draft.wrong("task_instructions", str(error)) from None
    draft.keys.setdefault("task_types", draft.keys.get("task_count", "task_types"))


def _task_type(draft: Draft, index: int, given: Mapping[str, object]) -> TaskType:
    where = f"{draft.keys['task_types']}[{index}]"
    known = {
        "weight": "weight",
        "cycles_per_instruction": "cycles_per_instruction",
        "size_megabytes": "size_bytes",
        "instructions": "instructions",
    }
    found = {}
    for name, value in given.items():
        if name not in known:
            raise FogConfigError(
                f"{where}.{name}",
                f"unknown key; the nearest valid one is {nearest(str(name), known)!r}",
            )
        try:
            found[known[name]] = number(value) * (MEGABYTE if name == "size_megabytes" else 1.0)
        except ValueError as error:
            raise FogConfigError(f"{where}.{name}", str(error)) from None
    try:
        return TaskType(**found)
    except ValueError as error:
        raise FogConfigError(where, str(error)) from None


def _dags(draft: Draft) -> None:
    weights: tuple[float, ...] = draft.take("dag_weights", (1.0,))
    graphs: tuple[tuple[tuple[int, int], ...], ...] = draft.take("dag_edges", ((),))
    sizes: tuple[int, ...] | None = draft.take("dag_vertices", None)
    count: int | None = draft.take("dag_count", None)
    if draft.has("dags"):
        for name in ("dag_weights", "dag_edges", "dag_vertices", "dag_count"):
            if name in draft.keys:
                raise draft.wrong(name, f"says the same as {draft.keys['dags']}; give one")
        draft.values["dags"] = tuple(
            _dag(draft, index, each) for index, each in enumerate(draft.values["dags"])
        )
        return
    many = max(len(graphs), len(sizes or ())) if count is None else count
    if sizes is None:
        sizes = tuple(1 + max((max(edge) for edge in graph), default=0) for graph in graphs)
    for name, entries in (("dag_edges", len(graphs)), ("dag_vertices", len(sizes))):
        if entries != many:
            raise draft.wrong(name, f"must have {many} entries, one per DAG, not {entries}")
    if len(weights) not in (1, many):
        raise draft.wrong("dag_weights", f"must have {many} entries, not {len(weights)}")
    try:
        draft.values["dags"] = tuple(
            Dag(weights[index % len(weights)], sizes[index], graphs[index]) for index in range(many)
        )
    except ValueError as error:
        raise draft.wrong("dag_edges", str(error)) from None


def _dag(draft: Draft, index: int, given: Mapping[str, object]) -> Dag:
    where = f"{draft.keys['dags']}[{index}]"
    for name in given:
        if name not in ("weight", "vertices", "edges"):
            raise FogConfigError(
                f"{where}.{name}", "unknown key; valid are weight, vertices and edges"
            )
    try:
        edges = read_edges(str(given.get("edges") or ""))
        least = 1 + max((max(edge) for edge in edges), default=0)
        return Dag(number(given.get("weight", 1.0)), whole(given.get("vertices", least)), edges)
    except ValueError as error:
        raise FogConfigError(where, str(error)) from None


def _links(draft: Draft, nodes: int) -> None:
    values = draft.values
    if not draft.has("topology") and draft.has("neighbours"):
        values["topology"] = "manual"
    if values.get("topology") == "manual" and not draft.has("neighbours"):
        if nodes > len(EXAMPLE_NEIGHBOURS):
            raise FogConfigError(
                draft.keys.get("neighbours", "init.Net1.TOPOLOGY"),
                f"must give the neighbours of {nodes} nodes, or the topology be random",
            )
        values["neighbours"] = tuple(
            tuple(each for each in row if each < nodes) for row in EXAMPLE_NEIGHBOURS[:nodes]
        )
    if draft.take("random_positions", not draft.has("positions_meters")):
        values["positions_meters"] = ()
    elif not draft.has("positions_meters"):
        raise FogConfigError(
            draft.keys["random_positions"], "false needs init.Net0.POSITIONS, a position per node"
        )
    clouds = min(values.get("clouds", 1), MOST_CLOUDS)
    if not draft.has("cloud_positions_meters"):
        values["cloud_positions_meters"] = tuple(
            (300.0 + 100.0 * each, 300.0) for each in range(clouds)
        )


def _channels(draft: Draft, layers: int) -> None:
    """Only the layers that there are, and the clouds: the original's default is for nine."""
    table: tuple[tuple[int, ...], ...] = draft.values.get("channels_between_layers", ())
    size = layers + 1
    if len(table) > size and all(len(row) == len(table) for row in table):
        draft.values["channels_between_layers"] = tuple(row[:size] for row in table[:size])


def _trace(draft: Draft, files: Files | None) -> None:
    values = draft.values
    if values.get("application") != "trace":
        return
    path = values.get("trace_path", "")
    if not path:
        raise FogConfigError("protocol.clt.workloadPath", "application trace needs its file")
    try:
        values["trace"] = read_trace(
            _data(path, files),
            values.get("trace_instructions_per_core_second", 1e8),
            values.get("trace_unit_bytes", 100e6),
        )
    except (OSError, ValueError, RecursionError) as error:
        raise draft.wrong("trace_path", f"{path}: {_reason(error)}") from None
