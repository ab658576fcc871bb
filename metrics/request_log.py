"""The request log: one JSON line an attempt, written behind the back of the event loop.

``append`` costs a tuple. A timer hands what has gathered to a thread that formats and writes it.
The queue is bounded: when the disk is slower than the traffic, lines are dropped and counted, never
waited for.
"""

from __future__ import annotations

import json
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Protocol, TypeAlias

from rl.vocabulary import Decision, EndpointStats, Outcome

_text = json.dumps


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


class RequestLog:
    """Appends to one file.

    Attributes:
        dropped: lines that found the queue full or could not be written.
        path: of the file.
    """

    def __init__(self, path: Path, queue_lines: int, wall_offset: float) -> None:
        """
        Args:
            wall_offset: unix time minus the loop's time, for the lines' timestamps.
        """
        self.path = path
        self.dropped = 0
        self._limit = queue_lines
        self._offset = wall_offset
        self._rows: list[_Row] = []
        # Unbuffered: after a full disk a buffer would hold lines that were counted as dropped.
        self._file = path.open("ab", buffering=0)
        self._torn = b""
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="request-log")
        self._writing: Future[int] | None = None

    def append(self, attempt: LoggedAttempt, outcome: Outcome, now: float) -> None:
        """Note one completed attempt."""
        rows = self._rows
        if len(rows) >= self._limit:
            self.dropped += 1
            return
        decision = attempt.decision
        rows.append(
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

    def flush(self) -> None:
        """Hand over what has gathered, unless the writer is still busy with the last lot."""
        if self._writing is not None:
            if not self._writing.done():
                return
            self.dropped += self._writing.result()
            self._writing = None
        if self._rows:
            rows, self._rows = self._rows, []
            self._writing = self._writer.submit(self._write, rows)

    def close(self) -> None:
        """Write everything and close the file."""
        if self._writing is not None:
            self.dropped += self._writing.result()
            self._writing = None
        self.flush()
        if self._writing is not None:
            self.dropped += self._writing.result()
        self._writer.shutdown()
        self._file.close()
        if self._torn:
            self.dropped += 1

    def _write(self, rows: list[_Row]) -> int:
        """How many of ``rows`` could not be written. The next lot first ends a line of which the
        disk took a part, so that one full disk breaks no line in the middle of the file.
        """
        data = self._torn + "".join(map(self._line, rows)).encode("ascii")
        written = 0
        try:
            while written < len(data):
                written += self._file.write(data[written:] if written else data)
        except OSError:
            within_line = data[written - 1] != ord("\n") if written else bool(self._torn)
            end = data.index(b"\n", written) + 1 if within_line else written
            self._torn = data[written:end]
            return data.count(b"\n", end)
        self._torn = b""
        return 0

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
