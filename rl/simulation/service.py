"""How long a server works on a request, who waits for it, and when it misbehaves: the rules.

The live backend sleeps what this computes and the simulator advances its clock by it, so both show
the same server. Time is ``elapsed``, seconds since the behaviour began; dice come from outside.
"""

from __future__ import annotations

import math
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from statistics import NormalDist
from typing import Generic, TypeVar

from rl.simulation.profile import LARGEST_RESPONSE_BYTES as LARGEST_RESPONSE_BYTES
from rl.simulation.profile import Phase as Phase
from rl.simulation.profile import RouteCost as RouteCost
from rl.simulation.profile import ServiceProfile as ServiceProfile

SMALLEST_QUANTILE = 2.0**-54
"""In the place of 0, which a throw of the dice is once in 2^53 times."""


@dataclass(slots=True)
class Work:
    """What becomes of one request once it has a slot.

    Attributes:
        seconds: how long it keeps the slot; infinite if it hangs.
        status: HTTP status of the answer.
        holds_slot: whether it keeps the slot at all; false only of one that hangs.
    """

    seconds: float
    status: int = 200
    holds_slot: bool = True

    @property
    def hangs(self) -> bool:
        """It is never answered; only the client's leaving frees the slot."""
        return self.seconds == math.inf


class OnOff:
    """A process that is on and off in turn for exponential times, off first.

    It is asked in the order of time, and remembers the present stretch only.
    """

    __slots__ = ("_dice", "_off", "_on", "_until", "on")

    def __init__(self, on_seconds: float, off_seconds: float, dice: random.Random) -> None:
        self._on, self._off, self._dice = 1.0 / on_seconds, 1.0 / off_seconds, dice
        self.on = False
        self._until = dice.expovariate(self._off)

    def at(self, elapsed: float) -> bool:
        """Whether it is on then."""
        while elapsed >= self._until:
            self.on = not self.on
            self._until += self._dice.expovariate(self._on if self.on else self._off)
        return self.on


class KeyCache:
    """Remembers so many keys, the least recently used forgotten first."""

    __slots__ = ("_held", "_most")

    def __init__(self, most: int) -> None:
        self._most = most
        self._held: dict[str, None] = {}

    def __contains__(self, key: str) -> bool:
        """Whether it is remembered; asking leaves everything as it is."""
        return key in self._held

    def hit(self, key: str) -> bool:
        """Whether it is remembered; from now on it is."""
        held = self._held
        if key in held:
            del held[key]  # a dict keeps the order of entering
            held[key] = None
            return True
        held[key] = None
        if len(held) > self._most:
            del held[next(iter(held))]
        return False


class ServiceBehaviour:
    """A profile with its base delay and dice: says what becomes of each request.

    It is asked when a request gets its slot, not when it arrives, so a request that waited into a
    slow phase is slow; in the order of time. Knows neither slots nor queue; those are ``Slots`` and
    ``Sharing``.

    Args:
        base_delay: mean seconds of service where no route or phase says otherwise.
        shared_seed: of what servers have in common, the same for all of one run.
    """

    __slots__ = (
        "_cache",
        "_costs",
        "_noises",
        "_phases",
        "_routes",
        "base_delay",
        "profile",
        "rng",
        "size",
    )

    def __init__(
        self,
        profile: ServiceProfile,
        base_delay: float,
        rng: random.Random,
        shared_seed: int | str = 0,
    ) -> None:
        if not 0 <= base_delay < math.inf:
            raise ValueError(f"base_delay must be 0 or more, not {base_delay}")
        self.profile = profile
        self.base_delay = base_delay
        self.rng = rng
        self.size = sizes(profile)
        self._routes = [
            (route.prefix, base_delay * route.factor)
            for route in sorted(profile.routes, key=lambda route: len(route.prefix), reverse=True)
        ]
        self._phases = profile.phases
        self._noises = {
            phase: OnOff(
                phase.on_seconds,
                phase.off_seconds,
                random.Random(f"{shared_seed}/neighbour/{phase.neighbour}"),
            )
            for phase in profile.phases
            if phase.kind == "noise"
        }
        self._cache = KeyCache(profile.cache_keys) if profile.cache_keys else None

    def mean(self, path: str) -> float:
        """Expected seconds of a request's work, without cache and phases."""
        for prefix, seconds in self._routes:
            if path.startswith(prefix):
                return seconds
        return self.base_delay

    def remembers(self, path: str) -> bool:
        """Whether a request for it would be a hit."""
        return self._cache is not None and path in self._cache

    def work(self, path: str, elapsed: float, quantile: float | None = None) -> Work:
        """The fate of a request for ``path`` that gets its slot at ``elapsed``.

        Args:
            path: with its query: the cache tells requests apart by it.
            quantile: in [0, 1): the share of requests that are smaller. The same one gives the same
                request the same size wherever it is served; without it the dice throw.
        """
        # The size comes first, so that two servers with equal dice and different phases give the
        # same request the same size for as long as no phase throws dice of its own.
        size = self.size(self.rng.random() if quantile is None else quantile)
        slowdown = 1.0
        if self._phases:
            for phase in self._phases:
                if (
                    phase.kind in ("fail", "hang")
                    and phase.covers(elapsed)
                    and self.rng.random() < phase.probability
                ):
                    if phase.kind == "fail":
                        return Work(0.0, phase.status)
                    return Work(math.inf, holds_slot=phase.holds_slot)
            slowdown = self.slowdown(elapsed)
        if self._cache is not None and self._cache.hit(path):
            return Work(self.profile.cache_seconds * slowdown)
        return Work(self.mean(path) * size * slowdown)

    def slowdown(self, elapsed: float) -> float:
        """What phases multiply work by at that time."""
        factor = 1.0
        for phase in self._phases:
            if not phase.covers(elapsed):
                continue
            if phase.kind == "noise":
                if self._noises[phase].at(elapsed - phase.start):
                    factor *= phase.factor
            elif phase.kind in ("slow", "warm_up"):
                factor *= phase.slowdown(elapsed)
        return factor


