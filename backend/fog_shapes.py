"""A fog in the JSON shapes of the original's REST interface.

The names are the original's, misspelled ones included, because its own client reads them. Sizes of
tasks are in MB whatever their names say, bandwidth in MHz, times in ticks.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any, TypeAlias

from rl.fog.settings import Point
from rl.fog.tasks import Task
from rl.fog.world import World

Shape: TypeAlias = dict[str, Any]

MEGA = 1e6
UNHEARD_POWER = 4e7
UNHEARD_LAYER = -2
FARTHEST = sys.float_info.max
"""The distance to whom nothing was heard of yet."""

DUMMY: Shape = {
    "progress": 0.0,
    "totalInstructions": 0.0,
    "outputSizeBytes": 0.0,
    "inputSizeBytes": 0.0,
    "id": "dummy",
    "processedLocally": False,
}


_BLANK = "\0"
"""In place of an empty place until all else is encoded. No id has such a character."""


def state(world: World, empty: object = DUMMY) -> Shape:
    """``globalState`` and, in the agents' order, ``observedState``.

    Args:
        empty: stands at every empty place of a queue.
    """
    return {
        "globalState": _global(world),
        "observedState": [_observed(world, agent, empty) for agent in world.settings.agents],
    }


def information(world: World, done: bool, empty: object = DUMMY) -> Shape:
    """The answer to GET /state."""
    return {"state": state(world, empty), "done": done, "info": info(world)}


def information_text(world: World, done: bool) -> str:
    """The same as JSON. Most of it are empty places, which are encoded once and not one by one."""
    text = encoded(information(world, done, _BLANK))
    return text.replace(encoded(_BLANK), encoded(DUMMY))


def encoded(shape: object) -> str:
    """As JSON; what is no number there is an error here."""
    return json.dumps(shape, separators=(",", ":"), allow_nan=False)


def info(world: World) -> Shape:
    """Counts by node; the clouds, which count nothing, come last."""
    tallies, clouds = world.tallies, world.settings.clouds
    zeros = [0] * clouds
    nodes = len(world.nodes)
    return {
        "currentCycle": world.now,
        "ids": list(range(nodes + clouds)),
        "droppedTotal": [
            *(a + b for a, b in zip(tallies.dropped_at, tallies.expired_at, strict=True)),
            *zeros,
        ],
        "droppedThisCycle": [*tallies.dropped_lately, *zeros],
        "totalTasksRecieved": [*tallies.received, *zeros],
        "tasksRecievedSinceLastCycle": [*tallies.received_lately, *zeros],
        "totalTasksProcessed": [*tallies.processed, *zeros],
        "totalTasksOffloaded": [*tallies.sent, *zeros],
        "invariantPreserved": [world.census().balanced] * (nodes + clouds),
        "averageResponseTime": [*_means(tallies.response_ticks, tallies.finished), *zeros],
    }


def neighbour_data(world: World) -> Shape:
    """Who is linked to whom; ``average`` halves as it goes on, as the original's does."""
    settings = world.settings
    rows = [list(row) for row in world.ground.neighbours]
    for cloud in range(settings.nodes, settings.nodes + settings.clouds):
        rows.append([cloud, *(node for node, row in enumerate(rows) if cloud in row)])
    average = 0
    for row in rows:
        average = (average + len(row)) // 2
    agents = set(settings.agents)
    return {
        "min": min(map(len, rows)),
        "max": max(map(len, rows)),
        "average": average,
        "neighbourMatrix": rows,
        "knowsControllerMatrix": [
            [index for index, node in enumerate(row) if node in agents] for row in rows
        ],
    }


def basic_result(
    world: World, node: int, slot: int, success: bool, completed: Sequence[Task]
) -> Shape:
    """Of an action with one index."""
    target = world.ground.neighbours[node][slot]
    return {
        "type": "basicSD",
        "srcId": node,
        "distance": world.ground.meters(node)[slot],
        "wi": _worker_info(world, node, target),
        "tasksCompleted": [_completed(task) for task in completed],
        "success": success,
    }


def batch_result(
    world: World, node: int, slots: Sequence[int], success: bool, completed: Sequence[Task]
) -> Shape:
    """Of an action with a list of indexes."""
    meters = world.ground.meters(node)
    return {
        "type": "batchSD",
        "srcId": node,
        "distances": [meters[slot] for slot in slots],
        "tasksCompleted": [_completed(task) for task in completed],
        "success": success,
    }


def failed_result(node: int) -> Shape:
    """Of an index that no neighbour has."""
    return {"type": "failledActionSD", "srcId": node, "tasksCompleted": None, "success": False}


def _global(world: World) -> Shape:
    settings, nodes, tallies, ground = world.settings, world.nodes, world.tallies, world.ground
    count = len(nodes)
    clients = [node for node in range(count) if ground.layers[node] in settings.client_layers]
    means = _means(tallies.response_ticks, tallies.finished)
    return {
        "nodeIds": list(range(count)),
        "Q": list(nodes.load),
        "processingPowers": [float(each) for each in nodes.power],
        "noCores": list(settings.all_cores),
        "layers": list(ground.layers[:count]),
        "bandwidths": [settings.bandwidth_hertz / MEGA] * count,
        "transmissionPowers": [settings.power_dbm] * count,
        "averageCompletionTimes": [means[client] for client in clients],
        "droppedTasks": [tallies.late[client] for client in clients],
        "finishedTasks": [tallies.finished[client] for client in clients],
        "totalTasks": [tallies.asked[client] for client in clients],
        "isWorking": [int(load > 0) for load in nodes.load],
        "energyConsumed": list(tallies.energy),
        "timesOverloaded": list(tallies.overloaded),
        "noFailedOnArrival": list(tallies.refused_at),
        "noExpired": list(tallies.expired_at),
        "totalTasksReceived": list(tallies.received),
        "totalTasksProcessedPerNode": list(tallies.processed),
        "totalTasksOffloadedFromNode": list(tallies.sent),
        "totalTasksOffloadedToNode": list(tallies.taken),
        "positions": [_point(place) for place in ground.positions[:count]],
        "cloudInfo": _cloud_info(world),
    }


