"""What a server reports of its own load: requests and failures a second, how busy its slots are.

The live backend and the simulator's stations ask the same object. Knows neither clock nor requests.
"""

from __future__ import annotations

WINDOW_SECONDS = 0.5
"""Rates and shares are means over at least that long."""


class LoadMeter:
    """Means over the last window that is over; all 0.0 before the first.

    Attributes:
        slots: requests that can be worked on in parallel; None without a limit.
        rate: answers a second, of every kind.
        failure_rate: those of them that were failures or refusals.
        utilization: share of the slots that were taken, in [0, 1]; 0.0 without a limit, where it
            means nothing.
    """

    __slots__ = (
        "_answers",
        "_began",
        "_changed",
        "_failures",
        "_slot_seconds",
        "_working",
        "failure_rate",
        "rate",
        "slots",
        "utilization",
    )

    def __init__(self, slots: int | None = None) -> None:
        self.slots = slots
        self.rate = self.failure_rate = self.utilization = 0.0
        self._began = self._changed = float("-inf")
        self._answers = self._failures = self._working = 0
        self._slot_seconds = 0.0

    def busy(self, active: int, now: float) -> None:
        """So many requests are there from now on, waiting ones included."""
        slots = self.slots
        if self._working:
            self._slot_seconds += self._working * (now - self._changed)
        self._changed = now
        self._working = 0 if slots is None else active if active < slots else slots

    def answered(self, failed: bool) -> None:
        """One more answer."""
        self._answers += 1
        if failed:
            self._failures += 1

    def sample(self, now: float) -> None:
        """End the window if it is long enough; call it as often as you like."""
        seconds = now - self._began
        if seconds < WINDOW_SECONDS:
            return
        slots = self.slots
        if self._working:
            self._slot_seconds += self._working * (now - self._changed)
            self._changed = now
        if self._began > float("-inf"):
            self.rate = self._answers / seconds
            self.failure_rate = self._failures / seconds
            self.utilization = (
                0.0 if slots is None else min(1.0, self._slot_seconds / (seconds * slots))
            )
        self._began = now
        self._answers = self._failures = 0
        self._slot_seconds = 0.0

    def reset(self) -> None:
        """Forget what was, but not who is there: the next sample begins the first window."""
        self.rate = self.failure_rate = self.utilization = 0.0
        self._began = float("-inf")
        self._answers = self._failures = 0
        self._slot_seconds = 0.0
