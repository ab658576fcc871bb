"""The log of adaptive shaping: one JSON line a step of an agent, for whoever wants to see later
that no envelope was left, and why a client was held as it was."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TypeAlias

from load_balancer.shaping.adaptive import StepRecord
from metrics.line_file import LineFile, LineLog

QUEUE_LINES = 10_000

_Row: TypeAlias = tuple[str, StepRecord]


class AgentsLog(LineLog[_Row]):
    """Appends to one file."""

    def __init__(self, path: Path, wall_offset: float) -> None:
        """
        Args:
            wall_offset: unix time minus the loop's time, for the lines' timestamps.

        Raises:
            OSError: the file cannot be opened.
        """
        super().__init__(LineFile(path, QUEUE_LINES, self._line, "agents-log"))
        self._offset = wall_offset

    def append(self, client: str, record: StepRecord) -> None:
        """Note one step."""
        self._append((client, record))

    def _line(self, row: _Row) -> str:
        client, record = row
        reward = record.reward
        found = {
            "time": round(record.at + self._offset, 6),
            "client": client,
            "action": record.action,
            "explored": record.explored,
            "held_by": record.held_by,
            "reason": record.reason,
            "before": asdict(record.before),
            "after": asdict(record.after),
            "reward": None if reward is None else reward.total,
            "missed": list(record.missed),
            "others_violations": record.others_violations,
        }
        return json.dumps(found) + "\n"
