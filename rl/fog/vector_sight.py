"""What the agents of many runs see: ``Sight`` over arrays, a row of runs before each of its own.

What never changes within an episode is one array in all its observations, which cannot be written.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from rl.fog.observing import MOST
from rl.fog.settings import FogSettings
from rl.fog.streams import Floats, Integers
from rl.fog.vector_ground import Floats32, Grounds
from rl.fog.vector_world import VectorWorld

VectorObservation: TypeAlias = dict[str, npt.NDArray[np.generic]]
"""By key an array of shape (runs, agents, …), … being that of the single environment."""


class VectorSight:
    """Begun anew with each world.

    Attributes:
        places: flat, of the agents' nodes, runs first.
    """

    def __init__(self, settings: FogSettings, grounds: Grounds) -> None:
        runs, agents, width = grounds.E, grounds.A, grounds.W
        origin = np.arange(runs, dtype=np.int64)[:, None] * width
        self.places: Integers = (origin + np.array(settings.agents, dtype=np.int64)).ravel()
        self._shape = runs, agents
        self._slots = grounds.slots
        self._clip = settings.never_to_longer_queue
        limits: Floats = np.ones((runs, width))
        limits[:, : grounds.N] = settings.all_queue_limits
        self._limits = limits.ravel()
        self._fillers: Integers = (origin + width - 1).ravel()
        powers = grounds.power.copy()
        mean = powers[:, : grounds.N].sum(axis=1)[:, None] / grounds.N
        per_tick = settings.cloud_instructions_per_second / settings.ticks_per_second
        powers[:, grounds.N :] = per_tick
        powers[:, -1] = 0.0
        over_mean = np.minimum(powers / mean, MOST).astype(np.float32).ravel()
        self._node_powers = over_mean.reshape(runs, width)[:, : grounds.N]
        used = (grounds.slots % width != width - 1).astype(np.int8)
        self._used = used
        self._lasting: VectorObservation = {
            "nodeId": np.tile(np.array(settings.agents, dtype=np.int64), (runs, 1)),
            "processingPower": over_mean[self.places].reshape(runs, agents, 1),
            "numberOfNeighbours": grounds.counts.astype(np.float32)[:, :, None],
            "neighbourPower": over_mean[grounds.slots],
            "neighbourDelay": grounds.shown.astype(np.float32),
            "action_mask": used,
        }
        for each in self._lasting.values():
            each.flags.writeable = False
        self._next = self._next_tasks(settings, grounds)

    def look(self, world: VectorWorld) -> VectorObservation:
        """Of all agents, as the world is now."""
        runs, agents = self._shape
        limits = self._limits
        loads = (world.shown / limits).astype(np.float32)
        free = 1.0 - loads
        loads[self._fillers] = -1.0
        free[self._fillers] = -1.0
        queues, spaces = loads.take(self._slots), free.take(self._slots)
        load = world.load.take(self.places)
        own = (load / limits.take(self.places)).astype(np.float32).reshape(runs, agents)
        queues[:, :, 0] = own
        spaces[:, :, 0] = 1.0 - own
        seen: VectorObservation = dict(self._lasting)
        seen["queueSize"] = own[:, :, None]
        seen["Q"] = queues
        seen["freeSpaces"] = spaces
        there = world.undecided(self.places) > 0
        if len(self._next) == 1:
            tasks = self._next[0] * there[:, None]
        else:
            kinds = world.next_kinds(self.places)
            tasks = self._next[kinds, np.arange(len(kinds))] * there[:, None]
        seen["nextTask"] = tasks.reshape(runs, agents, 3)
        if self._clip:
            believed = world.shown.take(self._slots)
            mask = self._used * (believed <= load.reshape(runs, agents, 1))
            mask[:, :, 0] = 1
            seen["action_mask"] = mask.astype(np.int8)
        return seen

    def state(self, world: VectorWorld) -> Floats32:
        """The truth about each run for a critic; see ``Sight.state``."""
        runs, nodes = self._node_powers.shape
        loads = world.load.reshape(runs, -1)[:, :nodes].astype(np.float32)
        loads /= self._limits.reshape(runs, -1)[:, :nodes].astype(np.float32)
        clouds = np.minimum(world.cloud_loads(), MOST).astype(np.float32)
        return np.concatenate((loads, self._node_powers, np.ones_like(loads), clouds), axis=1)

    def _next_tasks(self, settings: FogSettings, grounds: Grounds) -> Floats32:
        """By task type and agent, what is seen of a task of that type."""
        types = settings.task_types
        mean = sum(each.size_bytes for each in types) / len(types) or 1.0
        power = grounds.power.ravel()[self.places]
        found: Floats = np.empty((len(types), len(self.places), 3))
        for kind, each in enumerate(types):
            found[kind, :, 0] = 1.0
            found[kind, :, 1] = each.work / power
            found[kind, :, 2] = each.size_bytes / mean
        return np.minimum(found, MOST).astype(np.float32)
