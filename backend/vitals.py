"""What a server knows of itself: its requests, its own processor and memory, how it feels.

Knows nothing of HTTP. Times are seconds, shares lie in [0, 1].
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import psutil

from rl.simulation.latency_estimate import LatencyEstimate
from rl.simulation.load_meter import WINDOW_SECONDS, LoadMeter

SAMPLE_SECONDS = WINDOW_SECONDS
"""Processor, memory and rate are read this often at the most, however many requests ask."""

RECENT = 100
"""The mean response time is taken over this many last answers."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What this process has used.

    Attributes:
        cpu_seconds: processor time since it began.
        memory: its resident share of the machine's memory.
    """

    cpu_seconds: float
    memory: float


def own_usage() -> Usage:
    """What the operating system says of this process."""
    process = psutil.Process()
    with process.oneshot():
        times = process.cpu_times()
        return Usage(times.user + times.system, process.memory_percent() / 100.0)


class Vitals:
    """Counts requests and samples the process, at most every ``SAMPLE_SECONDS`` and when asked.

    Attributes:
        active: requests accepted and not yet answered, waiting ones included.
        cpu: share of one processor used between the last two samples.
        memory: share of the machine's memory at the last sample.
        meter: answers and failures per second and how busy the slots were, in its last window; its
            ``slots`` are for the server to set.
        estimate: what one more request would take.
    """

    def __init__(self, clock: Callable[[], float], usage: Callable[[], Usage] = own_usage) -> None:
        self._clock = clock
        self._usage = usage
        self._last: Usage | None = None
        self._sampled_at = float("-inf")
        self._seconds: deque[float] = deque(maxlen=RECENT)
        self.active = 0
        self.cpu = 0.0
        self.memory = 0.0
        self.meter = LoadMeter()
        self.estimate = LatencyEstimate()

    @property
    def rate(self) -> float:
        """Answers per second in the meter's last window."""
        return self.meter.rate

    def arrived(self) -> int:
        """One more request is there; how many there were before it."""
        found = self.active
        self.active = found + 1
        self.meter.busy(self.active, self._clock())
        return found

    def left(self) -> None:
        """One of them is not there any more, answered or not."""
        self.active -= 1
        self.meter.busy(self.active, self._clock())

    def answered(self, seconds: float | None, found: int = 0) -> None:
        """One more answer.

        Args:
            seconds: it took, or None if no work was done for it: failures and refusals come at once
                and would make a server in trouble look fast.
            found: what ``arrived`` gave.
        """
        self.meter.answered(seconds is None)
        if seconds is not None:
            self._seconds.append(seconds)
            self.estimate.answered(found, seconds, self._clock())

    def reset(self) -> None:
        """Forgets the answers so far; requests under way stay counted."""
        self._seconds.clear()
        self.estimate.clear()
        self.meter.reset()
        self._last = None

    @property
    def mean_seconds(self) -> float:
        """Mean response time of the last ``RECENT`` answers; 0.0 before the first."""
        return sum(self._seconds) / len(self._seconds) if self._seconds else 0.0

    @property
    def next_seconds(self) -> float:
        """What one more request is expected to take; 0.0 if nothing recent is known."""
        return self.estimate.expect(self.active, self._clock())

    def sample(self) -> None:
        """Brings ``cpu``, ``memory`` and ``rate`` up to date if they are old."""
        now = self._clock()
        since = now - self._sampled_at
        if since < SAMPLE_SECONDS and self._last is not None:
            return
        usage = self._usage()
        if self._last is not None:
            self.cpu = min(1.0, max(0.0, (usage.cpu_seconds - self._last.cpu_seconds) / since))
        self.memory = usage.memory
        self.meter.sample(now)
        self._last = usage
        self._sampled_at = now

    def orca(self) -> str:
        """The load report that answers carry, in ORCA's text form: shares and requests a second.
        How busy the slots are is told if they are limited, failures a second if there are any."""
        self.sample()
        meter = self.meter
        used = f"application_utilization={meter.utilization:.4f}," if meter.slots else ""
        failing = f"eps={meter.failure_rate:.2f}," if meter.failure_rate else ""
        return (
            f"TEXT cpu_utilization={self.cpu:.4f},mem_utilization={self.memory:.4f},{used}"
            f"rps_fractional={meter.rate:.2f},{failing}named_metrics.active={self.active}"
        )
