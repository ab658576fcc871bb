"""The clouds of many runs: what ``Cloud`` does, as arrays."""

from __future__ import annotations

import numpy as np

from rl.fog.settings import FogSettings
from rl.fog.streams import Floats, Integers
from rl.fog.vector_ground import Grounds
from rl.fog.vector_tasks import Rings, Table, ranks


class VectorClouds:
    """All clouds of all runs. First come, first served.

    Args:
        tasks: whose ids they hold.
        work: by task type, instructions.

    Attributes:
        count: of each run.
    """

    def __init__(self, settings: FogSettings, grounds: Grounds, tasks: Table, work: Floats) -> None:
        self.count = settings.clouds
        self._runs = grounds.E
        self._tasks = tasks
        self._work = work
        places = np.arange(grounds.E * grounds.W, dtype=np.int64).reshape(grounds.E, grounds.W)
        self._places: Integers = places[:, grounds.N : -1].ravel()
        self._number: Integers = np.full(grounds.E * grounds.W, -1, dtype=np.int64)
        self._number[self._places] = np.arange(len(self._places))
        size = len(self._places), settings.cloud_machines
        self._busy: Integers = np.full(size, -1, dtype=np.int64)
        self._left: Floats = np.zeros(size)
        self._power = grounds.power.ravel()[self._places]
        self._queues = Rings(len(self._places), 16)
        self._holding = 0

    def loads(self) -> Integers:
        """Tasks by run and cloud."""
        held: Integers = (self._busy >= 0).sum(axis=1) + self._queues.count
        return held.reshape(self._runs, self.count)

    def accept(self, ids: Integers, places: Integers) -> None:
        order, rank = ranks(self._number.take(places), len(self._places))
        clouds = self._number.take(places.take(order))
        more = np.bincount(clouds, minlength=len(self._places))
        while int((self._queues.count + more).max()) > self._queues.room:
            self._queues.grow()
        self._queues.push(clouds, ids.take(order), rank)
        self._queues.count += more
        self._holding += len(ids)

    def process(self) -> list[tuple[Integers, Integers]]:
        """One tick; the tasks that were finished, and the flat places of their clouds."""
        if not self._holding:
            return []
        finished = []
        queues = self._queues
        for machine in range(self._busy.shape[1]):
            running, left = self._busy[:, machine], self._left[:, machine]
            budget = self._power.copy()
            fetch = ((running < 0) & (queues.count > 0)).nonzero()[0]
            if not len(fetch) and not (running >= 0).any():
                continue
            while True:
                if len(fetch):
                    ids = queues.pop(fetch)
                    running[fetch] = ids
                    left[fetch] = self._work.take(self._tasks.kind.take(ids))
                spent = np.minimum(left, budget)
                left -= spent
                budget -= spent
                over = ((left == 0) & (running >= 0)).nonzero()[0]
                if not len(over):
                    break
                finished.append((running.take(over), self._places.take(over)))
                self._holding -= len(over)
                running[over] = -1
                fetch = over[(budget.take(over) > 0) & (queues.count.take(over) > 0)]
                if not len(fetch):
                    break
        return finished
