"""A result on disk: ``comparison_results.json``, ``request_logs.csv``, ``settings.yaml``; and back.

The JSON holds circumstances, runs and the analysis, in seconds; the CSV holds every request. What
is read back is the measurement; the analysis is always made anew from it.
"""

from __future__ import annotations

import csv
import json
import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from evaluation.curves import learning_curve
from evaluation.metrics_analyzer import Analysis
from evaluation.records import (
    Circumstances,
    ComparisonResult,
    Foretold,
    Machine,
    Request,
    Run,
    ServerFacts,
    Strain,
)
from rl.simulation.service import Phase, RouteCost
from rl.vocabulary import JSON

RESULTS = "comparison_results.json"
LOGS = "request_logs.csv"
SETTINGS = "settings.yaml"
LATEST = "latest"
FORMAT = 1
CURVE_STEP = 10
"""Every tenth point of a learning curve goes into the JSON; the CSV has them all."""

COLUMNS = (
    "request_id",
    "timestamp",
    "routing_strategy",
    "selected_server",
    "response_time_ms",
    "status_code",
    "success",
    "seed",
    "index",
    "intended_s",
    "sent_s",
    "first_byte_ms",
    "attempts",
    "explored",
    "propensity",
    "warmup",
    "path",
)

_WORDS = {True: "true", False: "false"}


class ReportError(Exception):
    """A report cannot be written or read; the message says which file and what to do."""


def make_folder(reports: Path, now: datetime, results: str = RESULTS) -> Path:
    """A new folder in ``reports``, named after the time in UTC.

    Args:
        results: the file that will hold the results.

    Raises:
        ReportError: nothing can be written there.
    """
    stamp = now.astimezone(UTC).strftime("%Y-%m-%dT%H-%M-%SZ")
    number = 1
    while True:
        folder = reports / (stamp if number == 1 else f"{stamp}-{number}")
        try:
            folder.mkdir(parents=True)
            (folder / results).touch()
        except FileExistsError:
            if not reports.is_dir():
                raise ReportError(f"{reports}: is not a folder; name another with --out") from None
            number += 1
            continue
        except OSError as error:
            raise ReportError(
                f"{folder}: cannot be written: {error.strerror}; name another with --out"
            ) from None
        return folder


def make_place(folder: Path) -> None:
    """A folder for files of a report, if it is not there. Raises ReportError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ReportError(f"{folder}: cannot be written: {error.strerror}") from None


def discard(folder: Path, results: str = RESULTS) -> None:
    """Removes a folder of ``make_folder`` if nothing was written into it."""
    file = folder / results
    if file.exists() and not file.stat().st_size and list(folder.iterdir()) == [file]:
        file.unlink()
        folder.rmdir()


def point_latest(folder: Path) -> None:
    """``latest`` beside ``folder`` shows the way to it: a link, or a text file with its name."""
    latest = folder.parent / LATEST
    if latest.is_dir() and not latest.is_symlink():
        return  # somebody's own folder
    latest.unlink(missing_ok=True)
    try:
        latest.symlink_to(folder.name, target_is_directory=True)
    except (OSError, NotImplementedError):
        latest.write_text(folder.name + "\n", encoding="utf-8")


def resolve(path: Path) -> Path:
    """The report's folder, where ``path`` may be ``latest`` in either form."""
    if path.is_file() and path.name == LATEST:
        return path.parent / path.read_text(encoding="utf-8").strip()
    return path


def write(result: ComparisonResult, analysis: Analysis, folder: Path) -> None:
    """The three files.

    Raises:
        ReportError: one of them cannot be written.
    """
    try:
        (folder / RESULTS).write_text(
            json.dumps(_document(result, analysis), indent=1, allow_nan=False) + "\n",
            encoding="utf-8",
        )
        (folder / SETTINGS).write_text(result.circumstances.settings, encoding="utf-8")
        with (folder / LOGS).open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(COLUMNS)
            for run in result.runs:
                writer.writerows(_row(run, request) for request in run.requests)
    except OSError as error:
        raise ReportError(f"{folder}: cannot be written: {error.strerror}") from None


def read(path: Path) -> ComparisonResult:
    """What ``write`` wrote.

    Raises:
        ReportError: there is no report of this format; the message names the file.
    """
    folder = resolve(path)
    file = folder / RESULTS
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
        if document["format"] != FORMAT:
            raise ReportError(f"{file}: is of format {document['format']}, not {FORMAT}")
        requests = _read_rows(folder / LOGS)
        return _result(document, requests, folder)
    except OSError as error:
        raise ReportError(
            f"{error.filename}: cannot be read: {error.strerror}; name a folder of reports"
        ) from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ReportError(f"{file}: is not a report: {type(error).__name__}: {error}") from None


