"""Clouds: queues without a bound before machines of equal power."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from rl.fog.tasks import Place, Task


@dataclass(frozen=True, slots=True)
class CloudSize:
    """Attributes:
    machines: how many tasks it works on at a time.
    power: instructions per tick of each machine.
    """

    machines: int
    power: int


class Cloud:
    """One of them. First come, first served.

    Args:
        compat: as the original has it, a machine's power begins anew with each task, so that it
            finishes any number of small tasks in one tick.
    """

    __slots__ = ("_compat", "_power", "busy", "node", "processed", "queue")

    def __init__(self, node: int, size: CloudSize, compat: bool) -> None:
        self.node = node
        self.queue: deque[Task] = deque()
        self.busy: list[Task | None] = [None] * size.machines
        self.processed = 0.0
        self._power = size.power
        self._compat = compat

    def __len__(self) -> int:
        return len(self.queue) + sum(each is not None for each in self.busy)

    def accept(self, task: Task) -> None:
        task.place = Place.QUEUED
        task.node = self.node
        self.queue.append(task)

    def process(self) -> list[Task]:
        """One tick; the tasks that were finished."""
        finished: list[Task] = []
        queue = self.queue
        for machine, begun in enumerate(self.busy):
            task, budget = begun, float(self._power)
            while True:
                if task is None:
                    if not queue:
                        break
                    task = queue.popleft()
                    task.place = Place.RUNNING
                if task.left > budget:
                    task.left -= budget
                    break
                if not self._compat:
                    budget -= task.left
                task.left = 0
                finished.append(task)
                task = None
                if budget <= 0:
                    break
            self.busy[machine] = task
        for task in finished:
            self.processed += task.instructions
        return finished

    def held(self) -> list[Task]:
        """All that it works on or has queued."""
        return [each for each in self.busy if each is not None] + list(self.queue)
