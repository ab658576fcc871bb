"""Who is kept out because of its answers, and for how long. Knows no clock: ``now`` arrives.

Ejection after consecutive failures, each time for twice as long; a share of the fleet stays in
whatever happens; an endpoint that behaved for as long as it was last kept out starts afresh.
"""

from __future__ import annotations

from config.schema import Ejection
from metrics.table import EndpointTable
from rl.vocabulary import EndpointStats, Verdict


class _Record:
    __slots__ = ("ejections", "failures_in_a_row", "until")

    def __init__(self) -> None:
        self.failures_in_a_row = 0
        self.ejections = 0
        self.until = float("-inf")


class Health:
    """Passive ejection over one node's endpoints.

    Attributes:
        due: the earliest moment at which ``reinstate`` has something to do; infinite if none.
    """

    __slots__ = ("_records", "_settings", "_table", "due")

    def __init__(self, settings: Ejection, table: EndpointTable) -> None:
        self._settings = settings
        self._table = table
        self._records = {stats.id: _Record() for stats in table.all}
        self.due = float("inf")

    def completed(self, stats: EndpointStats, verdict: Verdict, now: float) -> bool:
        """Count one answer; whether the endpoint was ejected by it."""
        record = self._records[stats.id]
        if verdict is Verdict.SUCCESS:
            if record.failures_in_a_row:
                record.failures_in_a_row = 0
            if record.ejections and now - record.until > self._duration(record.ejections):
                record.ejections = 0
            return False
        if verdict is Verdict.IGNORED:
            return False
        if stats.ejected:
            # Sent before it was put out, or in a panic: that failure has been paid for already.
            return False
        record.failures_in_a_row += 1
        if record.failures_in_a_row < self._settings.consecutive_failures:
            return False
        if not self._may_eject_another():
            return False
        record.ejections += 1
        record.failures_in_a_row = 0
        record.until = now + self._duration(record.ejections)
        self.due = min(self.due, record.until)
        self._table.set_ejected(stats, True)
        return True

    def reinstate(self, now: float) -> bool:
        """Let in again whose time is over; whether there was any."""
        changed = False
        self.due = float("inf")
        for stats in self._table.all:
            if not stats.ejected:
                continue
            until = self._records[stats.id].until
            if until <= now:
                self._table.set_ejected(stats, False)
                changed = True
            else:
                self.due = min(self.due, until)
        return changed

    def ejected_until(self, stats: EndpointStats) -> float | None:
        """When an ejected endpoint comes back; None for all others."""
        return self._records[stats.id].until if stats.ejected else None

    def _may_eject_another(self) -> bool:
        out = sum(stats.ejected for stats in self._table.all)
        # 0.29 of 100 are 29, which floating point has a hair below.
        return out + 1 <= int(len(self._table.all) * self._settings.max_share + 1e-9)

    def _duration(self, ejections: int) -> float:
        # The exponent is bounded so that a server that is down for days does not overflow it.
        doubled = self._settings.seconds * 2.0 ** min(ejections - 1, 30)
        return min(doubled, self._settings.max_seconds)
