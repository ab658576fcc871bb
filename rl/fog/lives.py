"""What becomes of applications and tasks: each moves from place to place until it ends.

Conservation rests on this module alone: every task that is taken from one place is put into another
or ended in the same call.
"""

from __future__ import annotations

from collections.abc import Sequence

from rl.fog.clouds import Cloud
from rl.fog.ground import Ground
from rl.fog.nodes import Nodes
from rl.fog.post import Post
from rl.fog.settings import FogSettings
from rl.fog.tallies import Tallies
from rl.fog.tasks import Application, Place, Task

MEGABYTE = 1e6


class Lives:
    """Attributes:
    now: the tick, set by the world.
    watched: tasks with a ``memo`` whose result a node has, or which came to a bad end, since it was
        last emptied: (task, node), -1 where it ended badly.
    """

    def __init__(
        self,
        settings: FogSettings,
        ground: Ground,
        nodes: Nodes,
        clouds: Sequence[Cloud],
        post: Post,
        tallies: Tallies,
    ) -> None:
        self.now = 0
        self.watched: list[tuple[Task, int]] = []
        self._completed: list[Task] | None = None
        self.nodes = nodes
        self.tallies = tallies
        self.post = post
        self._ground = ground
        self._clouds = clouds
        self._count = len(nodes)
        self._grace = settings.expiry_ticks
        self._per_megabyte = settings.energy_per_megabyte

    def accept(self, application: Application) -> None:
        home, nodes = application.home, self.nodes
        tasks = application.tasks
        self.tallies.received[home] += len(tasks)
        self.tallies.received_lately[home] += len(tasks)
        if not nodes.up[home]:
            self.refuse(application, home)
            return
        if nodes.load[home] + len(tasks) > nodes.limits[home]:
            self.tallies.refused_at[home] += 1
            self.refuse(application, home)
            return
        missing = application.missing
        for task in tasks:
            task.path.append(home)
            if missing and missing[task.vertex]:
                nodes.add_waiting(task, home)
            else:
                nodes.add(task, home)

    def refuse(self, application: Application, node: int) -> None:
        for task in application.tasks:
            self._end(task, Place.DROPPED, node)

    def offload(self, task: Task, node: int, target: int) -> None:
        self.tallies.sent[node] += 1
        self._send(task, Place.SENT, node, target)

    def receive(self, task: Task, node: int) -> None:
        if node >= self._count:
            task.path.append(node)
            self._clouds[node - self._count].accept(task)
            return
        tallies, nodes = self.tallies, self.nodes
        tallies.received[node] += 1
        tallies.received_lately[node] += 1
        if not nodes.up[node]:
            self._end(task, Place.DROPPED, node)
            return
        deadline = task.application.deadline
        if deadline and self.now >= deadline + self._grace:
            self._end(task, Place.EXPIRED, node)
            return
        if nodes.load[node] >= nodes.limits[node]:
            tallies.refused_at[node] += 1
            self._end(task, Place.DROPPED, node)
            return
        tallies.taken[node] += 1
        if node in task.path:
            # It was here before: its result need not go round.
            del task.path[task.path.index(node) + 1 :]
        else:
            task.path.append(node)
        task.local = False
        nodes.add(task, node)

    def processed(self, task: Task, node: int) -> None:
        if task.memo is not None:
            self.watched.append((task, node))
        if len(task.path) == 1:
            self._complete(task)
        else:
            self._send_result(task, node)

    def _send_result(self, task: Task, node: int) -> None:
        task.path.pop()
        self._send(task, Place.RETURNING, node, task.path[-1])

    def take_result(self, task: Task, node: int) -> None:
        if not self.nodes.up[node]:
            self._end(task, Place.DROPPED, node)
            return
        if task.memo is not None:
            self.watched.append((task, node))
        if len(task.path) == 1:
            self._complete(task)
        else:
            self._send_result(task, node)

    def _send(self, task: Task, place: Place, node: int, target: int) -> None:
        task.place = place
        size = task.size_bytes
        if node < self._count:
            self.tallies.energy[node] += size / MEGABYTE * self._per_megabyte
        linked = self._ground.linked(node, target)
        if not linked or not self.post.send(task, node, target, size, self.now):
            self._end(task, Place.DROPPED, node)

    def harvest(self) -> list[Task]:
        """Tasks completed since this was asked last; before the first time none is kept."""
        found, self._completed = self._completed or [], []
        return found

    def _complete(self, task: Task) -> None:
        task.place = Place.COMPLETED
        if self._completed is not None:
            self._completed.append(task)
        application = task.application
        tallies = self.tallies
        tallies.completed += 1
        tallies.completed_for[application.home] += 1
        tallies.completed_lately[application.home] += 1
        application.open -= 1
        if application.failed:
            return
        if application.successors:
            for vertex in application.successors[task.vertex]:
                application.missing[vertex] -= 1
                if not application.missing[vertex]:
                    self.nodes.release(application.tasks[vertex])
        if not application.open:
            # If it is lost the client gives the application up at its deadline.
            home, client = application.home, self._ground.client_place(application.client)
            self.post.send(application, home, client, task.size_bytes, self.now)

    def _end(self, task: Task, place: Place, node: int) -> None:
        """A bad end, of a task that nobody holds any more. What waits for it ends with it."""
        task.place = place
        tallies = self.tallies
        if place is Place.DROPPED:
            tallies.dropped += 1
            if node < self._count:
                tallies.dropped_at[node] += 1
                tallies.dropped_lately[node] += 1
        else:
            tallies.expired += 1
            tallies.expired_at[node] += 1
        if task.memo is not None:
            self.watched.append((task, -1))
        application = task.application
        application.open -= 1
        if application.failed:
            return
        application.failed = True
        if application.missing:
            for other in application.tasks:
                if other.place is Place.WAITING:
                    self.nodes.remove(other)
                    self._end(other, place, application.home)

    def expire(self, application: Application) -> None:
        """Its deadline is too long ago: what nodes have not begun of it is removed."""
        for task in application.tasks:
            held = task.place is Place.QUEUED or task.place is Place.WAITING
            if held and task.node < self._count:
                self.nodes.remove(task)
                self._end(task, Place.EXPIRED, task.node)

    def fail(self, node: int) -> None:
        """A node goes down with all that it holds."""
        self.nodes.up[node] = False
        held = self.nodes.clear(node)
        for task in held:
            task.place = Place.QUEUED  # nobody is to look for it among those that wait
        for task in held:
            self._end(task, Place.DROPPED, node)

    def finish(self, application: Application) -> None:
        if not application.late:
            application.finished = True
            client = application.client
            self.tallies.finished[client] += 1
            self.tallies.response_ticks[client] += self.now - application.created
