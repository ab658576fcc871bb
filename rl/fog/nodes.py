"""The workers: their queues, what they run, and what has happened to them, as lists by node."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from rl.fog.tasks import Place, Task


class Nodes:
    """All workers of one fog.

    First come, first served; all cores work on one task, and what a tick leaves over goes to the
    next one. In ``compat`` the newest task is served first, and newcomers are served only once they
    were moved to the queue: every second tick, when the queue is empty, or when one is offloaded.

    Attributes:
        power: instructions per tick, all cores.
        limits: how many tasks a node holds at the most.
        load: how many it holds: queued, received, waiting and running.
        queue: the oldest first; whose results nothing is missing for.
        waiting: by node, tasks that need results still missing.
        running: what it has begun.
        up: it has not failed.
        instructions: processed so far.
    """

    def __init__(self, power: Sequence[int], limits: Sequence[int], compat: bool) -> None:
        size = len(power)
        self.power = list(power)
        self.limits = list(limits)
        self.load = [0] * size
        self.queue: list[deque[Task]] = [deque() for _ in range(size)]
        self.waiting: list[dict[int, Task]] = [{} for _ in range(size)]
        self.running: list[Task | None] = [None] * size
        self.up = [True] * size
        self.instructions = [0.0] * size
        self._received: list[list[Task]] = [[] for _ in range(size)]
        self._compat = compat

    def __len__(self) -> int:
        return len(self.power)

    def add(self, task: Task, node: int) -> None:
        """One more task that can run; whether there is room was the caller's to ask."""
        task.place = Place.QUEUED
        task.node = node
        self.load[node] += 1
        self._line_up(task, node)

    def add_waiting(self, task: Task, node: int) -> None:
        """One more task, which needs results first."""
        task.place = Place.WAITING
        task.node = node
        self.load[node] += 1
        self.waiting[node][task.id] = task

    def release(self, task: Task) -> None:
        """A waiting task has all that it needs."""
        del self.waiting[task.node][task.id]
        task.place = Place.QUEUED
        self._line_up(task, task.node)

    def keep(self, node: int, count: int) -> int:
        """Mark up to ``count`` undecided tasks, the next to be served first, to be processed here.

        In compat it is the next task to be served, decided or not.
        """
        kept = 0
        for task in self._in_order(node):
            if kept == count or (self._compat and kept):
                break
            if self._compat or not task.local:
                task.local = True
                kept += 1
        return kept

    def take(self, node: int, count: int) -> list[Task]:
        """Remove up to ``count`` undecided tasks, the next to be served first."""
        if self._compat:
            self._move(node)
        queue = self.queue[node]
        taken: list[Task] = []
        if not self._compat:
            while queue and len(taken) < count and not queue[0].local:
                taken.append(queue.popleft())
        if queue and len(taken) < count:
            for task in list(self._in_order(node)):
                if len(taken) == count:
                    break
                if not task.local:
                    queue.remove(task)
                    taken.append(task)
        self.load[node] -= len(taken)
        return taken

    def undecided(self, node: int) -> Task | None:
        """Whom the next action is about."""
        for task in self._in_order(node):
            if not task.local:
                return task
        return None

    def remove(self, task: Task) -> None:
        """A queued or waiting task is gone."""
        node = task.node
        if task.place is Place.WAITING:
            del self.waiting[node][task.id]
        elif task in self.queue[node]:
            self.queue[node].remove(task)
        else:
            self._received[node].remove(task)
        self.load[node] -= 1

    def process(self, node: int, now: int) -> list[Task]:
        """One tick's work; the tasks that were finished."""
        queue = self.queue[node]
        if self._compat and (now % 2 == 0 or not queue):
            self._move(node)
        task = self.running[node]
        if task is None and not queue:
            return []
        finished: list[Task] = []
        budget: float = self.power[node]
        next_task = queue.pop if self._compat else queue.popleft
        while budget > 0:
            if task is None:
                if not queue:
                    break
                task = next_task()
                task.place = Place.RUNNING
            if task.left > budget:
                task.left -= budget
                budget = 0
                break
            budget -= task.left
            task.left = 0
            finished.append(task)
            task = None
        self.running[node] = task
        self.load[node] -= len(finished)
        self.instructions[node] += self.power[node] - budget
        return finished

    def clear(self, node: int) -> list[Task]:
        """Remove all that it holds."""
        held = self.held(node)
        self.queue[node].clear()
        self._received[node].clear()
        self.waiting[node].clear()
        self.running[node] = None
        self.load[node] = 0
        return held

    def held(self, node: int) -> list[Task]:
        """All that it holds: what runs, then what is queued, then what waits."""
        running = self.running[node]
        return [
            *([] if running is None else [running]),
            *self.queue[node],
            *self._received[node],
            *self.waiting[node].values(),
        ]

    def queued(self, node: int) -> list[Task]:
        """What could be offloaded or begun, the next to be served first."""
        return list(self._in_order(node))

    def _in_order(self, node: int) -> Sequence[Task]:
        queue = self.queue[node]
        if not self._compat:
            return queue
        return [*reversed(self._received[node]), *reversed(queue)]

    def _line_up(self, task: Task, node: int) -> None:
        if self._compat:
            self._received[node].append(task)
        else:
            self.queue[node].append(task)

    def _move(self, node: int) -> None:
        received = self._received[node]
        if received:
            self.queue[node].extend(received)
            received.clear()