def sizes(profile: ServiceProfile) -> Callable[[float], float]:
    """The inverse of the distribution of sizes: from a quantile in [0, 1) to a size of mean 1."""
    spread = profile.spread
    if profile.sizes == "exponential":
        return lambda quantile: -math.log(1.0 - quantile)
    if profile.sizes == "pareto":
        # Type I with shape a and mean 1 begins at (a - 1) / a and has squared coefficient of
        # variation 1 / (a (a - 2)).
        shape = 1.0 + math.sqrt(1.0 + 1.0 / (spread * spread))
        least, exponent = (shape - 1.0) / shape, -1.0 / shape
        return lambda quantile: least * (1.0 - quantile) ** exponent
    if profile.sizes == "lognormal" and spread:
        # With variance v of the logarithm and mean -v/2 a lognormal has mean 1 and squared
        # coefficient of variation exp(v) - 1.
        variance = math.log1p(spread * spread)
        logarithm = NormalDist(-variance / 2.0, math.sqrt(variance)).inv_cdf
        exp = math.exp
        return lambda quantile: exp(logarithm(quantile or SMALLEST_QUANTILE))
    if profile.sizes == "lognormal":
        return lambda quantile: 1.0
    least, width = 1.0 - spread, (1.0 + spread) - (1.0 - spread)
    return lambda quantile: least + width * quantile


class Place(Enum):
    """Where an arriving request finds itself."""

    STARTED = auto()
    QUEUED = auto()
    REFUSED = auto()


T = TypeVar("T")


class Slots(Generic[T]):
    """Slots that work in parallel, and the bounded queue of requests behind them, first come first.

    Knows neither time nor what a request is: the caller hands in an item for each, and gets back
    the item whose turn has come. Every item that started ends with exactly one ``finish``.

    Attributes:
        working: requests that have a slot.
    """

    __slots__ = ("_limit", "_queue", "_slots", "working")

    def __init__(self, slots: int | None, queue_limit: int) -> None:
        self._slots = slots
        self._limit = queue_limit
        self._queue: deque[T] = deque()
        self.working = 0

    @property
    def waiting(self) -> int:
        """Requests that wait for a slot."""
        return len(self._queue)

    @property
    def full(self) -> bool:
        """Whether the next one would be refused."""
        return (
            self._slots is not None
            and self.working >= self._slots
            and len(self._queue) >= self._limit
        )

    def arrive(self, item: T) -> Place:
        """One more request. A refused one is forgotten."""
        if self._slots is None or self.working < self._slots:
            self.working += 1
            return Place.STARTED
        if len(self._queue) < self._limit:
            self._queue.append(item)
            return Place.QUEUED
        return Place.REFUSED

    def finish(self) -> T | None:
        """A request gives its slot back. The item that gets it, if one was waiting.

        Raises:
            RuntimeError: no request has a slot.
        """
        if self.working == 0:
            raise RuntimeError("a slot was given back that nobody had")
        if self._queue:
            return self._queue.popleft()
        self.working -= 1
        return None

    def leave(self, item: T) -> bool:
        """A request gives up waiting. False if it was not waiting (any more)."""
        try:
            self._queue.remove(item)
        except ValueError:
            return False
        return True
