"""What is to be asked and when: the plan, made of arrival times and a mix of requests.

Knows no clock and no socket. Offsets are seconds from the start. The dice come in as
``random.Random``; the same seed gives the same plan, and the arrival times do not depend on the
mix, so that two mixes can be compared under the same arrivals. The live generator and the
simulator follow the same plans.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from config.traffic import Diurnal, MixEntry, Modulated
from traffic import arrivals as processes
from traffic.arrivals import Burst, WorkloadError
from traffic.paths import drawer
from traffic.traces import MOST_REQUESTS, TracedRequest

Arrivals: TypeAlias = Literal["poisson", "uniform", "burst", "modulated", "diurnal"]

MEDIAN = 0.5


@dataclass(slots=True)
class PlannedRequest:
    """One request and when it is to be sent; not changed once it is made.

    Attributes:
        offset: seconds after the start.
        body_bytes: length of its body; 0 for none.
        quantile: in [0, 1), how large the request is among those of its kind. A server whose sizes
            are paired takes its size distribution at this quantile, so that a request is equally
            large under every strategy.
    """

    offset: float
    method: str
    path: str
    body_bytes: int = 0
    quantile: float = MEDIAN


def make_plan(
    arrivals: Arrivals,
    mix: Sequence[MixEntry],
    dice: random.Random,
    *,
    rate: float,
    duration: float | None = None,
    requests: int | None = None,
    burst: Burst | None = None,
    modulated: Modulated | None = None,
    diurnal: Diurnal | None = None,
) -> list[PlannedRequest]:
    """A plan of ``duration`` seconds or of exactly ``requests`` requests; one must be given.

    With both, whichever ends first ends it.

    Args:
        arrivals: ``poisson`` draws exponential gaps; ``uniform`` has equal gaps, the first request
            at 0; ``burst``, ``modulated`` and ``diurnal`` see their shapes, which follow.
        rate: mean requests per second; of ``modulated`` arrivals in the long run.

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
    times, kinds, details = _dice(dice)
    length = duration if duration is not None else expected / rate
    offsets: Iterator[float]
    if arrivals == "uniform":
        offsets = processes.uniform(rate)
    elif arrivals == "poisson":
        offsets = processes.poisson(rate, times)
    elif arrivals == "burst":
        offsets = processes.bursts(rate, times, burst or Burst(), length)
    elif arrivals == "modulated":
        offsets = processes.modulated(rate, times, modulated or Modulated())
    else:
        offsets = processes.diurnal(rate, times, diurnal or Diurnal())
    return _planned(_until(offsets, duration, requests), mix, kinds, details)


def trace_plan(
    trace: Sequence[TracedRequest],
    mix: Sequence[MixEntry],
    dice: random.Random,
    *,
    duration: float | None = None,
    speed: float = 1.0,
) -> list[PlannedRequest]:
    """The trace's requests; the mix fills the gaps.

    Args:
        duration: seconds of the plan, where it is cut.
        speed: so many times faster than it was.
    """
    _, kinds, details = _dice(dice)
    offsets = [each.offset / speed for each in trace]
    if duration is not None:
        offsets = list(itertools.takewhile(lambda offset: offset < duration, offsets))
    plan = _planned(offsets, mix, kinds, details)
    for index, each in enumerate(trace[: len(plan)]):
        if each.path:
            drawn = plan[index]
            plan[index] = PlannedRequest(
                drawn.offset, each.method or "GET", each.path, quantile=drawn.quantile
            )
    return plan


def _dice(dice: random.Random) -> tuple[random.Random, random.Random, random.Random]:
    """Dice for the times, for the kinds of requests, and for sizes and placeholders, so that none
    disturbs the others."""
    times, kinds, details = (random.Random(dice.getrandbits(64)) for _ in range(3))
    return times, kinds, details


def _planned(
    offsets: Sequence[float],
    mix: Sequence[MixEntry],
    kinds: random.Random,
    details: random.Random,
) -> list[PlannedRequest]:
    if not mix:
        raise WorkloadError("the mix is empty: nothing to ask for")
    sizes = random.Random(details.getrandbits(64)).random
    drawn = [(entry.method, drawer(entry, details), entry.body_bytes) for entry in mix]
    chosen = kinds.choices(drawn, weights=[entry.weight for entry in mix], k=len(offsets))
    return [
        PlannedRequest(offset, method, path(), body_bytes, sizes())
        for offset, (method, path, body_bytes) in zip(offsets, chosen, strict=True)
    ]


def _until(offsets: Iterator[float], duration: float | None, requests: int | None) -> list[float]:
    early = itertools.takewhile(lambda offset: duration is None or offset < duration, offsets)
    return list(itertools.islice(early, requests))
