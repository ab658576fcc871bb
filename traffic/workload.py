"""What is to be asked and when: arrival times, the mix of requests, and the plan made of both.

Knows no clock and no socket. Offsets are seconds from the start. The dice come in as
``random.Random``; the same seed gives the same plan, and the arrival times do not depend on the
mix, so that two mixes can be compared under the same arrivals.
"""

from __future__ import annotations

import csv
import itertools
import math
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from config.schema import MixEntry

Arrivals: TypeAlias = Literal["poisson", "uniform", "burst"]

MOST_REQUESTS = 5_000_000
"""A plan is held in memory as a whole; this many take about half a gigabyte."""

_METHOD = re.compile(r"[A-Z]+")
_PATH = re.compile(r"/[!-~]*")


class WorkloadError(ValueError):
    """No plan can be made of what was given; the message says of what."""


@dataclass(frozen=True, slots=True)
class PlannedRequest:
    """One request and when it is to be sent.

    Attributes:
        offset: seconds after the start.
        body_bytes: length of its body; 0 for none.
    """

    offset: float
    method: str
    path: str
    body_bytes: int = 0


@dataclass(frozen=True, slots=True)
class TracedRequest:
    """One line of a trace; method and path are None where the mix shall decide."""

    offset: float
    method: str | None = None
    path: str | None = None


@dataclass(frozen=True, slots=True)
class Burst:
    """Calm and burst in turn, both Poisson, calm first.

    Attributes:
        period: seconds of one calm and one burst together. It is stretched or shortened a little
            so that whole periods fill the plan: the mean rate is the asked one at any length.
        share: part of each period that is burst, in (0, 1).
        factor: the burst's rate over the mean rate. The calm has what is left of the mean:
            (1 - share * factor) / (1 - share) of it, half with the defaults.
    """

    period: float = 5.0
    share: float = 0.2
    factor: float = 3.0

    def __post_init__(self) -> None:
        if not (self.period > 0 and 0 < self.share < 1 and self.factor >= 1):
            raise WorkloadError("burst: period must be > 0, share in (0, 1), factor >= 1")
        if self.share * self.factor > 1:
            raise WorkloadError(
                "burst: share * factor must not be above 1: nothing is left to calm"
            )


def make_plan(
    arrivals: Arrivals,
    mix: Sequence[MixEntry],
    dice: random.Random,
    *,
    rate: float,
    duration: float | None = None,
    requests: int | None = None,
    burst: Burst | None = None,
) -> list[PlannedRequest]:
    """A plan of ``duration`` seconds or of exactly ``requests`` requests; one must be given.

    With both, whichever ends first ends it.

    Args:
        arrivals: ``poisson`` draws exponential gaps; ``uniform`` has equal gaps, the first request
            at 0; ``burst`` see ``Burst``.
        rate: mean requests per second.

    Raises:
        WorkloadError: on numbers that make no plan, or one above ``MOST_REQUESTS``.
    """
    if not (rate > 0 and math.isfinite(rate)):
        raise WorkloadError(f"rate {rate:g}: must be above 0")
    if duration is None and requests is None:
        raise WorkloadError("neither duration nor requests is given: the plan would not end")
    if duration is not None and not (duration > 0 and math.isfinite(duration)):
        raise WorkloadError(f"duration {duration:g}: must be above 0 seconds")
    if requests is not None and requests < 1:
        raise WorkloadError(f"requests {requests}: must be at least 1")
    expected = min(
        math.inf if requests is None else requests,
        math.inf if duration is None else rate * duration,
    )
    if expected > MOST_REQUESTS:
        raise WorkloadError(f"about {expected:.0f} requests are too many; at most {MOST_REQUESTS}")
    times, kinds = _two(dice)
    length = duration if duration is not None else expected / rate
    offsets: Iterator[float]
    if arrivals == "uniform":
        offsets = _uniform(rate)
    elif arrivals == "poisson":
        offsets = _poisson(rate, times)
    else:
        offsets = _bursts(rate, times, burst or Burst(), length)
    return _planned(_until(offsets, duration, requests), mix, kinds)


