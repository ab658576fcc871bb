"""From raw values to what a policy can use: load levels, request classes.

Imports no record of ``vocabulary``, which imports this.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

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


class Measured(Protocol):
    """An endpoint, as far as its load goes: ``vocabulary.EndpointStats`` is one.

    Attributes:
        cpu: in [0, 1].
        latency: seconds.
    """

    cpu: float
    in_flight: int
    latency: float


@dataclass(frozen=True, slots=True)
class LoadEncoding:
    """Document 003's ``state_encoding``: the worst metric decides an endpoint's level.

    The units are the document's: per cent, requests, milliseconds.
    """

    cpu_thresholds: Thresholds = Thresholds(50, 80)
    active_requests_thresholds: Thresholds = Thresholds(5, 10)
    response_time_thresholds_ms: Thresholds = Thresholds(100, 200)

    def levels(self, endpoints: Sequence[Measured]) -> tuple[int, ...]:
        """The level of each endpoint, in one go, because this runs for every candidate of every
        request. Nothing is below a threshold if it is not a number, so that NaN counts as high."""
        cpu, active, time = (
            self.cpu_thresholds,
            self.active_requests_thresholds,
            self.response_time_thresholds_ms,
        )
        low_cpu, low_active, low_time = cpu.low, active.low, time.low
        found = []
        for each in endpoints:
            of_cpu, of_time, in_flight = each.cpu * 100.0, each.latency * 1000.0, each.in_flight
            if of_cpu < low_cpu and in_flight < low_active and of_time < low_time:
                found.append(0)
            elif of_cpu < cpu.medium and in_flight < active.medium and of_time < time.medium:
                found.append(1)
            else:
                found.append(2)
        return tuple(found)


# A path segment that names one thing among many of its kind. Hexadecimal words need a digit and
# eight places, or "deadbeef" and "feedback" would be taken for identifiers.
_NUMBER = re.compile(r"\d+\Z")
_UUID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\Z")
_HASH = re.compile(r"(?=[0-9a-fA-F]*\d)[0-9a-fA-F]{8,}\Z")

MAX_SEGMENTS = 8
"""Deeper paths fold into one template, which bounds what a hostile client can make of it."""


def fold(segment: str) -> str:
    """One path segment, or what stands for its like."""
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
    folded = [fold(segment) for segment in segments[: MAX_SEGMENTS + 1]]
    if len(segments) > MAX_SEGMENTS + 1:
        folded.append("*")
    return "/".join(folded)


def request_class(method: str, path: str) -> str:
    """The class of a request: its method and route template."""
    return f"{method} {route_template(path)}"