def _observed(world: World, node: int, empty: object) -> Shape:
    settings, nodes, ground = world.settings, world.nodes, world.ground
    row = ground.neighbours[node]
    limit = nodes.limits[node]
    seen = [_seen(world, node, each) for each in row]
    held = _in_order(world, node)
    tasks = [_task(task) for task in held]
    upcoming = nodes.undecided(node)
    return {
        "nodeId": node,
        "queueSize": nodes.load[node],
        "Q": seen,
        "freeSpaces": [
            max(0, _limit(world, node, each) - load) for each, load in zip(row, seen, strict=True)
        ],
        "processingPower": float(nodes.power[node]),
        "averageWaitingTime": sum(task.left for task in held) / nodes.power[node],
        "layer": ground.layers[node],
        "position": _point(ground.positions[node]),
        "distancesToNeighbours": [
            meters if _heard(world, node, each) else FARTHEST
            for each, meters in zip(row, ground.meters(node), strict=True)
        ],
        "bandwidth": settings.bandwidth_hertz / MEGA,
        "transmissionPower": [settings.power_dbm],
        "numberOfNeighbours": len(row),
        "nextTask": DUMMY if upcoming is None else _task(upcoming),
        "tasks": [*tasks, *[empty] * (limit - len(tasks))],
    }


def _in_order(world: World, node: int) -> list[Task]:
    """What it runs, then what comes next, then what waits for results."""
    nodes = world.nodes
    running = nodes.running[node]
    begun = [] if running is None else [running]
    return [*begun, *nodes.queued(node), *nodes.waiting[node].values()]


def _worker_info(world: World, observer: int, node: int) -> Shape:
    """What a node knows of a neighbour."""
    settings, nodes = world.settings, world.nodes
    types = settings.task_types
    work = sum(each.work for each in types) / len(types)
    load = _seen(world, observer, node)
    heard = _heard(world, observer, node)
    if node >= len(nodes):
        machines = settings.cloud_machines
        power = settings.cloud_instructions_per_second * machines / settings.ticks_per_second
    else:
        power = float(nodes.power[node]) if heard else UNHEARD_POWER
    return {
        "id": node,
        "queueSize": load,
        "unprocessedApplications": 0,
        "averageTaskSize": work,
        "nodeProcessingPower": power,
        "freeTaskSlots": max(0, _limit(world, observer, node) - load),
        "layer": world.ground.layers[node] if heard else UNHEARD_LAYER,
        "lastKnownPosition": _point(world.ground.positions[node]) if heard else None,
        "size": 5.2e-7,
        "totalTasks": load,
        "w": power / work,
    }


def _seen(world: World, observer: int, node: int) -> int:
    return world.nodes.load[node] if node == observer else world.views.of(observer, node)


def _heard(world: World, observer: int, node: int) -> bool:
    """Nodes hear of each other from the second tick on; of itself each knows."""
    return world.now > 0 or node == observer


def _limit(world: World, observer: int, node: int) -> int:
    """A cloud, whose queue has no bound, is shown with the observer's own."""
    limits = world.nodes.limits
    return limits[node] if node < len(limits) else limits[observer]


def _cloud_info(world: World) -> Shape | None:
    """Of the first cloud."""
    if not world.clouds:
        return None
    cloud, settings = world.clouds[0], world.settings
    free = sum(each is None for each in cloud.busy)
    return {
        "defaultProcessingPower": (
            settings.cloud_instructions_per_second / settings.ticks_per_second
        ),
        "queueSize": len(cloud.queue),
        "freeVMs": free,
        "totalVMs": settings.cloud_machines,
        "id": cloud.node,
    }


def _task(task: Task) -> Shape:
    return {
        "progress": float(task.instructions - task.left),
        "totalInstructions": task.instructions,
        "outputSizeBytes": task.size_bytes / MEGA,
        "inputSizeBytes": task.size_bytes / MEGA,
        "id": str(task.id),
        "processedLocally": task.local,
    }


def _completed(task: Task) -> Shape:
    application = task.application
    return {
        "id": str(task.id),
        "clientID": application.client,
        "originalHandlerID": application.home,
        "inputSizeBytes": task.size_bytes / MEGA,
        "outputSizeBytes": task.size_bytes / MEGA,
        "progress": task.instructions,
        "currentRank": 0.0,
        "totalInstructions": task.instructions,
        "appID": str(application.id),
    }


def _point(place: Point) -> Shape:
    return {"X": place[0], "Y": place[1]}


def _means(sums: Sequence[float], counts: Sequence[int]) -> list[float]:
    return [each / count if count else 0.0 for each, count in zip(sums, counts, strict=True)]
