"""Arrival processes: endless offsets in seconds from the start, never going backwards.

Knows no clock and no mix; the dice come in as ``random.Random``.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from config.traffic import Diurnal, Modulated


class WorkloadError(ValueError):
    """No plan can be made of what was given; the message says of what."""


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


def uniform(rate: float) -> Iterator[float]:
    """Equal gaps, the first request at 0."""
    index = 0
    while True:
        yield index / rate
        index += 1


def poisson(rate: float, dice: random.Random) -> Iterator[float]:
    """Exponential gaps."""
    offset = 0.0
    while True:
        offset += dice.expovariate(rate)
        yield offset


def bursts(rate: float, dice: random.Random, burst: Burst, length: float) -> Iterator[float]:
    """A Poisson process of changing rate: exponential gaps in expected requests, turned into
    seconds by the inverse of the rate's integral, which is piecewise linear.

    Args:
        length: seconds that whole periods shall fill.
    """
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


def modulated(rate: float, dice: random.Random, shape: Modulated) -> Iterator[float]:
    """A Markov-modulated Poisson process of two states, calm first."""
    scale = rate / shape.mean_level
    phases = (
        (shape.calm_seconds, shape.calm_level * scale),
        (shape.burst_seconds, shape.burst_level * scale),
    )
    offset = 0.0
    index = 0
    while True:
        mean_seconds, phase_rate = phases[index]
        end = offset + dice.expovariate(1.0 / mean_seconds)
        # What is left of a gap when the phase ends is drawn anew: an exponential has no memory.
        while (offset := offset + dice.expovariate(phase_rate)) < end:
            yield offset
        offset = end
        index = 1 - index


def diurnal(rate: float, dice: random.Random, shape: Diurnal) -> Iterator[float]:
    """A Poisson process of changing rate by thinning one of the highest rate (Lewis and Shedler,
    1979)."""
    amplitude, turn = shape.amplitude, 2.0 * math.pi / shape.period_seconds
    peak = rate * (1.0 + amplitude)
    draw: Callable[[], float] = dice.random
    offset = 0.0
    while True:
        offset += dice.expovariate(peak)
        if draw() * (1.0 + amplitude) < 1.0 - amplitude * math.cos(turn * offset):
            yield offset
