"""Requests that once were: a trace as CSV, our access log, the log of another server.

Each kind is told by its first line. Offsets are seconds from the first request. Knows no file.
"""

from __future__ import annotations

import csv
import json
import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from traffic.arrivals import WorkloadError

MOST_REQUESTS = 5_000_000
"""A plan is held in memory as a whole; this many take about half a gigabyte."""

TIMES = ("offset", "time", "timestamp")
PATHS = ("path", "target")

_METHOD = re.compile(r"[A-Z]+")
_PATH = re.compile(r"/[!-~]*")
_COMMON = re.compile(
    r"\S+ \S+ .*?\[(\d\d)/([A-Z][a-z]{2})/(\d{4}):(\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)\]"
    r' "((?:[^"\\]|\\.)*)" \d{3} (?:\d+|-)(?: .*)?'
)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True, slots=True)
class TracedRequest:
    """One line of a trace; method and path are None where the mix shall decide."""

    offset: float
    method: str | None = None
    path: str | None = None


def parse_trace(text: str, name: str = "trace") -> list[TracedRequest]:
    """Reads one request a line.

    CSV is ``offset``, or ``offset,method,path``, with offsets that do not go backwards; a first
    line that begins with the word ``offset`` is passed over. JSON lines have one of ``TIMES``, and
    may have ``method`` and one of ``PATHS``. Of the Common and the Combined Log Format time, method
    and path are read; requests of one second, which is all they tell, are spread over it evenly.
    A log is put in order of time, since servers write a request down when it ends, and what it has
    no method or path of, such as a request that was refused as malformed, is left out.
    Empty lines and lines that begin with ``#`` are passed over.

    Raises:
        WorkloadError: naming ``name``, the line and what is wrong with it.
    """
    lines = [
        (number, line)
        for number, line in enumerate(text.splitlines(), start=1)
        if line.strip() and not line.lstrip().startswith("#")
    ]
    if len(lines) > MOST_REQUESTS:
        raise WorkloadError(f"{name}: more than {MOST_REQUESTS} requests")
    first = lines[0][1].lstrip() if lines else ""
    if first.startswith("{"):
        found = _in_order(_each(lines, name, _json))
    elif _COMMON.fullmatch(first.rstrip()):
        found = _spread(_in_order(_each(lines, name, _common)))
    else:
        found = _csv(lines, name)
    if not found:
        raise WorkloadError(
            f"{name}: no request in it; each line is offset or offset,method,path, JSON, or of the"
            " Common Log Format"
        )
    return found


def _each(
    lines: Sequence[tuple[int, str]],
    name: str,
    parse: Callable[[str, str], TracedRequest | None],
) -> list[TracedRequest]:
    found = (parse(line.strip(), f"{name}:{number}") for number, line in lines)
    return [each for each in found if each is not None]


def _in_order(found: Iterable[TracedRequest]) -> list[TracedRequest]:
    """By time, the earliest at 0."""
    ordered = sorted(found, key=lambda each: each.offset)
    start = ordered[0].offset if ordered else 0.0
    return [TracedRequest(each.offset - start, each.method, each.path) for each in ordered]


def _spread(found: Sequence[TracedRequest]) -> list[TracedRequest]:
    """Those of each whole second spread over it."""
    of_second = Counter(each.offset for each in found)
    seen: Counter[float] = Counter()
    spread = []
    for each in found:
        offset = each.offset + seen[each.offset] / of_second[each.offset]
        seen[each.offset] += 1
        spread.append(TracedRequest(offset, each.method, each.path))
    return spread


def _json(line: str, where: str) -> TracedRequest | None:
    try:
        entry = json.loads(line)
    except ValueError as error:
        raise WorkloadError(f"{where}: not JSON: {error}") from None
    if not isinstance(entry, dict):
        raise WorkloadError(f"{where}: is no JSON object")
    at = next((entry[key] for key in TIMES if key in entry), None)
    if isinstance(at, bool) or not isinstance(at, int | float) or not math.isfinite(at):
        raise WorkloadError(f"{where}: has no number of seconds as {' or '.join(TIMES)}")
    path = next((entry[key] for key in PATHS if key in entry), None)
    if path is None and "method" not in entry:
        return TracedRequest(float(at))
    return _request(float(at), str(entry.get("method", "GET")), str(path))


def _common(line: str, where: str) -> TracedRequest | None:
    match = _COMMON.fullmatch(line)
    if match is None:
        raise WorkloadError(f"{where}: is not of the Common or Combined Log Format")
    day, month, year, hour, minute, second, sign, hours, minutes, request = match.groups()
    offset = timedelta(hours=int(hours), minutes=int(minutes))
    try:
        at = datetime(
            int(year),
            _MONTHS.index(month) + 1,
            int(day),
            int(hour),
            int(minute),
            int(second),
            tzinfo=timezone(-offset if sign == "-" else offset),
        )
    except ValueError as error:
        raise WorkloadError(f"{where}: is at no time that there is: {error}") from None
    method, _, rest = request.partition(" ")
    return _request(at.timestamp(), method, rest.rpartition(" ")[0] or rest)


def _request(at: float, method: str, path: str) -> TracedRequest | None:
    """None for one that cannot be sent again: malformed, or meant for a forward proxy."""
    if _METHOD.fullmatch(method) and _PATH.fullmatch(path):
        return TracedRequest(at, method, path)
    return None


def _csv(lines: Sequence[tuple[int, str]], name: str) -> list[TracedRequest]:
    found: list[TracedRequest] = []
    latest = 0.0
    for index, (number, line) in enumerate(lines):
        where = f"{name}:{number}"
        try:
            fields = [field.strip() for field in next(csv.reader([line], strict=True))]
        except csv.Error as error:
            raise WorkloadError(f"{where}: not CSV: {error}") from None
        if index == 0 and fields[0].lower() == "offset":
            continue
        one = _traced(fields, where)
        if one.offset < latest:
            raise WorkloadError(f"{where}: offset {one.offset:g} is before {latest:g} above it")
        latest = one.offset
        found.append(one)
    return found


def _traced(fields: Sequence[str], where: str) -> TracedRequest:
    if len(fields) not in (1, 3):
        raise WorkloadError(
            f"{where}: {len(fields)} fields; must be offset or offset,method,path"
            " (a path with a comma goes in double quotes)"
        )
    try:
        offset = float(fields[0])
    except ValueError:
        raise WorkloadError(f"{where}: offset {fields[0]!r} is not a number") from None
    if not (offset >= 0 and math.isfinite(offset)):
        raise WorkloadError(f"{where}: offset {fields[0]} must be seconds >= 0")
    if len(fields) == 1:
        return TracedRequest(offset)
    method, path = fields[1:]
    if not _METHOD.fullmatch(method):
        raise WorkloadError(f"{where}: method {method!r} must be capital letters")
    if not _PATH.fullmatch(path):
        raise WorkloadError(f"{where}: path {path!r} must begin with / and hold no space")
    return TracedRequest(offset, method, path)