def _document(result: ComparisonResult, analysis: Analysis) -> JSON:
    curves: dict[str, JSON] = {}
    for name in analysis.statistics:
        curve = learning_curve(result.runs_of(name))
        curves[name] = {
            field.name: plain(getattr(curve, field.name)[::CURVE_STEP].tolist())
            for field in fields(curve)
        }
    return {
        "format": FORMAT,
        "units": "seconds and shares; requests per second",
        **{
            name: plain(getattr(result, name))
            for name in (
                "strategies",
                "classics",
                "seeds",
                "servers",
                "requests",
                "warmup",
                "request_rate",
                "interrupted",
                "problem",
                "circumstances",
                "foretold",
                "unforetold",
            )
        },
        "runs": [
            {
                "strategy": run.strategy,
                "seed": run.seed,
                "place": run.place,
                "complete": run.complete,
                "strain": plain(run.strain),
                "requests": len(run.requests),
            }
            for run in result.runs
        ],
        "best_classic": analysis.best_classic,
        "statistics": plain(analysis.statistics),
        "against_round_robin": plain(analysis.against_baseline),
        "against_best_classic": plain(analysis.against_best),
        "learning_curves": curves,
    }


def plain(value: object) -> JSON:
    """Dataclasses, tuples and enumerations as JSON has them; NaN and infinity as null."""
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, bool | int | str):
        return value
    raise TypeError(f"{type(value).__name__} has no form in JSON")


def _row(run: Run, request: Request) -> tuple[str | int, ...]:
    first = request.first_byte
    return (
        request.request_id,
        f"{request.timestamp:.6f}",
        run.strategy,
        request.endpoint,
        f"{request.latency * 1000:.3f}",
        request.status,
        _WORDS[request.success],
        run.seed,
        request.index,
        f"{request.intended:.6f}",
        f"{request.sent:.6f}",
        "" if first is None else f"{first * 1000:.3f}",
        request.attempts,
        _WORDS[request.explored],
        f"{request.propensity:.6g}",
        _WORDS[request.warmup],
        request.path,
    )


def _read_rows(file: Path) -> dict[tuple[str, int], list[Request]]:
    found: dict[tuple[str, int], list[Request]] = defaultdict(list)
    with file.open(encoding="utf-8", newline="") as lines:
        reader = csv.DictReader(lines)
        if tuple(reader.fieldnames or ()) != COLUMNS:
            raise ReportError(f"{file}: has other columns than a report's")
        for row in reader:
            first = row["first_byte_ms"]
            request = Request(
                request_id=row["request_id"],
                timestamp=float(row["timestamp"]),
                path=row["path"],
                endpoint=row["selected_server"],
                latency=float(row["response_time_ms"]) / 1000,
                first_byte=float(first) / 1000 if first else None,
                status=int(row["status_code"]),
                success=row["success"] == _WORDS[True],
                index=int(row["index"]),
                intended=float(row["intended_s"]),
                sent=float(row["sent_s"]),
                attempts=int(row["attempts"]),
                explored=row["explored"] == _WORDS[True],
                propensity=float(row["propensity"]),
                warmup=row["warmup"] == _WORDS[True],
            )
            found[row["routing_strategy"], int(row["seed"])].append(request)
    return found


def _result(
    document: Mapping[str, Any], requests: Mapping[tuple[str, int], list[Request]], folder: Path
) -> ComparisonResult:
    circumstances = dict(document["circumstances"])
    machine = Machine(**circumstances.pop("machine"))
    return ComparisonResult(
        strategies=tuple(document["strategies"]),
        classics=tuple(document["classics"]),
        seeds=tuple(document["seeds"]),
        servers=tuple(
            ServerFacts(
                server["id"],
                server["base_delay_ms"],
                tuple(Phase(**phase) for phase in server["phases"]),
                server.get("slots"),
                tuple(RouteCost(**route) for route in server.get("routes", ())),
            )
            for server in document["servers"]
        ),
        requests=document["requests"],
        warmup=document["warmup"],
        request_rate=document["request_rate"],
        runs=tuple(
            Run(
                run["strategy"],
                run["seed"],
                run["place"],
                tuple(requests.get((run["strategy"], run["seed"]), ())),
                run["complete"],
                # Reports that were written before it was measured lack it.
                Strain(**run["strain"]) if run.get("strain") else None,
            )
            for run in document["runs"]
        ),
        circumstances=Circumstances(machine=machine, **circumstances),
        interrupted=document["interrupted"],
        problem=document["problem"],
        folder=folder,
        foretold=tuple(Foretold(**each) for each in document.get("foretold", ())),
        unforetold=document.get("unforetold", ""),
    )
