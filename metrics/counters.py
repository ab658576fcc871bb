"""What a node counts: attempts by strategy and endpoint, answers to clients, connections.

Plain integers and lists on the hot path; ``exposition`` gives them names when somebody asks.
"""

from __future__ import annotations

from metrics.histogram import Histogram
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
            self.duration.observe(outcome.latency)
            return
        if verdict is Verdict.IGNORED:
            # Its latency is the time until the client left, even where an answer had begun.
            self.ignored += 1
            return
        self.failures += 1
        if status:
            self.duration.observe(outcome.latency)


class Counters:
    """Everything that one node counts.

    The keys are bounded: strategies and endpoints by the configuration, statuses by 100-999,
    refusals by the labels in the code.
    """

    __slots__ = ("_series", "answers", "connections", "reconnections", "refusals", "retries")

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
        self.connections = 0
        """Client connections accepted."""

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

    def answered(self, status: int) -> None:
        """A client got its final response."""
        self.answers[status] = self.answers.get(status, 0) + 1

    def refused(self, label: str) -> None:
        """The balancer answered by itself."""
        self.refusals[label] = self.refusals.get(label, 0) + 1
