"""The request log: one JSON line an attempt, for reports and for learning from a log.

``append`` costs a tuple; ``line_file`` does the rest behind the event loop's back.
"""

from __future__ import annotations

from json.encoder import encode_basestring_ascii as _text
from pathlib import Path
from typing import Protocol, TypeAlias

from metrics.line_file import LineFile, LineLog
from rl.vocabulary import Decision, EndpointStats, Outcome


class _Strategy(Protocol):
    @property
    def name(self) -> str: ...


class LoggedAttempt(Protocol):
    """What the log needs of an attempt."""

    @property
    def request_id(self) -> str: ...
    @property
    def strategy(self) -> _Strategy: ...
    @property
    def stats(self) -> EndpointStats: ...
    @property
    def decision(self) -> Decision: ...
    @property
    def number(self) -> int: ...


_Row: TypeAlias = tuple[float, str, str, str, float, int, str, int, bool, float]


class RequestLog(LineLog[_Row]):
    """Appends to one file."""

    def __init__(self, path: Path, queue_lines: int, wall_offset: float) -> None:
        """
        Args:
            wall_offset: unix time minus the loop's time, for the lines' timestamps.

        Raises:
            OSError: the file cannot be opened.
        """
        super().__init__(LineFile(path, queue_lines, self._line, "request-log"))
        self._offset = wall_offset

    def append(self, attempt: LoggedAttempt, outcome: Outcome, now: float) -> None:
        """Note one completed attempt."""
        decision = attempt.decision
        self._append(
            (
                now,
                attempt.request_id,
                attempt.strategy.name,
                attempt.stats.id,
                outcome.latency,
                outcome.status,
                outcome.verdict.value,
                attempt.number,
                decision.explored,
                decision.propensity,
            )
        )

    def _line(self, row: _Row) -> str:
        now, request_id, strategy, endpoint, latency, status, verdict, number, explored, p = row
        # Ids, strategies and endpoints are checked where they come from and need no escaping,
        # but a log that can be broken by a name is no log.
        return (
            f'{{"time": {now + self._offset:.6f}, "request_id": {_text(request_id)}, '
            f'"strategy": {_text(strategy)}, "endpoint": {_text(endpoint)}, '
            f'"latency": {latency:.6f}, "status": {status}, "verdict": "{verdict}", '
            f'"attempt": {number}, "explored": {"true" if explored else "false"}, '
            f'"propensity": {p:.6g}}}\n'
        )
