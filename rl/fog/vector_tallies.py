"""What has happened in many runs: ``Tallies`` as arrays by flat place."""

from __future__ import annotations

import numpy as np

from rl.fog.settings import FogSettings
from rl.fog.streams import Floats, Integers


class VectorTallies:
    """Counts by flat place; what will be finished or given up in a later tick waits in its row.

    Args:
        size: how many flat places there are.
        longest: ticks from a home to its client.

    Attributes:
        completed: tasks, by the node that took the application.
        refused: applications and tasks that came to a full queue; nothing else drops any.
        received, processed, sent, taken, expired, overloaded, energy: as of Tallies.
        asked, finished, late, responses: applications by client, and their ticks in all.
    """

    def __init__(self, settings: FogSettings, size: int, longest: int) -> None:
        counts: Integers = np.zeros((12, size), dtype=np.int64)
        (
            self.completed,
            self.refused,
            self.received,
            self.late,
            self.processed,
            self.sent,
            self.taken,
            self.expired,
            self.overloaded,
            self.asked,
            self.finished,
            self.responses,
        ) = counts
        self._lately = counts[:3]
        self._totals = counts[10:]
        self._before = self._lately.copy()
        self.energy: Floats = np.zeros(size)
        self._worked: Floats = np.zeros(size)
        self._size = size
        self._finish_rows = longest + 1
        self._finishing: Integers = np.zeros((self._finish_rows, 2, size), dtype=np.int64)
        self._last = settings.last_tick + 1
        self._late_rows = late_rows(settings)
        self._later: Integers = np.zeros((self._late_rows, size), dtype=np.int64)

    def begin_period(self) -> None:
        """From one decision to the next."""
        self._before[:] = self._lately

    def lately(self) -> Integers:
        """Completed, refused and received since ``begin_period``: (3, size)."""
        return self._lately - self._before

    def tick(self, now: int) -> None:
        """What was to come in this tick comes."""
        coming = self._finishing[now % self._finish_rows]
        self._totals += coming
        coming[:] = 0
        gone = self._later[now % self._late_rows]
        self.late += gone
        gone[:] = 0

    def ask(self, clients: Integers) -> None:
        self.asked += np.bincount(clients, minlength=self._size)

    def await_result(self, clients: Integers, deadlines: Integers) -> None:
        """They give up a tick after their deadlines."""
        np.add.at(self._later.ravel(), self._when(clients, deadlines), 1)

    def finish(
        self, clients: Integers, ticks: Integers, created: Integers, deadlines: Integers | None
    ) -> None:
        """Results are on the way to clients and will be there at these ticks, if in time."""
        if deadlines is not None:
            early = ticks <= deadlines
            if not early.all():
                inside = early.nonzero()[0]
                clients, ticks = clients.take(inside), ticks.take(inside)
                created, deadlines = created.take(inside), deadlines.take(inside)
            np.subtract.at(self._later.ravel(), self._when(clients, deadlines), 1)
        at = ticks % self._finish_rows
        at *= 2 * self._size
        at += clients
        flat = self._finishing.ravel()
        np.add.at(flat, at, 1)
        at += self._size
        np.add.at(flat, at, ticks - created)

    def work(self, places: Integers, instructions: Floats, cost: float) -> None:
        """So many instructions were processed there; no place twice."""
        before = self._worked.take(places)
        after = before + instructions
        self._worked[places] = after
        after -= before
        after *= cost
        self.energy[places] += after

    def _when(self, clients: Integers, deadlines: Integers) -> Integers:
        at = np.minimum(deadlines + 1, self._last)
        at %= self._late_rows
        at *= self._size
        at += clients
        return at


def late_rows(settings: FogSettings) -> int:
    """How many ticks ahead a client can give up, at the most."""
    longest = 2 * settings.least_deadline_seconds * settings.ticks_per_second
    return int(min(longest, settings.last_tick)) + 2
