"""From raw values to what a policy can use: load levels, request classes.

Knows no record of ``vocabulary``: plain values in, plain values out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

LEVELS = ("low", "medium", "high")
"""Load levels in rising order, as document 003 names them."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Below ``low`` a metric counts as low, below ``medium`` as medium, else as high."""

    low: float
    medium: float

    def __post_init__(self) -> None:
        if not 0 <= self.low <= self.medium:
            raise ValueError(f"thresholds must rise: low {self.low}, medium {self.medium}")

    def level(self, value: float) -> int:
        """0 low, 1 medium, 2 high."""
        return 0 if value < self.low else 1 if value < self.medium else 2


@dataclass(frozen=True, slots=True)
class LoadEncoding:
    """Document 003's ``state_encoding``: the worst metric decides an endpoint's level.

    The units are the document's: per cent, requests, milliseconds.
    """

    cpu_thresholds: Thresholds = Thresholds(50, 80)
    active_requests_thresholds: Thresholds = Thresholds(5, 10)
    response_time_thresholds_ms: Thresholds = Thresholds(100, 200)

    def level(self, cpu: float, active: int, latency: float) -> int:
        """The level of an endpoint: ``cpu`` in [0, 1], ``active`` requests, ``latency`` seconds."""
        # Decided together, because this runs for every candidate of every request. Nothing is below
        # a threshold if it is not a number, so that NaN counts as high.
        cpu *= 100.0
        latency *= 1000.0
        of_cpu = self.cpu_thresholds
        of_active = self.active_requests_thresholds
        of_time = self.response_time_thresholds_ms
        if cpu < of_cpu.low and active < of_active.low and latency < of_time.low:
            return 0
        if cpu < of_cpu.medium and active < of_active.medium and latency < of_time.medium:
            return 1
        return 2


# A path segment that names one thing among many of its kind. Hexadecimal words need a digit and
# eight places, or "deadbeef" and "feedback" would be taken for identifiers.
_NUMBER = re.compile(r"\d+\Z")
_UUID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\Z")
_HASH = re.compile(r"(?=[0-9a-fA-F]*\d)[0-9a-fA-F]{8,}\Z")

MAX_SEGMENTS = 8
"""Deeper paths fold into one template, which bounds what a hostile client can make of it."""


def _fold(segment: str) -> str:
    if _NUMBER.match(segment):
        return "{n}"
    if _UUID.match(segment):
        return "{uuid}"
    if _HASH.match(segment):
        return "{hash}"
    return segment


def route_template(path: str) -> str:
    """``/report/8841?x=1`` -> ``/report/{n}``: numbers, UUIDs and hashes folded, query dropped."""
    bare = path.partition("?")[0]
    segments = bare.split("/", MAX_SEGMENTS + 1)
    folded = [_fold(segment) for segment in segments[: MAX_SEGMENTS + 1]]
    if len(segments) > MAX_SEGMENTS + 1:
        folded.append("*")
    return "/".join(folded)


def request_class(method: str, path: str) -> str:
    """The class of a request: its method and route template."""
    return f"{method} {route_template(path)}"
