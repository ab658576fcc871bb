"""How often applications arrive: rates that change over time, and arrivals in slots.

A client asks once per tick whether an application is due, and makes one at the most. The next one
is due after an exponential gap, rounded to ticks. So the mean gap between two arrivals in ticks, at
a rate of r per tick, is

    1 + e^(-1.5 r) / (1 - e^(-r))

and not 1/r: a gap that rounds to 0 or 1 is one tick (``mean_gap_ticks``).
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

MOST_SEGMENTS = 10_000

SLOT_SECONDS = 100
LOWEST, HIGHEST = 1.0, 10.0
"""Of the schedules that have names, as the original has them: applications per second. More than
one per tick do not arrive."""

NAMES = ("Linear", "Zigzag", "Uniform", "HeteroUniform", "HeteroZigzag")


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of time with one rate.

    Attributes:
        rate: applications per second and pair of client and target; 0 is none at all.
    """

    rate: float
    seconds: int

    def __post_init__(self) -> None:
        if not 0 <= self.rate < math.inf:
            raise ValueError(f"a rate must be 0 or more per second, not {self.rate}")
        if self.seconds < 1:
            raise ValueError(f"a rate must last for 1 second or more, not for {self.seconds}")


@dataclass(frozen=True, slots=True)
class Schedule:
    """Rates one after the other; the last one holds for ever."""

    segments: tuple[Segment, ...]

    def __post_init__(self) -> None:
        if not 0 < len(self.segments) <= MOST_SEGMENTS:
            raise ValueError(f"a schedule has 1 to {MOST_SEGMENTS} rates, not {len(self.segments)}")

    def per_tick(self, ticks_per_second: int = 1) -> list[tuple[int, float]]:
        """(first tick, rate per tick) of each segment, the earliest first."""
        begins, starts = 0, []
        for segment in self.segments:
            starts.append((begins, segment.rate / ticks_per_second))
            begins += segment.seconds * ticks_per_second
        return starts

    def rate_at(self, tick: int, ticks_per_second: int = 1) -> float:
        """The rate per tick that holds at that tick."""
        rate = 0.0
        for begins, each in self.per_tick(ticks_per_second):
            if begins > tick:
                break
            rate = each
        return rate


def constant(rate: float, seconds: int = 1) -> Schedule:
    return Schedule((Segment(rate, seconds),))


def due_after(rate: float, dice: random.Random) -> int | None:
    """Ticks until the next arrival is due, 0 included; None if the rate is 0.

    Args:
        rate: per tick.
    """
    if rate <= 0:
        return None
    # 1 - random() is never 0, whose logarithm there is not. Half a tick rounds up.
    return math.floor(-math.log(1.0 - dice.random()) / rate + 0.5)


def mean_gap_ticks(rate: float) -> float:
    """Of arrivals that are asked for once per tick, at a rate per tick; infinite at 0."""
    if rate <= 0:
        return math.inf
    return 1.0 + math.exp(-1.5 * rate) / -math.expm1(-rate)


def linear(seconds: int) -> Schedule:
    """One more per second with every slot, up to the most."""
    return _slots([min(LOWEST + each, HIGHEST) for each in range(_count(seconds))])


def zigzag(seconds: int, first: float = LOWEST) -> Schedule:
    """One more per second with every slot, then one less, and so on; each end lasts two slots."""
    rates, rate, step = [], first, 1.0
    for _ in range(_count(seconds)):
        rates.append(rate)
        rate += step
        if not LOWEST <= rate <= HIGHEST:
            rate, step = min(max(rate, LOWEST), HIGHEST), -step
    return _slots(rates)


def uniform(seconds: int, dice: random.Random) -> Schedule:
    """In every slot a rate drawn evenly from the lowest to the highest."""
    return _slots([_drawn(dice) for _ in range(_count(seconds))])


def named(name: str, seconds: int, count: int, dice: random.Random) -> tuple[Schedule, ...]:
    """The original's schedules by name, one per layer: all the same, or of the hetero ones each its
    own.

    Raises:
        ValueError: there is none of that name.
    """
    if name == "HeteroUniform":
        return tuple(uniform(seconds, dice) for _ in range(count))
    if name == "HeteroZigzag":
        return tuple(zigzag(seconds, _drawn(dice)) for _ in range(count))
    if name == "Linear":
        return (linear(seconds),) * count
    if name == "Zigzag":
        return (zigzag(seconds),) * count
    if name == "Uniform":
        return (uniform(seconds, dice),) * count
    raise ValueError(f"no schedule {name!r}; there are {', '.join(NAMES)}")


def read(text: str) -> tuple[Schedule, ...]:
    """``rate-seconds,rate-seconds;…``: one schedule per layer.

    Raises:
        ValueError: naming the part at fault.
    """
    return tuple(_schedule(part.strip()) for part in text.strip().strip(";").split(";"))


def _schedule(text: str) -> Schedule:
    segments = []
    for part in text.split(","):
        # From the right: a rate of 1e-3 has a dash of its own.
        rate, dash, seconds = part.strip().rpartition("-")
        try:
            if not dash:
                raise ValueError
            segment = float(rate), int(seconds)
        except ValueError:
            raise ValueError(f"{part.strip()!r} is no rate-seconds, such as 0.6-1000") from None
        segments.append(Segment(*segment))
    return Schedule(tuple(segments))


def _count(seconds: int) -> int:
    return min(max(1, math.ceil(seconds / SLOT_SECONDS)), MOST_SEGMENTS)


def _slots(rates: Sequence[float]) -> Schedule:
    return Schedule(tuple(Segment(rate, SLOT_SECONDS) for rate in rates))


def _drawn(dice: random.Random) -> float:
    return LOWEST + (HIGHEST - LOWEST) * dice.random()
