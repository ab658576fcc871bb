"""From the settings to a plan, the same for live load and for virtual time; reads the trace."""

from __future__ import annotations

import random
from pathlib import Path

from config.loading import SCENARIOS
from config.traffic import Traffic
from traffic.arrivals import WorkloadError
from traffic.traces import TracedRequest, parse_trace
from traffic.workload import PlannedRequest, make_plan, trace_plan


def plan_of(
    traffic: Traffic,
    seed: int,
    *,
    rate: float,
    duration: float | None = None,
    requests: int | None = None,
) -> list[PlannedRequest]:
    """The plan of one seed.

    Args:
        rate: mean requests per second. A trace has its own, and ``traffic.trace_speed``.
        duration: seconds, where the plan ends.
        requests: where it ends if that is earlier.

    Raises:
        WorkloadError: naming the key or the line at fault.
    """
    dice = random.Random(seed)
    if traffic.arrivals == "trace":
        found = trace_plan(
            read_trace(traffic.trace),
            traffic.mix,
            dice,
            duration=duration,
            speed=traffic.trace_speed,
        )
        return found[:requests]
    return make_plan(
        traffic.arrivals,
        traffic.mix,
        dice,
        rate=rate,
        duration=duration,
        requests=requests,
        modulated=traffic.modulated,
        diurnal=traffic.diurnal,
    )


def read_trace(name: str | None) -> list[TracedRequest]:
    """The trace of that file, looked for from here and then beside the scenarios.

    Raises:
        WorkloadError: there is none, or it is not one.
    """
    if not name:
        raise WorkloadError("traffic.trace: arrivals from a trace need a file")
    here, beside = Path(name), SCENARIOS / name
    path = beside if not here.exists() and beside.exists() else here
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise WorkloadError(f"{name}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise WorkloadError(f"{name}: cannot be read: it is not UTF-8 text") from None
    return parse_trace(text, name)