def trace_plan(
    trace: Sequence[TracedRequest],
    mix: Sequence[MixEntry],
    dice: random.Random,
    *,
    duration: float | None = None,
) -> list[PlannedRequest]:
    """The trace's requests, those before ``duration`` if it is given; the mix fills the gaps."""
    _, kinds = _two(dice)
    kept = [each for each in trace if duration is None or each.offset < duration]
    drawn = _planned([each.offset for each in kept], mix, kinds)
    return [
        PlannedRequest(each.offset, each.method or "GET", each.path) if each.path else fill
        for each, fill in zip(kept, drawn, strict=True)
    ]


def parse_trace(text: str, name: str = "trace") -> list[TracedRequest]:
    """Reads one request a line: ``offset``, or CSV ``offset,method,path``.

    Empty lines and lines that begin with ``#`` are passed over, and so is a first line that begins
    with the word ``offset``. Offsets must not go backwards.

    Raises:
        WorkloadError: naming ``name``, the line and what is wrong with it.
    """
    found: list[TracedRequest] = []
    latest = 0.0
    first = True
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        where = f"{name}:{number}"
        try:
            fields = [field.strip() for field in next(csv.reader([line], strict=True))]
        except csv.Error as error:
            raise WorkloadError(f"{where}: not CSV: {error}") from None
        heading, first = first and fields[0].lower() == "offset", False
        if heading:
            continue
        one = _traced(fields, where)
        if one.offset < latest:
            raise WorkloadError(f"{where}: offset {one.offset:g} is before {latest:g} above it")
        if len(found) == MOST_REQUESTS:
            raise WorkloadError(f"{where}: more than {MOST_REQUESTS} requests")
        latest = one.offset
        found.append(one)
    if not found:
        raise WorkloadError(f"{name}: no request in it; each line is offset or offset,method,path")
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


def _two(dice: random.Random) -> tuple[random.Random, random.Random]:
    """Dice for the times and dice for the mix, so that neither disturbs the other."""
    return random.Random(dice.getrandbits(64)), random.Random(dice.getrandbits(64))


def _planned(
    offsets: Sequence[float], mix: Sequence[MixEntry], dice: random.Random
) -> list[PlannedRequest]:
    if not mix:
        raise WorkloadError("the mix is empty: nothing to ask for")
    entries = dice.choices(mix, weights=[entry.weight for entry in mix], k=len(offsets))
    return [
        PlannedRequest(offset, entry.method, entry.path, entry.body_bytes)
        for offset, entry in zip(offsets, entries, strict=True)
    ]


def _until(offsets: Iterator[float], duration: float | None, requests: int | None) -> list[float]:
    early = itertools.takewhile(lambda offset: duration is None or offset < duration, offsets)
    return list(itertools.islice(early, requests))


def _uniform(rate: float) -> Iterator[float]:
    index = 0
    while True:
        yield index / rate
        index += 1


def _poisson(rate: float, dice: random.Random) -> Iterator[float]:
    offset = 0.0
    while True:
        offset += dice.expovariate(rate)
        yield offset


def _bursts(rate: float, dice: random.Random, burst: Burst, length: float) -> Iterator[float]:
    """A Poisson process of changing rate: exponential gaps in expected requests, turned into
    seconds by the inverse of the rate's integral, which is piecewise linear."""
    period = length / max(1, round(length / burst.period))
    calm_length = period * (1 - burst.share)
    calm_mass = rate * period * (1 - burst.share * burst.factor)
    mass = 0.0
    while True:
        mass += dice.expovariate(1.0)
        periods, within = divmod(mass, rate * period)
        if within < calm_mass:
            offset = within / calm_mass * calm_length
        else:
            offset = calm_length + (within - calm_mass) / (rate * burst.factor)
        yield periods * period + offset
