"""Who is kept out because of its answers, for how long, and how it comes back.

Five reasons put an endpoint out: failures in a row, gateway failures in a row, a success rate below
the fleet's, a share of failures above a threshold, and a Retry-After of its own; and a failure on
probation at once. Each time it is out for twice as long, up to a maximum and with jitter, so that
those who went out together do not come back together. A share of the fleet stays in whatever
happens. Who behaved for as long as it was last kept out starts afresh. How the return goes is
``recovery``'s matter.

Knows no clock and no dice of its own: ``now`` arrives, the dice are handed over. Records are kept
only of endpoints that there is something to say of, and of none that is not in the table.
"""

from __future__ import annotations

import random

from config.balancer import Ejection, Probation, SlowStart
from load_balancer.outliers import Tally, by_failure_share, by_success_rate
from load_balancer.recovery import Recovery, Warming
from metrics.counters import Counters
from metrics.table import EndpointTable
from rl.vocabulary import EndpointStats, Outcome, Verdict

GATEWAY_FAILURES = frozenset({0, 502, 503, 504})
"""The endpoint, or what lies between, could not do it; 0 is no answer."""

_NEVER = float("inf")


class _Record:
    """What is held against one endpoint.

    Attributes:
        failures, gateway_failures: in a row.
        ejections: in a row, without good behaviour between.
        kept_out: seconds of the last one.
        until: its end.
        warming: its return, while that lasts.
    """

    __slots__ = (
        "ejections",
        "failures",
        "gateway_failures",
        "kept_out",
        "stats",
        "tally",
        "until",
        "warming",
    )

    def __init__(self, stats: EndpointStats) -> None:
        self.stats = stats
        self.failures = 0
        self.gateway_failures = 0
        self.ejections = 0
        self.kept_out = 0.0
        self.until = -_NEVER
        self.warming: Warming | None = None
        self.tally = Tally()


