"""What travels through the fog: tasks, and the applications that they are parts of.

A task is in exactly one place at any time, and its last place is one of three ends. Whoever moves
it sets ``place``; nothing else in the fog says where a task is.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any


class Place(IntEnum):
    """Where a task is. The last three are ends."""

    COMING = 0
    """With its application on the way from the client to a node."""
    WAITING = 1
    """At the node that took the application, for tasks whose results it needs."""
    QUEUED = 2
    RUNNING = 3
    SENT = 4
    """On a link to the node that it was offloaded to."""
    RETURNING = 5
    """Processed; its result is on the way back, link by link."""
    COMPLETED = 6
    """Its result is at the node that took the application."""
    DROPPED = 7
    """Refused by a full queue, lost on a link or with a node, or its application failed."""
    EXPIRED = 8
    """Removed from a queue, or refused, too long after its deadline."""


class Task:
    """One unit of work.

    Attributes:
        vertex: its number within the application's graph; 0 in one of a single task.
        kind: the task type's index.
        instructions: in all, cycles included.
        left: instructions still to process.
        size_bytes: what it takes to send it; its result is as large.
        path: the nodes that held it, the one that took the application first.
        local: its controller decided to keep it.
        node: where it waits, is queued or runs.
        memo: whatever the learner's seam must remember of the decisions about it; None if nothing.
    """

    __slots__ = (
        "application",
        "id",
        "instructions",
        "kind",
        "left",
        "local",
        "memo",
        "node",
        "path",
        "place",
        "size_bytes",
        "vertex",
    )

    def __init__(
        self,
        id: int,
        application: Application,
        vertex: int,
        kind: int,
        instructions: float,
        size_bytes: float,
    ) -> None:
        self.id = id
        self.application = application
        self.vertex = vertex
        self.kind = kind
        self.instructions = instructions
        self.left = instructions
        self.size_bytes = size_bytes
        self.path: list[int] = []
        self.local = False
        self.node = -1
        self.place = Place.COMING
        self.memo: Any = None

    def __repr__(self) -> str:
        return f"<Task {self.id} {self.place.name} at {self.node}>"


class Application:
    """What a client asks for: one task, or several with an order among them.

    Attributes:
        client: the node whose client asks.
        home: the node that was asked.
        created: the tick.
        deadline: the tick after which the client has no use for it; 0 for none.
        missing: by vertex, how many results it still needs before it may run.
        successors: by vertex, who needs its result. Both are empty for a single task.
        open: tasks that have not come to an end.
        failed: one of its tasks was dropped or expired, so it cannot be finished.
        late: its client gave it up.
        finished: its result is on the way to the client.
    """

    __slots__ = (
        "client",
        "created",
        "deadline",
        "failed",
        "finished",
        "home",
        "id",
        "late",
        "missing",
        "open",
        "successors",
        "tasks",
    )

    def __init__(self, id: int, client: int, home: int, created: int, deadline: int) -> None:
        self.id = id
        self.client = client
        self.home = home
        self.created = created
        self.deadline = deadline
        self.tasks: list[Task] = []
        self.missing: list[int] = []
        self.successors: list[list[int]] = []
        self.open = 0
        self.failed = False
        self.late = False
        self.finished = False
