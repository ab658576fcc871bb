"""The access log: one line a client request, however many tries it took and however it ended.

The data path makes an ``AccessRecord``, a plain tuple, and appends it; whether it becomes a line
and how that looks is decided in ``line_file``'s thread. Knows no connection and no node.
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import Literal, Protocol

from metrics.access_lines import CombinedLines, JsonLines
from metrics.access_record import CUT, AccessRecord
from metrics.line_file import LineFile, LineLog


class Sink(Protocol):
    """Takes records."""

    def append(self, record: AccessRecord) -> None:
        """Take one; never blocks, never raises."""
        ...


class Tee:
    """Two sinks as one."""

    __slots__ = ("_first", "_second")

    def __init__(self, first: Sink, second: Sink) -> None:
        self._first = first.append
        self._second = second.append

    def append(self, record: AccessRecord) -> None:
        """Give it to both."""
        self._first(record)
        self._second(record)


class LogSettings(Protocol):
    """The ``access_log`` section of the configuration is one."""

    @property
    def format(self) -> Literal["json", "combined"]: ...
    @property
    def queue_lines(self) -> int: ...
    @property
    def sample(self) -> float: ...
    @property
    def always_log_status_from(self) -> int: ...
    @property
    def min_duration_seconds(self) -> float: ...
    @property
    def field_characters(self) -> int: ...


class AccessLog(LineLog[AccessRecord]):
    """Appends to one file, or to standard output for the path ``-``.

    Attributes:
        append: takes an ``AccessRecord``; never blocks, never raises.
    """

    __slots__ = ("_always", "_line", "_min_duration", "_rng", "_sample", "append")

    def __init__(
        self,
        path: Path,
        settings: LogSettings,
        wall_offset: float,
        rng: random.Random,
        output: int = 1,
    ) -> None:
        """
        Args:
            wall_offset: unix time minus the monotonic clock's, for the lines' timestamps.
            rng: used in the writer's thread only.
            output: descriptor of what is standard output here.

        Raises:
            OSError: the file cannot be opened.
        """
        self._sample = settings.sample
        self._always = settings.always_log_status_from
        self._min_duration = settings.min_duration_seconds
        self._rng = rng
        lines = JsonLines if settings.format == "json" else CombinedLines
        self._line = lines(wall_offset, settings.field_characters).line
        everything = settings.sample >= 1.0 and settings.min_duration_seconds <= 0.0
        line = self._line if everything else self._line_if_wanted
        super().__init__(LineFile(path, settings.queue_lines, line, "access-log", output))
        self.append = self._append

    def _line_if_wanted(self, record: AccessRecord) -> str:
        if record[7] < self._always and record[5] not in CUT:
            if record[1] - record[0] < self._min_duration:
                return ""
            if self._sample < 1.0 and self._rng.random() >= self._sample:
                return ""
        return self._line(record)
