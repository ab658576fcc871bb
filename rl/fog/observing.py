"""What the agents see, as arrays: one row per agent, all rows made at once.

Every observation has arrays of its own, which nobody changes later. The columns of a row are the
neighbours by index, the agent's own node first; rows are filled up to the width with -1 (Q,
freeSpaces) or 0.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from gymnasium import spaces

from rl.fog.settings import FogSettings
from rl.fog.topologies import layout
from rl.fog.world import World

Observation: TypeAlias = dict[str, Any]
"""By key an array, or numpy's integer for ``nodeId``."""

Floats: TypeAlias = npt.NDArray[np.float32]

MOST = 1e6
"""What is more than that is shown as that: powers, delays and ticks have no bound of their own."""


def width(settings: FogSettings) -> int:
    """Columns: the most neighbours that a node can have, itself included."""
    if settings.topology == "random" or settings.node_meters_per_second:
        return settings.nodes + settings.clouds
    # Where links follow from no draw every run has the same.
    found = layout(settings, random.Random(0))
    return max(len(row) for row in found.neighbours)


def batch_width(settings: FogSettings) -> int:
    """The largest count of a batch action: as many as the largest queue of an agent holds."""
    if settings.actions != "batch":
        return 1
    return max(settings.all_queue_limits[node] for node in settings.agents)


def space(settings: FogSettings, columns: int) -> spaces.Dict:
    """Where every observation lies.

    * ``nodeId``; ``queueSize``: the own load over the own limit; ``processingPower``: the own, over
      the nodes' mean; ``numberOfNeighbours``: columns in use.
    * ``Q``: load over limit as the agent believes it, its own true; ``freeSpaces``: the rest to 1.
      Clouds show no load.
    * ``neighbourPower``: over the nodes' mean; ``neighbourDelay``: ticks for a task of mean size.
    * ``nextTask``: whether there is one to decide about, the ticks that it would take here, its
      size over the mean size.
    * ``action_mask``: 1 for what may be done.
    """
    actions = columns * batch_width(settings)

    def box(low: float, high: float, size: int) -> spaces.Box:
        return spaces.Box(low, high, (size,), np.float32)

    return spaces.Dict(
        {
            "nodeId": spaces.Discrete(settings.nodes),
            "queueSize": box(0, 1, 1),
            "processingPower": box(0, MOST, 1),
            "numberOfNeighbours": box(0, columns, 1),
            "Q": box(-1, 1, columns),
            "freeSpaces": box(-1, 1, columns),
            "neighbourPower": box(0, MOST, columns),
            "neighbourDelay": box(0, MOST, columns),
            "nextTask": box(0, MOST, 3),
            "action_mask": spaces.Box(0, 1, (actions,), np.int8),
        }
    )


