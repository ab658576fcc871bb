"""What a server is like: its sizes, slots, costs by path, and when it misbehaves. Only the
description; what becomes of a request is ``service``'s matter.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

LARGEST_RESPONSE_BYTES = 1 << 30
"""The longest answer a profile may ask for; it is streamed, so this bounds time and not memory."""

LARGEST_KEY_CACHE = 1 << 20
"""Keys that a server may hold in its cache."""

MIN_NOISE_SECONDS = 0.01
"""An hour without a request has to be gone through in steps of that length."""


def _require(right: bool, problem: str) -> None:
    if not right:
        raise ValueError(problem)


@dataclass(frozen=True, slots=True)
class Phase:
    """A stretch of time in which the server behaves differently.

    Attributes:
        kind: ``slow`` multiplies the service time by ``factor``; ``fail`` answers ``status``
            without working, with ``probability``; ``hang`` never answers, with ``probability``;
            ``warm_up`` starts ``factor`` times slower and reaches normal speed linearly at ``end``;
            ``noise`` multiplies by ``factor`` while a noisy neighbour is at work.
        start, end: seconds since the behaviour began; ``end`` is not part of it, None is never.
        holds_slot: whether a request that hangs keeps its slot.
        neighbour: which one is noisy. It is at work and away for exponential times, away first; all
            servers that name the same one are slowed at the same moments.
        on_seconds, off_seconds: the means of these times.

    Raises:
        ValueError: a value is impossible, or belongs to another kind and would be ignored.
    """

    kind: Literal["slow", "fail", "hang", "warm_up", "noise"]
    start: float = 0.0
    end: float | None = None
    factor: float = 1.0
    probability: float = 1.0
    status: int = 500
    holds_slot: bool = True
    neighbour: str = ""
    on_seconds: float = 1.0
    off_seconds: float = 1.0

    def __post_init__(self) -> None:
        kind = self.kind
        _require(
            kind in ("slow", "fail", "hang", "warm_up", "noise"),
            f"kind must be slow, fail, hang, warm_up or noise, not {kind!r}",
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
            kind in ("slow", "warm_up", "noise") or self.factor == 1,
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
        _require(kind == "hang" or self.holds_slot, f"holds_slot has no meaning in a {kind} phase")
        for name in ("on_seconds", "off_seconds"):
            seconds = getattr(self, name)
            _require(
                MIN_NOISE_SECONDS <= seconds < math.inf,
                f"{name} must be at least {MIN_NOISE_SECONDS}, not {seconds}",
            )
            _require(kind == "noise" or seconds == 1, f"{name} has no meaning in a {kind} phase")
        _require(
            kind == "noise" or not self.neighbour, f"neighbour has no meaning in a {kind} phase"
        )

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
            [1 - spread, 1 + spread], ``exponential`` (which knows no spread), ``lognormal`` or
            ``pareto`` (type I) with coefficient of variation ``spread``.
        slots: requests worked on in parallel; None for no limit.
        queue_limit: requests that may wait for a slot; one more is refused with 503.
        discipline: ``fifo``: who has no slot waits, first come first. ``processor_sharing``: nobody
            waits; while there are more than ``slots`` requests, each is worked on at a speed of
            slots / requests. Beyond slots + queue_limit of them it refuses.
        cache_keys: request targets that it remembers, the least recently used forgotten first; 0
            for no cache.
        cache_seconds: what a remembered one takes in place of its work.
        paired_sizes: a live server takes a request's size from the quantile that it brings along
            (``X-Work-Quantile``), for comparisons in which all strategies get the same requests.
            In virtual time that is always so.
        routes: costs by path prefix; the longest match counts, no match means factor 1.
        phases: when it misbehaves. Several may overlap: their factors multiply, and the first one
            in this order whose dice fall decides between failing and hanging.
        response_bytes: length of a work answer's padding.
        domains: names that the server holds pages of; a request to one of them gets a page.

    Raises:
        ValueError: a value is impossible.
    """

    sizes: Literal["uniform", "exponential", "lognormal", "pareto"] = "uniform"
    spread: float = 0.1
    slots: int | None = None
    queue_limit: int = 200
    discipline: Literal["fifo", "processor_sharing"] = "fifo"
    cache_keys: int = 0
    cache_seconds: float = 0.0
    paired_sizes: bool = False
    routes: tuple[RouteCost, ...] = ()
    phases: tuple[Phase, ...] = ()
    response_bytes: int = 0
    domains: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _require(
            self.sizes in ("uniform", "exponential", "lognormal", "pareto"),
            f"sizes must be uniform, exponential, lognormal or pareto, not {self.sizes!r}",
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
        _require(
            self.sizes != "pareto" or self.spread > 0, "spread of pareto sizes must be above 0"
        )
        _require(
            self.discipline in ("fifo", "processor_sharing"),
            f"discipline must be fifo or processor_sharing, not {self.discipline!r}",
        )
        _require(
            0 <= self.cache_keys <= LARGEST_KEY_CACHE,
            f"cache_keys must be 0 to {LARGEST_KEY_CACHE}, not {self.cache_keys}",
        )
        _require(
            0 <= self.cache_seconds < math.inf,
            f"cache_seconds must be 0 or more, not {self.cache_seconds}",
        )
        _require(
            self.cache_keys > 0 or self.cache_seconds == 0,
            "cache_seconds has no meaning without cache_keys",
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
