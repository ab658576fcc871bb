"""Parameters of the classics, by the name of the strategy; the defaults are their makers'."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from config.section import Count, Flag, Number, Seconds, Section, Share


class PeakEwma(Section):
    """Decay time of the latency average, the latency that a failure counts as, and among whom the
    lowest cost is looked for: all, or so many drawn ones.

    Finagle's default is 10 s and two choices; 5 s is what Linkerd takes for a failure.
    """

    decay_seconds: Seconds = 10.0
    failure_seconds: Seconds = 5.0
    full_scan: Flag = True
    choices: Annotated[int, Field(ge=2, le=64)] = 2


class PowerOf(Section):
    """How many endpoints are drawn before the least busy of them is taken."""

    choices: Annotated[int, Field(ge=2, le=64)] = 2


class Prequal(Section):
    """Above which quantile of requests in flight a probe is hot (0.84 is the paper's 2^-0.25),
    probes asked for and let go of per request, and how many are kept for how long."""

    q_rif: Share = 0.84
    probes_per_request: Annotated[float, Number, Field(gt=0, le=64)] = 3.0
    pool_size: Annotated[int, Number, Field(ge=2, le=1024)] = 16
    max_age_seconds: Seconds = 1.0
    remove_rate: Annotated[float, Number, Field(ge=0, le=64)] = 1.0


class BoundedHash(Section):
    """How many times the mean load an endpoint may have, and keys whose first choice is kept."""

    load_factor: Annotated[float, Number, Field(gt=1, le=1000)] = 1.25
    remembered_keys: Count = 4096


class ClientWeighted(Section):
    """gRFC A58's: how long an endpoint must have reported before its weight counts and may be
    silent while it does, how often weights are worked out, and what a share of failures adds to the
    utilization."""

    blackout_seconds: Annotated[float, Number, Field(ge=0)] = 10.0
    expiration_seconds: Seconds = 180.0
    update_seconds: Annotated[float, Number, Field(ge=0.1)] = 1.0
    error_penalty: Annotated[float, Number, Field(ge=0)] = 1.0


class StrategyParameters(Section):
    """All of them."""

    peak_ewma: PeakEwma = PeakEwma()
    power_of_two: PowerOf = PowerOf()
    prequal: Prequal = Prequal()
    bounded_hash: BoundedHash = BoundedHash()
    client_weighted: ClientWeighted = ClientWeighted()
