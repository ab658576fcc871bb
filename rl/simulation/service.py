"""How long a server works on a request, who waits for it, and when it misbehaves: the rules.

The live backend sleeps what this computes and the simulator advances its clock by it, so both show
the same server. Time is ``elapsed``, seconds since the behaviour began; dice come from outside.
"""

from __future__ import annotations

import math
import random
from collections import deque
from dataclasses import dataclass
from enum import Enum, auto
from typing import Generic, Literal, TypeVar

LARGEST_RESPONSE_BYTES = 1 << 30
"""The longest answer a profile may ask for; it is streamed, so this bounds time and not memory."""


def _require(right: bool, problem: str) -> None:
    if not right:
        raise ValueError(problem)


@dataclass(frozen=True, slots=True)
class Phase:
    """A stretch of time in which the server behaves differently.

    Attributes:
        kind: ``slow`` multiplies the service time by ``factor``; ``fail`` answers ``status``
            without working, with ``probability``; ``hang`` never answers and keeps its slot, with
            ``probability``; ``warm_up`` starts ``factor`` times slower and reaches normal speed
            linearly at ``end``.
        start, end: seconds since the behaviour began; ``end`` is not part of it, None is never.

    Raises:
        ValueError: a value is impossible, or belongs to another kind and would be ignored.
    """

    kind: Literal["slow", "fail", "hang", "warm_up"]
    start: float = 0.0
    end: float | None = None
    factor: float = 1.0
    probability: float = 1.0
    status: int = 500

    def __post_init__(self) -> None:
        kind = self.kind
        _require(
            kind in ("slow", "fail", "hang", "warm_up"),
            f"kind must be slow, fail, hang or warm_up, not {kind!r}",
        )
        _require(0 <= self.start < math.inf, f"start must be 0 or more seconds, not {self.start}")
        if self.end is None:
            _require(kind != "warm_up", "a warm_up needs an end, at which normal speed is reached")
        else:
            _require(
                self.start < self.end < math.inf,
                f"end must be later than start ({self.start} s), not {self.end}; "
                "leave it out for a phase that never ends",
            )
        _require(1 <= self.factor < math.inf, f"factor must be at least 1, not {self.factor}")
        _require(
            kind in ("slow", "warm_up") or self.factor == 1,
            f"factor has no meaning in a {kind} phase",
        )
        _require(
            0 <= self.probability <= 1,
            f"probability must lie between 0 and 1, not {self.probability}",
        )
        _require(
            kind in ("fail", "hang") or self.probability == 1,
            f"probability has no meaning in a {kind} phase",
        )
        _require(400 <= self.status <= 599, f"status must be 400 to 599, not {self.status}")
        _require(kind == "fail" or self.status == 500, f"status has no meaning in a {kind} phase")

    def covers(self, elapsed: float) -> bool:
        """Whether the phase is on at that time."""
        return self.start <= elapsed and (self.end is None or elapsed < self.end)

    def slowdown(self, elapsed: float) -> float:
        """What the service time is multiplied by at a time that the phase covers."""
        if self.kind != "warm_up" or self.end is None:
            return self.factor
        done = (elapsed - self.start) / (self.end - self.start)
        return self.factor + (1.0 - self.factor) * done


@dataclass(frozen=True, slots=True)
class RouteCost:
    """Requests whose path begins with ``prefix`` take ``factor`` times the base delay."""

    prefix: str
    factor: float = 1.0

    def __post_init__(self) -> None:
        _require(self.prefix.startswith("/"), f"prefix must begin with /, not {self.prefix!r}")
        _require(0 <= self.factor < math.inf, f"factor must be 0 or more, not {self.factor}")


