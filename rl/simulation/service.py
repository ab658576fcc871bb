"""How long a server works on a request, and when it misbehaves: the rules, without waiting.

The live backend sleeps what this computes and the simulator advances its clock by it, so both show
the same server. Time is ``elapsed``, seconds since the behaviour began; dice come from outside.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Phase:
    """A stretch of time in which the server behaves differently.

    Attributes:
        kind: ``slow`` multiplies the service time by ``factor``; ``fail`` answers ``status`` at
            once with ``probability``; ``hang`` never answers, with ``probability``; ``warm_up``
            starts ``factor`` times slower and reaches normal speed linearly at ``end``.
        start, end: seconds since the behaviour began; ``end`` is not part of it.
    """

    kind: Literal["slow", "fail", "hang", "warm_up"]
    start: float = 0.0
    end: float = float("inf")
    factor: float = 1.0
    probability: float = 1.0
    status: int = 500


@dataclass(frozen=True, slots=True)
class RouteCost:
    """Requests whose path begins with ``prefix`` take ``factor`` times the base delay."""

    prefix: str
    factor: float = 1.0


@dataclass(frozen=True, slots=True)
class ServiceProfile:
    """What one server is like, apart from its base delay.

    Attributes:
        sizes: distribution of a request's work around its mean 1: ``uniform`` in
            [1 - spread, 1 + spread], ``exponential``, or ``lognormal`` with coefficient of
            variation ``spread``.
        slots: requests worked on in parallel; None for no limit.
        queue_limit: requests that may wait for a slot; one more is refused with 503.
        routes: costs by path prefix; the longest match counts, no match means factor 1.
        phases: when it misbehaves. Several may overlap.
        response_bytes: length of a work answer's padding.
    """

    sizes: Literal["uniform", "exponential", "lognormal"] = "uniform"
    spread: float = 0.1
    slots: int | None = None
    queue_limit: int = 200
    routes: tuple[RouteCost, ...] = ()
    phases: tuple[Phase, ...] = ()
    response_bytes: int = 0
