"""What a node counts: attempts by strategy and endpoint, answers to clients, connections.

Plain integers and lists on the hot path; ``exposition`` gives them names when somebody asks.
"""

from __future__ import annotations

from bisect import bisect_left

from metrics.histogram import OPEN_TELEMETRY_SECONDS, Histogram
from rl.vocabulary import Outcome, Verdict


class Series:
    """Attempts of one strategy at one endpoint.

    Attributes:
        duration: seconds to the first byte, of answers that were not ignored.
        statuses: attempts by the endpoint's status; 0 where no answer came.
        failures: attempts that the endpoint is answerable for.
        ignored: attempts that ended for other reasons.
    """

    __slots__ = ("duration", "failures", "ignored", "statuses")

    def __init__(self) -> None:
        self.duration = Histogram()
        self.statuses: dict[int, int] = {}
        self.failures = 0
        self.ignored = 0

    def count(self, outcome: Outcome) -> None:
        """One attempt is over."""
        status = outcome.status
        statuses = self.statuses
        statuses[status] = statuses.get(status, 0) + 1
        verdict = outcome.verdict
        if verdict is Verdict.SUCCESS:
            # Histogram.observe, written out: this runs for every request, and calls cost more.
            duration, latency = self.duration, outcome.latency
            duration.counts[bisect_left(OPEN_TELEMETRY_SECONDS, latency)] += 1
            duration.total += latency
            return
        if verdict is Verdict.IGNORED:
            # Its latency is the time until the client left, even where an answer had begun.
            self.ignored += 1
            return
        self.failures += 1
        if status:
            self.duration.observe(outcome.latency)


class ClientSeries:
    """Requests of clients that ended with one class of status.

    Attributes:
        duration: seconds from a request's turn to the end of its answer.
        first_byte: seconds from its turn to the first byte of the endpoint's answer, where one
            came.
    """

    __slots__ = ("duration", "first_byte")

    def __init__(self) -> None:
        self.duration = Histogram(OPEN_TELEMETRY_SECONDS)
        self.first_byte = Histogram(OPEN_TELEMETRY_SECONDS)