class Health:
    """Passive ejection and return of one node's endpoints.

    Attributes:
        due: the earliest moment at which ``advance`` has something to do; infinite if none.
        attentive: successes must be told too. While nothing is held against anybody they need not
            be, and mostly nothing is.
    """

    __slots__ = (
        "_counters",
        "_dice",
        "_judging",
        "_next_judgement",
        "_records",
        "_recovery",
        "_settings",
        "_table",
        "attentive",
        "due",
    )

    def __init__(
        self,
        settings: Ejection,
        table: EndpointTable,
        dice: random.Random | None = None,
        counters: Counters | None = None,
        probation: Probation | None = None,
        slow_start: SlowStart | None = None,
    ) -> None:
        self._settings = settings
        self._table = table
        self._dice = dice or random.Random(0)
        self._counters = counters or Counters()
        self._recovery = Recovery(probation or Probation(), slow_start or SlowStart())
        self._records: dict[str, _Record] = {}
        self._judging = settings.success_rate.enabled or settings.failure_share.enabled
        self._next_judgement = -_NEVER if self._judging else _NEVER
        self.due = self._next_judgement
        self.attentive = self._judging

    def apply(self, settings: Ejection, probation: Probation, slow_start: SlowStart) -> None:
        """Other settings, for what comes next; who is out stays out for as long as was said."""
        self._settings = settings
        self._recovery = Recovery(probation, slow_start)
        judging = settings.success_rate.enabled or settings.failure_share.enabled
        if judging != self._judging:
            self._judging = judging
            self._next_judgement = -_NEVER if judging else _NEVER
            for record in self._records.values():
                record.tally = Tally()  # successes were not told
        self.attentive = judging or bool(self._records)
        self.due = -_NEVER  # at the next look all times are worked out anew

    # What happens to endpoints. Each tells whether candidates or shares have changed.

    def completed(self, stats: EndpointStats, outcome: Outcome, now: float) -> bool:
        """One answer, or what came instead; never IGNORED, and successes only if ``attentive``."""
        record = self._records.get(stats.id)
        if outcome.verdict is Verdict.SUCCESS:
            if record is None and not self._judging:
                return False
            return self._succeeded(stats, record, now)
        if stats.ejected:
            # Sent before it was put out, or in a panic: that failure has been paid for already.
            return False
        record = self._record(stats)
        return record is not None and self._failed(record, outcome, now)

    def retry_after(self, stats: EndpointStats, status: int, seconds: float, now: float) -> bool:
        """An answer with this status asked to be left alone for so long."""
        settings = self._settings
        seconds = min(seconds, settings.retry_after_max_seconds)
        if seconds <= 0.0 or status not in settings.retry_after_statuses:
            return False
        record = self._record(stats)
        if record is None:
            return False
        if stats.ejected:
            record.until = max(record.until, now + seconds)
            return False
        # It is no fault: the next ejection lasts no longer for it.
        return self._put_out(record, "retry_after", seconds, now)

    def joined(self, stats: EndpointStats, now: float) -> bool:
        """A newcomer, already in the table."""
        return self._warm_up(stats, self._recovery.joining(now), now)

    def recovered(self, stats: EndpointStats, now: float) -> bool:
        """Active checks succeed again."""
        if stats.ejected:
            return False  # its probation begins when that is over
        return self._warm_up(stats, self._recovery.returning(now, self._settings.seconds), now)

    def fell(self, stats: EndpointStats) -> bool:
        """Active checks fail: where it was on its way back, it no longer is."""
        record = self._records.get(stats.id)
        return record is not None and self._stop_warming(record)

    def forget(self, id: str) -> None:
        """This endpoint is no more. What is still in flight to it leaves no trace."""
        record = self._records.pop(id, None)
        if record is not None:
            self._stop_warming(record)  # it may come back, and nobody would raise its share then
        self.attentive = self._judging or bool(self._records)

    def advance(self, now: float) -> bool:
        """Do what is due: let in again whose time is over, raise shares, look for outliers."""
        changed = self._next_judgement <= now and self._judge(now)
        due = self._next_judgement
        for record in list(self._records.values()):
            stats = record.stats
            if not self._present(stats):
                self.forget(stats.id)
                continue
            if stats.ejected:
                if now < record.until:
                    due = min(due, record.until)
                    continue
                self._table.set_ejected(stats, False)
                record.warming = self._recovery.returning(now, record.kept_out)
                changed = True
            if record.warming is not None:
                changed |= self._set_share(record, record.warming, now)
                if record.warming is not None:
                    due = min(due, self._recovery.due(record.warming, now))
        self.due = due
        return changed

    def ejected_until(self, stats: EndpointStats) -> float | None:
        """When an ejected endpoint comes back; None for all others."""
        record = self._records.get(stats.id)
        return record.until if record is not None and stats.ejected else None

    # Records.

    def _record(self, stats: EndpointStats) -> _Record | None:
        record = self._records.get(stats.id)
        if record is None or record.stats is not stats:
            if not self._present(stats):
                return None
            record = self._records[stats.id] = _Record(stats)
            self.attentive = True
        return record

    def _present(self, stats: EndpointStats) -> bool:
        try:
            return self._table[stats.id] is stats
        except KeyError:
            return False

    def _succeeded(self, stats: EndpointStats, record: _Record | None, now: float) -> bool:
        if record is None or record.stats is not stats:
            record = self._record(stats)
            if record is None:
                return False
        if stats.ejected:
            return False
        record.failures = record.gateway_failures = 0
        record.tally.requests += 1
        warming = record.warming
        if warming is not None:
            if not self._recovery.succeeded(warming, now):
                return False
            changed = self._set_share(record, warming, now)
            if record.warming is not None:
                self.due = min(self.due, self._recovery.due(warming, now))
            return changed
        if record.ejections and now - record.until > record.kept_out:
            record.ejections = 0
        if not record.ejections and not self._judging:
            self.forget(stats.id)
        return False

    def _failed(self, record: _Record, outcome: Outcome, now: float) -> bool:
        settings = self._settings
        warming = record.warming
        if warming is not None and warming.left and now - outcome.latency < warming.since:
            return False  # it was sent before the endpoint came back, and says nothing of it now
        record.tally.requests += 1
        record.tally.failures += 1
        record.failures += 1
        if outcome.status in GATEWAY_FAILURES:
            record.gateway_failures += 1
        else:
            record.gateway_failures = 0
        most, most_gateway = settings.consecutive_failures, settings.consecutive_gateway_failures
        if warming is not None and warming.left:
            if self._eject(record, "probation", now):
                return True
            self._recovery.failed(warming, now, settings.seconds)
        elif most is not None and record.failures >= most:
            return self._eject(record, "consecutive", now)
        elif most_gateway is not None and record.gateway_failures >= most_gateway:
            return self._eject(record, "gateway", now)
        return False

    # Out and in.

    def _judge(self, now: float) -> bool:
        """The interval is over: eject who stands out in it, and begin the next."""
        self._next_judgement = now + self._settings.interval_seconds
        judged = [each for each in self._records.values() if not each.stats.ejected]
        tallies = [each.tally for each in judged]
        found: list[tuple[int, str]] = []
        if self._settings.success_rate.enabled:
            outliers = by_success_rate(tallies, self._settings.success_rate)
            found += [(index, "success_rate") for index in outliers]
        if self._settings.failure_share.enabled:
            outliers = by_failure_share(tallies, self._settings.failure_share)
            found += [(index, "failure_share") for index in outliers]
        changed = False
        for index, reason in found:
            record = judged[index]
            changed |= not record.stats.ejected and self._eject(record, reason, now)
        for record in self._records.values():
            record.tally = Tally()
        return changed

    def _eject(self, record: _Record, reason: str, now: float) -> bool:
        # The exponent is bounded so that a server that is down for days does not overflow it.
        doubled = self._settings.seconds * 2.0 ** min(record.ejections, 30)
        seconds = min(doubled, self._settings.max_seconds)
        seconds *= 1.0 + self._settings.jitter * self._dice.random()
        if not self._put_out(record, reason, seconds, now):
            return False
        record.ejections += 1
        return True

    def _put_out(self, record: _Record, reason: str, seconds: float, now: float) -> bool:
        if not self._may_eject_another():
            return False
        self._stop_warming(record)
        record.failures = record.gateway_failures = 0
        record.kept_out = seconds
        record.until = now + seconds
        self.due = min(self.due, record.until)
        self._table.set_ejected(record.stats, True)
        self._counters.ejected(record.stats.id, reason)
        return True

    def _may_eject_another(self) -> bool:
        out = sum([stats.ejected for stats in self._table.all])
        # 0.29 of 100 are 29, which floating point has a hair below.
        return out + 1 <= int(len(self._table.all) * self._settings.max_share + 1e-9)

    def _warm_up(self, stats: EndpointStats, warming: Warming, now: float) -> bool:
        record = self._record(stats)
        if record is None:
            return False
        record.warming = warming
        changed = self._set_share(record, warming, now)
        if record.warming is not None:
            self.due = min(self.due, self._recovery.due(warming, now))
        return changed

    def _stop_warming(self, record: _Record) -> bool:
        record.warming = None
        changed = record.stats.share != 1.0
        self._table.set_share(record.stats, 1.0)
        return changed

    def _set_share(self, record: _Record, warming: Warming, now: float) -> bool:
        share = self._recovery.share(warming, now)
        if share >= 1.0:
            return self._stop_warming(record)
        changed = record.stats.share != share
        self._table.set_share(record.stats, share)
        return changed