class Sight:
    """What the agents of one world see. Begun anew with each world.

    Args:
        before: of a world of the same settings, whose delays need not be looked up again.
    """

    def __init__(self, world: World, columns: int, before: Sight | None = None) -> None:
        self._world = world
        self._columns = columns
        settings = world.settings
        self._agents = np.array(settings.agents, dtype=np.intp)[:, None]
        self._ids = [np.int64(node) for node in settings.agents]
        self._batch = batch_width(settings)
        self._clip = settings.never_to_longer_queue
        powers = world.nodes.power
        self._mean_power = sum(powers) / len(powers)
        kinds = settings.trace if settings.application == "trace" else settings.task_types
        self._mean_size = sum(each.size_bytes for each in kinds) / len(kinds) or 1.0
        limits = np.array(world.nodes.limits)
        self._limit = limits[self._agents[:, 0]][:, None].astype(np.float32)
        self._power = self._over_mean(powers)[self._agents]
        known = before and before._world.ground.same_links(world.ground)
        self.arrange(before._delays if before and known else None)

    def arrange(self, delays: Floats | None = None) -> None:
        """The ground has changed: other neighbours or delays."""
        world, columns = self._world, self._columns
        settings = world.settings
        filler = settings.nodes + settings.clouds
        rows = [world.ground.neighbours[node] for node in settings.agents]
        self._columns_of = np.array(
            [[*row, *[filler] * (columns - len(row))] for row in rows], dtype=np.intp
        )
        used = self._columns_of != filler
        self._unused = ~used
        self._used = used.astype(np.int8)
        self._counts = used.sum(axis=1, dtype=np.float32)[:, None]
        limits = np.array([*world.nodes.limits, *[1] * (settings.clouds + 1)], dtype=np.float32)
        self._limits = limits[self._columns_of]
        clouds = [settings.cloud_instructions_per_second / settings.ticks_per_second]
        powers = [*world.nodes.power, *clouds * settings.clouds, 0.0]
        self._powers = self._over_mean(powers)[self._columns_of]
        self._delays = self._delays_of(rows) if delays is None else delays

    def look(self) -> tuple[list[Observation], npt.NDArray[np.int64]]:
        """Every agent's observation, and the loads that they believe in: (agents, columns)."""
        world = self._world
        nodes = world.nodes
        seen = world.views.seen(self._agents, self._columns_of)
        own = np.array(nodes.load, dtype=np.int64)[self._agents]
        seen[:, :1] = own
        queues = (seen / self._limits).astype(np.float32)
        free = 1.0 - queues
        queues[self._unused] = -1.0
        free[self._unused] = -1.0
        mask = self._used
        if self._clip:
            mask = mask * (seen <= own)
        if not all(nodes.up):
            up = np.array([*nodes.up, *[True] * (len(world.clouds) + 1)])[self._columns_of]
            up[:, 0] = True  # there is always something that may be done
            mask = mask * up
        mask = np.repeat(mask, self._batch, axis=1).astype(np.int8)
        rows = zip(
            self._ids,
            (own / self._limit).astype(np.float32),
            self._power.copy(),
            self._counts.copy(),
            queues,
            free,
            self._powers.copy(),
            self._delays.copy(),
            self._next_tasks(),
            mask,
            strict=True,
        )
        return [
            {
                "nodeId": id,
                "queueSize": queue,
                "processingPower": power,
                "numberOfNeighbours": count,
                "Q": loads,
                "freeSpaces": spaces_left,
                "neighbourPower": powers,
                "neighbourDelay": delays,
                "nextTask": task,
                "action_mask": allowed,
            }
            for (
                id,
                queue,
                power,
                count,
                loads,
                spaces_left,
                powers,
                delays,
                task,
                allowed,
            ) in rows
        ], seen

    def state(self) -> Floats:
        """The truth about all nodes for a critic: load over limit, power over the mean, whether it
        is up; then each cloud's load."""
        world = self._world
        nodes = world.nodes
        loads = np.array(nodes.load, dtype=np.float32) / np.array(nodes.limits, dtype=np.float32)
        clouds = np.array([min(len(each), MOST) for each in world.clouds], dtype=np.float32)
        up = np.array(nodes.up, dtype=np.float32)
        return np.concatenate((loads, self._over_mean(nodes.power), up, clouds))

    def _delays_of(self, rows: Sequence[Sequence[int]]) -> Floats:
        world = self._world
        found = np.zeros(self._columns_of.shape, dtype=np.float32)
        for row, (node, known) in enumerate(zip(world.settings.agents, rows, strict=True)):
            found[row, : len(known)] = world.post.row(node, known, self._mean_size)
        return np.minimum(found, np.float32(MOST))

    def _next_tasks(self) -> Floats:
        nodes, mean = self._world.nodes, self._mean_size
        found = []
        for node in self._world.settings.agents:
            task = nodes.undecided(node)
            if task is None:
                found.append((0.0, 0.0, 0.0))
            else:
                found.append((1.0, task.left / nodes.power[node], task.size_bytes / mean))
        shown: Floats = np.minimum(np.array(found).reshape(-1, 3), MOST).astype(np.float32)
        return shown

    def _over_mean(self, powers: Sequence[float]) -> Floats:
        found = np.array(powers) / self._mean_power
        return np.minimum(found, MOST).astype(np.float32)


def state_space(settings: FogSettings) -> spaces.Box:
    """Where ``Sight.state`` lies."""
    size = 3 * settings.nodes + settings.clouds
    return spaces.Box(0, MOST, (size,), np.float32)
