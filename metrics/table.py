"""The one writer of EndpointStats: what was sent, what came back, what polls reported."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from metrics.ewma import decayed_mean
from rl.vocabulary import Endpoint, EndpointStats, Outcome, Verdict

LATENCY_TIME_CONSTANT = 5.0
"""Seconds. About as long as it takes a person to see that a server became slow."""

MOST_DEPARTED = 256
"""Endpoints that are remembered after they left, unless told otherwise."""

NEVER = float("-inf")


class Report:
    """What an endpoint says of itself.

    Attributes:
        cpu: processor use in [0, 1].
        memory: memory use in [0, 1].
        active: requests it is working on.
        latency: seconds it takes on average.
        next_latency: seconds it expects one more request to take.
    """

    __slots__ = ("active", "cpu", "latency", "memory", "next_latency")

    def __init__(
        self,
        cpu: float,
        memory: float,
        active: int,
        latency: float,
        next_latency: float | None = None,
    ) -> None:
        """
        Args:
            next_latency: None if it is not told; then it is the average.
        """
        self.cpu = cpu
        self.memory = memory
        self.active = active
        self.latency = latency
        self.next_latency = latency if next_latency is None else next_latency


def read_load_report(text: bytes) -> dict[str, float]:
    """The numbers of an ORCA report in its text form, ``TEXT cpu_utilization=0.3,…``.

    Items that are not finite non-negative numbers are left out, and so is all beyond the first 16
    or the first KiB: the report comes from a server, which may be wrong.
    """
    kind, _, items = text.partition(b" ")
    if kind != b"TEXT":
        return {}
    if len(items) > 1024:
        items = items[:1024].rpartition(b",")[0]  # half a number would be another number
    found: dict[str, float] = {}
    for item in items.split(b",")[:16]:
        name, _, value = item.partition(b"=")
        try:
            number = float(value)
            if 0.0 <= number < 1e9:
                found[name.strip().decode("ascii")] = number
        except ValueError:
            continue
    return found


class EndpointTable:
    """The endpoints of one node and what is known of them. They come, change, drain and go.

    ``all`` is replaced by a new list whenever its members or their weights change, so that a reader
    may go on with the one it holds, and may tell by identity that nothing has changed.

    A newcomer's latency, load and error rate begin at the mean of those that have any; its own
    first answer and report replace them. Nothing of it is older than that: it has completed
    nothing and reported nothing. Who comes back under the same id, host and port goes on with the
    stats it left with, as long as it is among the ``most_departed`` that left last; only that it
    was unhealthy or ejected is forgotten.

    Attributes:
        all: who may be given requests, in the order of joining unless arranged otherwise.
        draining: by id, who is given none and may be removed once it is among the ``settled``.
    """

    __slots__ = ("_by_id", "_departed", "_most_departed", "all", "draining")

    def __init__(self, endpoints: Iterable[Endpoint], most_departed: int = MOST_DEPARTED) -> None:
        self.all: Sequence[EndpointStats] = [EndpointStats(endpoint) for endpoint in endpoints]
        self.draining: dict[str, EndpointStats] = {}
        self._by_id = {stats.id: stats for stats in self.all}
        self._departed: OrderedDict[str, EndpointStats] = OrderedDict()
        self._most_departed = most_departed
        if len(self._by_id) != len(self.all):
            raise ValueError("two endpoints have the same id")

    def __getitem__(self, id: str) -> EndpointStats:
        return self._by_id[id]

    def __contains__(self, id: str) -> bool:
        return id in self._by_id

    def join(self, endpoint: Endpoint) -> EndpointStats:
        """An endpoint may be given requests from now on.

        Raises:
            ValueError: one with its id is there already.
        """
        id = endpoint.id
        if id in self._by_id:
            raise ValueError(f"there is an endpoint {id!r} already")
        stats = self._departed.pop(id, None)
        if stats is None or not _same_place(stats.endpoint, endpoint):
            stats = EndpointStats(endpoint)
            self._begin_at_mean(stats)
        stats.endpoint = endpoint
        # Whether it can be used is for polls and answers to find out anew.
        stats.healthy = True
        stats.ejected = False
        self._by_id[id] = stats
        self.all = [*self.all, stats]
        return stats

    def change(self, endpoint: Endpoint) -> None:
        """Other weight, tags or domains for one that is there, which keeps its stats and its place.

        Raises:
            KeyError: there is none with its id.
            ValueError: it is somewhere else now, or reached otherwise. Then it is another one:
                remove it first.
        """
        stats = self._by_id[endpoint.id]
        if not _same_place(stats.endpoint, endpoint):
            raise ValueError(f"{endpoint.id!r} cannot move to another host or port")
        stats.endpoint = endpoint
        self.all = list(self.all)

    def arrange(self, ids: Iterable[str]) -> None:
        """Put ``all`` into the order of ``ids``; who is not among them comes last."""
        place = {id: number for number, id in enumerate(ids)}
        arranged = sorted(self.all, key=lambda each: place.get(each.id, len(place)))
        if arranged != self.all:
            self.all = arranged

    def drain(self, id: str) -> None:
        """No more requests for an endpoint; twice is as good as once.

        Raises:
            KeyError: there is none with this id.
        """
        stats = self._by_id[id]
        if id not in self.draining:
            self.draining[id] = stats
            self.all = [each for each in self.all if each is not stats]

    def resume(self, id: str) -> None:
        """Requests again for one that drains; nothing for one that does not.

        Raises:
            KeyError: there is none with this id.
        """
        stats = self._by_id[id]
        if self.draining.pop(id, None) is not None:
            self.all = [*self.all, stats]

    def remove(self, id: str) -> list[str]:
        """An endpoint leaves at once. Its requests in flight are completed on the stats they hold.

        Returns:
            Ids of those who left long ago and are forgotten for this one.

        Raises:
            KeyError: there is none with this id.
        """
        stats = self._by_id.pop(id)
        if self.draining.pop(id, None) is None:
            self.all = [each for each in self.all if each is not stats]
        self._departed[id] = stats
        forgotten = []
        while len(self._departed) > self._most_departed:
            forgotten.append(self._departed.popitem(last=False)[0])
        return forgotten

    def settled(self) -> list[str]:
        """Ids of those that drain and have no request left; they are still there."""
        return [id for id, stats in self.draining.items() if not stats.in_flight]

    def _begin_at_mean(self, newcomer: EndpointStats) -> None:
        present = self.all
        answered = [each for each in present if each.latency_at > NEVER]
        newcomer.latency = _mean([each.latency for each in answered])
        newcomer.error_rate = _mean([each.error_rate for each in answered])
        reported = [each for each in present if each.reported_at > NEVER]
        newcomer.cpu = _mean([each.cpu for each in reported])
        newcomer.memory = _mean([each.memory for each in reported])
        newcomer.active = round(_mean([each.active for each in reported]))
        newcomer.reported_latency = _mean([each.reported_latency for each in reported])

    def sent(self, stats: EndpointStats) -> None:
        """A request goes to this endpoint."""
        stats.in_flight += 1

    def completed(self, stats: EndpointStats, outcome: Outcome, now: float) -> None:
        """It is over, however it ended. IGNORED frees its place and leaves no other trace."""
        stats.in_flight -= 1
        verdict = outcome.verdict
        if verdict is Verdict.IGNORED:
            return
        failed = verdict is Verdict.FAILURE
        if failed or stats.error_rate:
            stats.error_rate = decayed_mean(
                stats.error_rate,
                1.0 if failed else 0.0,
                now - stats.error_rate_at,
                LATENCY_TIME_CONSTANT,
            )
        stats.error_rate_at = now
        stats.completed += 1
        if failed:
            # A failure's latency says how fast it failed; a fast failure must not look attractive.
            stats.failures += 1
            return
        stats.latency = decayed_mean(
            stats.latency, outcome.latency, now - stats.latency_at, LATENCY_TIME_CONSTANT
        )
        stats.latency_at = now

    def reported(self, stats: EndpointStats, report: Report, now: float) -> None:
        """The endpoint answered a poll."""
        stats.cpu = report.cpu
        stats.memory = report.memory
        stats.active = report.active
        stats.reported_latency = report.latency
        stats.reported_at = now

    def load_reported(self, stats: EndpointStats, text: bytes, now: float) -> None:
        """An answer carried an ORCA report; one that cannot be read changes nothing."""
        report = read_load_report(text)
        cpu = report.get("cpu_utilization")
        memory = report.get("mem_utilization")
        active = report.get("named_metrics.active")
        if cpu is not None:
            stats.cpu = cpu
        if memory is not None:
            stats.memory = memory
        if active is not None:
            stats.active = int(active)
        if report:
            stats.reported_at = now
            rate = report.get("rps_fractional")
            if rate:
                # By what serves requests where it says so; that may be anything but the processor.
                utilization = report.get("application_utilization") or cpu or 0.0
                self.rated(stats, rate, report.get("eps", 0.0), utilization, now)

    def rated(
        self,
        stats: EndpointStats,
        request_rate: float,
        failure_rate: float,
        utilization: float,
        now: float,
    ) -> None:
        """The endpoint told what it serves and what of its capacity that takes. A report that lacks
        one of the two, as that of an idle endpoint does, leaves the last one as it is."""
        if request_rate > 0.0 and utilization > 0.0:
            stats.request_rate = request_rate
            stats.failure_rate = failure_rate
            stats.utilization = utilization
            stats.rated_at = now

    def set_healthy(self, stats: EndpointStats, healthy: bool, now: float) -> None:
        """Polls succeed or fail."""
        if healthy and not stats.healthy:
            stats.recovered_at = now
        stats.healthy = healthy

    def set_ejected(self, stats: EndpointStats, ejected: bool) -> None:
        """Its answers put it out, or its time is over."""
        stats.ejected = ejected

    def set_share(self, stats: EndpointStats, share: float) -> None:
        """It is shown to this share of the requests, in (0, 1]."""
        stats.share = share

    def set_limit(self, stats: EndpointStats, limit: float) -> None:
        """It is full with this many requests in flight; infinite is without a limit."""
        stats.limit = limit


def _same_place(one: Endpoint, other: Endpoint) -> bool:
    # An endpoint may say more of how it is reached than its address.
    return replace(one, weight=other.weight, tags=other.tags, domains=other.domains) == other


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0