@dataclass(frozen=True, slots=True)
class ServiceProfile:
    """What one server is like, apart from its base delay.

    Attributes:
        sizes: distribution of a request's work around its mean 1: ``uniform`` in
            [1 - spread, 1 + spread], ``exponential`` (which knows no spread), or ``lognormal``
            with coefficient of variation ``spread``.
        slots: requests worked on in parallel; None for no limit.
        queue_limit: requests that may wait for a slot; one more is refused with 503.
        routes: costs by path prefix; the longest match counts, no match means factor 1.
        phases: when it misbehaves. Several may overlap: their factors multiply, and the first one
            in this order whose dice fall decides between failing and hanging.
        response_bytes: length of a work answer's padding.
        domains: names that the server holds pages of; a request to one of them gets a page.

    Raises:
        ValueError: a value is impossible.
    """

    sizes: Literal["uniform", "exponential", "lognormal"] = "uniform"
    spread: float = 0.1
    slots: int | None = None
    queue_limit: int = 200
    routes: tuple[RouteCost, ...] = ()
    phases: tuple[Phase, ...] = ()
    response_bytes: int = 0
    domains: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _require(
            self.sizes in ("uniform", "exponential", "lognormal"),
            f"sizes must be uniform, exponential or lognormal, not {self.sizes!r}",
        )
        _require(0 <= self.spread < math.inf, f"spread must be 0 or more, not {self.spread}")
        _require(
            self.sizes != "uniform" or self.spread <= 1,
            f"spread of uniform sizes must be at most 1, not {self.spread}",
        )
        _require(
            self.slots is None or self.slots >= 1,
            f"slots must be at least 1, not {self.slots}; leave it out for no limit",
        )
        _require(self.queue_limit >= 0, f"queue_limit must be 0 or more, not {self.queue_limit}")
        _require(
            0 <= self.response_bytes <= LARGEST_RESPONSE_BYTES,
            f"response_bytes must be 0 to {LARGEST_RESPONSE_BYTES}, not {self.response_bytes}",
        )
        prefixes = [route.prefix for route in self.routes]
        for prefix in prefixes:
            _require(prefixes.count(prefix) == 1, f"routes: prefix {prefix!r} stands twice")
        for domain in self.domains:
            _require(
                bool(domain) and domain.isascii() and not set(domain) & set(" /:@?#"),
                f"domains: {domain!r} is not a host name",
            )


@dataclass(slots=True)
class Work:
    """What becomes of one request once it has a slot.

    Attributes:
        seconds: how long it keeps the slot; infinite if it hangs.
        status: HTTP status of the answer.
    """

    seconds: float
    status: int = 200

    @property
    def hangs(self) -> bool:
        """It is never answered; only the client's leaving frees the slot."""
        return self.seconds == math.inf


class ServiceBehaviour:
    """A profile with its base delay and dice: says what becomes of each request.

    It is asked when a request gets its slot, not when it arrives, so a request that waited into a
    slow phase is slow. Knows neither slots nor queue; those are ``Slots``.

    Args:
        base_delay: mean seconds of service where no route or phase says otherwise.
    """

    def __init__(self, profile: ServiceProfile, base_delay: float, rng: random.Random) -> None:
        _require(0 <= base_delay < math.inf, f"base_delay must be 0 or more, not {base_delay}")
        self.profile = profile
        self.base_delay = base_delay
        self.rng = rng
        self._routes = sorted(profile.routes, key=lambda route: len(route.prefix), reverse=True)
        # With variance v of the logarithm and mean -v/2 a lognormal has mean 1 and squared
        # coefficient of variation exp(v) - 1.
        self._log_variance = math.log1p(profile.spread * profile.spread)

    def work(self, path: str, elapsed: float) -> Work:
        """The fate of a request for ``path`` that gets its slot at ``elapsed``."""
        # The size comes first, so that two servers with equal dice and different phases give the
        # same request the same size for as long as no phase throws dice of its own.
        seconds = self.base_delay * self._cost(path) * self._size()
        for phase in self.profile.phases:
            if not phase.covers(elapsed):
                continue
            if phase.kind in ("slow", "warm_up"):
                seconds *= phase.slowdown(elapsed)
            elif self.rng.random() < phase.probability:
                return Work(0.0, phase.status) if phase.kind == "fail" else Work(math.inf)
        return Work(seconds)

    def _cost(self, path: str) -> float:
        for route in self._routes:
            if path.startswith(route.prefix):
                return route.factor
        return 1.0

    def _size(self) -> float:
        profile = self.profile
        if profile.sizes == "uniform":
            return self.rng.uniform(1.0 - profile.spread, 1.0 + profile.spread)
        if profile.sizes == "exponential":
            return self.rng.expovariate(1.0)
        variance = self._log_variance
        return self.rng.lognormvariate(-variance / 2.0, math.sqrt(variance))


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
