"""What a run in virtual time has beyond servers and traffic, and how a scenario is scaled to be
served live."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from config.section import Count, Flag, Name, Number, Seconds, Section

NotNegative = Annotated[float, Number, Field(ge=0, le=1e6)]


class Simulation(Section):
    """A run in virtual time.

    ``balancers`` nodes share the load at random, and each knows only its own requests.
    ``timeout_seconds`` is when a node gives an attempt up, which is then a failure; null is never.
    ``retries`` lets the nodes try elsewhere as ``load_balancer.retries`` says. ``network_seconds``
    is one way between a node and a server. ``joins`` holds by server id the second at which the
    server joins; its behaviour's clock runs from the beginning of the run all the same.
    """

    balancers: Annotated[int, Number, Field(ge=1, le=64)] = 1
    duration_seconds: Seconds = 60.0
    # Requests that arrive before it count for nothing but convergence.
    warmup_seconds: NotNegative = 5.0
    timeout_seconds: Seconds | None = None
    retries: Flag = False
    network_seconds: NotNegative = 0.0
    joins: dict[Name, NotNegative] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _something_is_counted(self) -> Simulation:
        if self.warmup_seconds >= self.duration_seconds:
            raise ValueError(
                f"warmup_seconds {self.warmup_seconds:g} leaves nothing of the "
                f"{self.duration_seconds:g} s of duration_seconds"
            )
        return self


class Live(Section):
    """How a scenario is made light enough to be served on this machine.

    ``time_factor`` stretches all its times and divides its rate, which leaves its queues as they
    are. ``servers`` keeps only so many of its servers, the first ones, and the same share of the
    rate as of the capacity. ``duration_seconds`` is how long a run then takes, before the
    stretching; null is as in virtual time.
    """

    time_factor: Annotated[float, Number, Field(ge=1, le=1000)] = 1.0
    servers: Count | None = None
    duration_seconds: Seconds | None = None
