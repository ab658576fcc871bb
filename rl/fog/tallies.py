"""What has happened in a fog so far, counted; and what there must be if nothing went missing."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Census:
    """Every task that clients ever asked for, by where it is now.

    The first four are counted as things happen. The others are counted by looking into every
    queue, at every link and at every application, so that ``created`` equals the sum of the rest
    only if no task was lost sight of or is in two places.

    Attributes:
        created: tasks of all applications that clients have sent.
        completed: whose result reached the node that took the application.
        dropped: refused, lost on a link or with a node, or given up with their application.
        expired: removed too long after their deadline, or given up with such a task.
        coming: with their application on the way from the client.
        waiting: for the results of other tasks of their application.
        queued: at a worker or a cloud.
        running: at a worker or a cloud.
        sent: on a link to where they were offloaded to.
        returning: as a result on the way back.
    """

    created: int
    completed: int
    dropped: int
    expired: int
    coming: int
    waiting: int
    queued: int
    running: int
    sent: int
    returning: int

    @property
    def in_system(self) -> int:
        """Tasks that have not come to an end."""
        return self.coming + self.waiting + self.queued + self.running + self.sent + self.returning

    @property
    def balanced(self) -> bool:
        """Nothing is missing and nothing is there twice."""
        return self.created == self.completed + self.dropped + self.expired + self.in_system


class Tallies:
    """Counts by node and in all.

    Attributes:
        created, completed, dropped, expired: tasks in all; see Census.
        completed_for: by the node that took the application.
        dropped_at: by node; a task lost on a link counts for its sender.
        expired_at: by node.
        refused_at: applications and offloaded tasks that came to a full queue.
        received: tasks that came in, from clients and neighbours.
        processed: tasks that a node finished itself.
        sent, taken: tasks offloaded from a node, and to it.
        overloaded: ticks in which a queue was full.
        energy: by node, in the settings' units.
        asked, finished, late: applications by client's node.
        response_ticks: by client's node, of its finished applications in all.
        completed_lately, dropped_lately: by node, since ``begin_period``.
        received_lately: by node, since ``begin_period``.
        late_lately: by client's node, since ``begin_period``.
    """

    __slots__ = (
        "asked",
        "completed",
        "completed_for",
        "completed_lately",
        "created",
        "dropped",
        "dropped_at",
        "dropped_lately",
        "energy",
        "expired",
        "expired_at",
        "finished",
        "late",
        "late_lately",
        "overloaded",
        "processed",
        "received",
        "received_lately",
        "refused_at",
        "response_ticks",
        "sent",
        "taken",
    )

    def __init__(self, nodes: int) -> None:
        self.created = 0
        self.completed = 0
        self.dropped = 0
        self.expired = 0
        self.completed_for = [0] * nodes
        self.dropped_at = [0] * nodes
        self.expired_at = [0] * nodes
        self.refused_at = [0] * nodes
        self.received = [0] * nodes
        self.processed = [0] * nodes
        self.sent = [0] * nodes
        self.taken = [0] * nodes
        self.overloaded = [0] * nodes
        self.energy = [0.0] * nodes
        self.asked = [0] * nodes
        self.finished = [0] * nodes
        self.late = [0] * nodes
        self.response_ticks = [0] * nodes
        self.begin_period()

    def begin_period(self) -> None:
        """From one decision to the next."""
        nodes = len(self.asked)
        self.completed_lately = [0] * nodes
        self.dropped_lately = [0] * nodes
        self.received_lately = [0] * nodes
        self.late_lately = [0] * nodes
