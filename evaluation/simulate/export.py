"""Runs as JSON: written, and read again to be gone on with or compared."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from evaluation.simulate.comparison import Suite, Summary
from evaluation.simulate.measures import Measured, Row, Seen, Stretch

FORMAT = 1


class ExportError(Exception):
    """A file cannot be read or written; the message says why."""


def as_data(
    command: str,
    runs: Sequence[Measured],
    references: Sequence[str],
    summaries: Sequence[Summary],
    suites: Sequence[Suite],
) -> dict[str, Any]:
    """Everything, as plain data. Seconds; NaN becomes null.

    ``rows`` holds the strategies' runs, ``reference_rows`` those of the references; ``runs`` has
    for both what a row does not, by the same order.
    """
    mine = [run for run in runs if run.row.strategy not in references]
    theirs = [run for run in runs if run.row.strategy in references]
    data = {
        "format": FORMAT,
        "command": command,
        "rows": [asdict(run.row) for run in mine],
        "reference_rows": [asdict(run.row) for run in theirs],
        "runs": [_rest(run) for run in (*mine, *theirs)],
        "summary": [asdict(each) for each in summaries],
        "suite": [asdict(each) for each in suites],
    }
    found = _without_nan(data)
    assert isinstance(found, dict)
    return found


def _rest(run: Measured) -> dict[str, Any]:
    return {key: value for key, value in asdict(run).items() if key != "row"}


def write(path: Path, data: dict[str, Any]) -> None:
    """As a whole or not at all.

    Raises:
        ExportError: it cannot be written.
    """
    part = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(json.dumps(data, indent=1, allow_nan=False) + "\n", encoding="utf-8")
        part.replace(path)
    except OSError as error:
        raise ExportError(f"{path}: cannot be written: {error.strerror}") from None


def read(path: Path) -> list[Measured]:
    """The runs of a file.

    Raises:
        ExportError: it cannot be read, or is not such a file.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ExportError(f"{path}: cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise ExportError(f"{path}: not JSON: {error}") from None
    try:
        if data["format"] != FORMAT:
            raise ExportError(f"{path}: of format {data['format']!r}, not {FORMAT}")
        rows = [*data["rows"], *data["reference_rows"]]
        return [_measured(row, rest) for row, rest in zip(rows, data["runs"], strict=True)]
    except (KeyError, TypeError, ValueError) as error:
        raise ExportError(f"{path}: not the runs of a simulation: {error!r}") from None


def _measured(row: dict[str, Any], rest: dict[str, Any]) -> Measured:
    seen = tuple(
        Seen(
            Stretch(**each["stretch"]),
            each["requests"],
            _or_nan(each["cost"]),
            _or_nan(each["share"]),
        )
        for each in rest["seen"]
    )
    blocks = tuple((float(total), int(count)) for total, count in rest["blocks"])
    return Measured(row=Row(**row), **{**rest, "seen": seen, "blocks": blocks})


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else value


def _without_nan(value: object) -> object:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _without_nan(each) for key, each in value.items()}
    if isinstance(value, Iterable) and not isinstance(value, str):
        return [_without_nan(each) for each in value]
    return value
