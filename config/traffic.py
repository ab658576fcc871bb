"""What is asked of the servers: the mix of requests and the way in which they arrive."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import Field, model_validator

from config.section import Count, Number, Seconds, Section

PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
PLACEHOLDERS = ("key", "n", "uuid")

Level = Annotated[float, Number, Field(gt=0, le=1e6)]


class MixEntry(Section):
    """One kind of request in the traffic.

    Its path may hold ``{key}``, one of ``keys`` numbers from 0 on, of which a ``zipf``
    distribution asks for number k in proportion to (k + 1) to the power of -``exponent``; ``{n}``,
    a whole number below a milliard; and ``{uuid}``. All are drawn anew for each request.
    """

    path: Annotated[str, Field(pattern=r"^/[!-~]*$")]
    weight: Annotated[float, Field(gt=0)] = 1.0
    method: Annotated[str, Field(pattern=r"^[A-Z]+$")] = "GET"
    body_bytes: Annotated[int, Field(ge=0, le=1 << 30)] = 0
    keys: Annotated[Count, Field(le=1_000_000)] | None = None
    distribution: Literal["uniform", "zipf"] = "uniform"
    exponent: Annotated[float, Number, Field(ge=0, le=10)] = 0.9

    @model_validator(mode="after")
    def _placeholders_are_known(self) -> MixEntry:
        names = PLACEHOLDER.findall(self.path)
        for name in names:
            if name not in PLACEHOLDERS:
                raise ValueError(f"path: {{{name}}} is none of {{key}}, {{n}} and {{uuid}}")
        rest = PLACEHOLDER.sub("", self.path)
        if "{" in rest or "}" in rest:
            raise ValueError("path: a brace is left open, or closed without having been opened")
        if ("key" in names) is not (self.keys is not None):
            raise ValueError("keys and {key} in the path need each other")
        if self.distribution == "zipf" and self.keys is None:
            raise ValueError("distribution: zipf has a meaning with keys only")
        return self


class Modulated(Section):
    """Calm and burst in turn, each of a length drawn from an exponential distribution.

    The levels say how the two rates compare, and nothing else: the long-run mean is the rate that
    is asked for. The defaults are bursts to 1.3 of the capacity from a calm of 0.45.
    """

    calm_seconds: Seconds = 3.0
    calm_level: Level = 0.45
    burst_seconds: Seconds = 0.7
    burst_level: Level = 1.3

    @property
    def mean_level(self) -> float:
        """The level of the long-run mean."""
        calm, burst = self.calm_seconds, self.burst_seconds
        return (calm * self.calm_level + burst * self.burst_level) / (calm + burst)


class Diurnal(Section):
    """A day: the rate follows a cosine around its mean, from the trough on.

    ``amplitude`` is the swing in shares of the mean; with 1 the trough is silence.
    """

    period_seconds: Seconds = 60.0
    amplitude: Annotated[float, Number, Field(ge=0, le=1)] = 0.8


class Traffic(Section):
    """What the generator and Locust send. ``trace_speed`` plays a trace so many times faster."""

    target_url: Annotated[str, Field(pattern=r"^https?://[^\s/]+/?.*$")] = "http://localhost:8080"
    request_rate: Annotated[float, Field(gt=0, le=1e6)] = 10.0
    duration_seconds: Seconds = 60.0
    arrivals: Literal["poisson", "uniform", "burst", "modulated", "diurnal", "trace"] = "poisson"
    modulated: Modulated = Modulated()
    diurnal: Diurnal = Diurnal()
    trace: str | None = None
    trace_speed: Annotated[float, Number, Field(gt=0, le=1e6)] = 1.0
    seed: int = 0
    timeout_seconds: Seconds = 30.0
    mix: Annotated[tuple[MixEntry, ...], Field(min_length=1)] = (MixEntry(path="/"),)
