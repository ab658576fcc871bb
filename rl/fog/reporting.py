"""What the environment tells beside observations: the original's global fields, and our own."""

from __future__ import annotations

from typing import Any

from rl.fog.world import World


def everything(world: World) -> dict[str, Any]:
    """The original's fields by their names, each list by node, and ``time`` in ticks.

    ``droppedTasks`` are applications that their client gave up at their deadline; ``finishedTasks``
    those whose result it has in time. ``averageCompletionTimes`` are by client,
    ``averageResponseTime`` is of all of them; in ticks, 0 before the first.
    """
    nodes, tallies = world.nodes, world.tallies
    loads, limits = nodes.load, nodes.limits
    finished = sum(tallies.finished)
    responses = sum(tallies.response_ticks)
    return {
        "time": world.now,
        "ids": list(range(len(nodes))),
        "true_Q": loads.copy(),
        "overloadedNodes": [int(load >= limit) for load, limit in zip(loads, limits, strict=True)],
        "occupancy": [load / limit for load, limit in zip(loads, limits, strict=True)],
        "averageCompletionTimes": [
            ticks / count if count else 0.0
            for ticks, count in zip(tallies.response_ticks, tallies.finished, strict=True)
        ],
        "averageResponseTime": responses / finished if finished else 0.0,
        "droppedTasks": tallies.late.copy(),
        "finishedTasks": tallies.finished.copy(),
        "totalTasks": tallies.asked.copy(),
        "energyConsumed": tallies.energy.copy(),
        "timesOverloaded": tallies.overloaded.copy(),
        "noExpired": tallies.expired_at.copy(),
        "noFailedOnArrival": tallies.refused_at.copy(),
        "totalTasksReceived": tallies.received.copy(),
        "totalTasksProcessedPerNode": tallies.processed.copy(),
        "totalTasksOffloadedFromNode": tallies.sent.copy(),
        "totalTasksOffloadedToNode": tallies.taken.copy(),
        "tasksRecievedSinceLastCycle": tallies.received_lately,
        "droppedThisCycle": tallies.dropped_lately,
    }