class Counters:
    """Everything that one node counts.

    The keys are bounded: strategies by the configuration, endpoints by that and by ``forget``,
    statuses by 100-999, refusals, reasons and results by the labels in the code.
    """

    __slots__ = (
        "_series",
        "answers",
        "budget_refusals",
        "clients",
        "connections",
        "ejections",
        "endpoint_changes",
        "hedges",
        "hedges_won",
        "looks",
        "open_tunnels",
        "panics",
        "q_headers",
        "queue_refusals",
        "queued",
        "received_bytes",
        "reconnections",
        "refusals",
        "retries",
        "sent_bytes",
        "tls_failures",
        "tls_handshakes",
        "tunnels",
        "waiting",
    )

    def __init__(self) -> None:
        self._series: dict[tuple[str, str], Series] = {}
        self.answers: dict[int, int] = {}
        """Final responses to clients, by status."""
        self.refusals: dict[str, int] = {}
        """Requests answered by the balancer itself, by reason."""
        self.retries = 0
        """Attempts after the first, on another endpoint."""
        self.reconnections = 0
        """Attempts repeated on a new connection because the kept one had just closed."""
        self.tunnels = 0
        """Connections that switched protocols."""
        self.open_tunnels = 0
        """Those that have not ended yet."""
        self.connections = 0
        """Client connections accepted."""
        # By the first digit of the status; 0 for requests that ended without an answer.
        self.clients = tuple(ClientSeries() for _ in range(10))
        self.received_bytes = 0
        """Of request bodies, without framing."""
        self.sent_bytes = 0
        """Written to clients, heads and framing included."""
        self.hedges = 0
        """Second tries beside a slow first one."""
        self.hedges_won = 0
        """Those that answered first."""
        self.budget_refusals = {"retry": 0, "hedge": 0}
        """Retries and hedges that were left because their budget was spent."""
        self.queue_refusals: dict[str, int] = {}
        """Requests that got no place at an endpoint, by reason: full, timeout."""
        self.queued = 0
        """Requests that had to wait for a place at an endpoint."""
        self.waiting = 0
        """Those that wait now."""
        self.panics = 0
        """Times that too few endpoints were able, and all were used."""
        self.q_headers = {"believed": 0, "ignored": 0}
        """Answers of next nodes with Q and QReward, by what became of these."""
        self.ejections: dict[tuple[str, str], int] = {}
        """By endpoint and reason."""
        self.endpoint_changes = {"joined": 0, "left": 0, "changed": 0}
        """Endpoints that came, went, and changed their weight, place, tags or domains."""
        self.looks: dict[tuple[str, str], int] = {}
        """Looks for endpoints by source and result: success, failure."""
        self.tls_handshakes = 0
        """Of clients, completed."""
        self.tls_failures: dict[str, int] = {}
        """Of clients, by reason."""

    def series(self, strategy: str, endpoint: str) -> Series:
        """The series of this pair, made when first asked for."""
        key = (strategy, endpoint)
        series = self._series.get(key)
        if series is None:
            series = self._series[key] = Series()
        return series

    def all_series(self) -> list[tuple[str, str, Series]]:
        """``(strategy, endpoint, series)`` of every pair that was used."""
        return [(strategy, id, series) for (strategy, id), series in self._series.items()]

    def forget(self, endpoint: str) -> None:
        """Drop what was counted for an endpoint that left long ago."""
        self._series = {key: each for key, each in self._series.items() if key[1] != endpoint}
        self.ejections = {key: count for key, count in self.ejections.items() if key[0] != endpoint}

    def finished(
        self, status: int, duration: float, first_byte: float, received: int, sent: int
    ) -> None:
        """A client's request is over, however it ended; exactly once for each.

        Args:
            status: that the client was sent, 0 for none.
            duration: seconds from its turn to the end.
            first_byte: seconds from its turn to the endpoint's answer; negative for none.
            received: bytes of its body.
            sent: bytes written to the client.
        """
        if status:
            answers = self.answers
            answers[status] = answers.get(status, 0) + 1
        # Histogram.observe, written out: this runs for every request, and calls cost more.
        series = self.clients[status // 100]
        histogram = series.duration
        histogram.counts[bisect_left(OPEN_TELEMETRY_SECONDS, duration)] += 1
        histogram.total += duration
        if first_byte >= 0.0:
            histogram = series.first_byte
            histogram.counts[bisect_left(OPEN_TELEMETRY_SECONDS, first_byte)] += 1
            histogram.total += first_byte
        self.received_bytes += received
        self.sent_bytes += sent

    def attempts(self) -> int:
        """Attempts that are over, of all strategies and endpoints. It adds many numbers up: for a
        look now and then, not for every request."""
        return sum([sum(series.statuses.values()) for series in self._series.values()])

    def ejected(self, endpoint: str, reason: str) -> None:
        """An endpoint was put out."""
        key = (endpoint, reason)
        self.ejections[key] = self.ejections.get(key, 0) + 1

    def looked(self, source: str, succeeded: bool) -> None:
        """A source of endpoints was looked at."""
        key = (source, "success" if succeeded else "failure")
        self.looks[key] = self.looks.get(key, 0) + 1

    def queue_refused(self, reason: str) -> None:
        """A request got no place at an endpoint."""
        self.queue_refusals[reason] = self.queue_refusals.get(reason, 0) + 1

    def tls_failed(self, reason: str) -> None:
        """A client's TLS handshake failed."""
        self.tls_failures[reason] = self.tls_failures.get(reason, 0) + 1

    def refused(self, label: str) -> None:
        """The balancer answered by itself."""
        self.refusals[label] = self.refusals.get(label, 0) + 1
