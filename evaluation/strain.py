"""How hard the machine worked during a run: processor time of our processes, and of all others."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence

import psutil

from evaluation.records import Strain


class StrainGauge:
    """Counts from the moment that it is made.

    Args:
        servers, balancers: process ids.
    """

    def __init__(self, servers: Sequence[int], balancers: Sequence[int]) -> None:
        self._servers = [psutil.Process(pid) for pid in servers]
        self._balancers = [psutil.Process(pid) for pid in balancers]
        self._own = psutil.Process()
        self._began = time.monotonic()
        self._at_first = self._times()

    def strain(self) -> Strain:
        """Since the gauge was made. A process that has ended counts for what is known of it:
        nothing."""
        seconds = time.monotonic() - self._began
        servers, balancers, load, machine = (
            max(0.0, now - first) for now, first in zip(self._times(), self._at_first, strict=True)
        )
        others = max(0.0, machine - servers - balancers - load)
        return Strain(seconds, len(_cores()), servers, balancers, load, others)

    def _times(self) -> tuple[float, float, float, float]:
        return (
            sum(map(_used, self._servers)),
            sum(map(_used, self._balancers)),
            _used(self._own),
            _machine_used(),
        )


def _used(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.Error:
        return 0.0
    return float(times.user + times.system)


def _cores() -> list[int]:
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def _machine_used() -> float:
    """Busy seconds of the processors that we may run on."""
    each = psutil.cpu_times(percpu=True)
    busy = 0.0
    for core in _cores():
        if core < len(each):
            times = each[core]
            # A guest's time is part of the user's.
            idle = times.idle + getattr(times, "iowait", 0.0)
            guests = getattr(times, "guest", 0.0) + getattr(times, "guest_nice", 0.0)
            busy += sum(times) - idle - guests
    return busy
