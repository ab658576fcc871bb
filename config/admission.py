"""The settings of how many requests an endpoint is given at once, and of who waits."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from config.section import Count, Seconds, Section

FractionOfOne = Annotated[float, Field(gt=0, le=1)]


class AdaptiveLimit(Section):
    """Requests in flight per endpoint, learned from how their latency grows with them."""

    enabled: bool = False
    initial: Count = 20
    minimum: Count = 4
    maximum: Count = 1000
    tolerance: Annotated[float, Field(ge=1, le=10)] = 1.5
    smoothing: FractionOfOne = 0.2
    long_samples: Annotated[int, Field(ge=10, le=1_000_000)] = 600
    allowance: Annotated[float, Field(gt=0, le=1000)] = 4.0

    @model_validator(mode="after")
    def _in_order(self) -> AdaptiveLimit:
        if not self.minimum <= self.initial <= self.maximum:
            raise ValueError(
                f"minimum {self.minimum}, initial {self.initial} and maximum {self.maximum} "
                "must rise"
            )
        return self


class Admission(Section):
    """Requests in flight per endpoint, and who waits while all are full: so many for so long."""

    requests_per_endpoint: Count | None = None
    adaptive: AdaptiveLimit = AdaptiveLimit()
    queue_length: Annotated[int, Field(ge=0, le=1_000_000)] = 1024
    queue_seconds: Seconds = 1.0
