"""Token buckets, kept as one number: the moment at which the bucket will be full again.

That is the virtual scheduling form of GCRA (ITU-T I.371, annex A): taking moves the moment on by
amount / rate, and what is taken may go as soon as the moment is no more than burst / rate ahead.
Nothing ticks, and a timer that fires late loses nothing, for the moment does not depend on it.
Serves requests (amount 1) and bytes alike. Knows no clock: ``now`` arrives.
"""

from __future__ import annotations

BURST_SECONDS = 0.1
"""How much of its rate a bucket holds where nothing else is said: enough for timers that fire late
and a loop that stalls, and 1 % of what flows in 10 s."""

NOTHING = 1e-9
"""Seconds that are but rounding."""


class Bucket:
    """See the module's text.

    Attributes:
        rate: a second.
        burst: what it holds when it is full; whoever takes more at once waits for the difference.
    """

    __slots__ = ("_full_at", "_tolerance", "burst", "rate")

    def __init__(self, rate: float, burst: float) -> None:
        self.rate = rate
        self.burst = burst
        self._tolerance = burst / rate
        self._full_at = float("-inf")

    def wait(self, amount: float, now: float) -> float:
        """Seconds until so much could go, if it were taken now."""
        wait = max(0.0, self._full_at - now) + amount / self.rate - self._tolerance
        return wait if wait > NOTHING else 0.0

    def take(self, amount: float, now: float) -> float:
        """Take so much, in turn behind all that was taken before; seconds until it may go."""
        missing = max(0.0, self._full_at - now) + amount / self.rate
        self._full_at = now + missing
        wait = missing - self._tolerance
        return wait if wait > NOTHING else 0.0

    def give_back(self, amount: float) -> None:
        """What was taken is not needed."""
        self._full_at -= amount / self.rate

    def left(self, now: float) -> float:
        """What could go at once; below 0 it is owed."""
        return self.burst - max(0.0, self._full_at - now) * self.rate

    def full_in(self, now: float) -> float:
        """Seconds until it is full, if nothing is taken."""
        return max(0.0, self._full_at - now)

    def change(self, rate: float, burst: float, now: float) -> None:
        """Another rate and burst. What is missing in the bucket, or owed, stays so."""
        missing = max(0.0, self._full_at - now) * self.rate
        self.rate = rate
        self.burst = burst
        self._tolerance = burst / rate
        # A smaller bucket is full with what it holds.
        self._full_at = now + missing / rate


def changed(
    bucket: Bucket | None, rate: float | None, burst: float | None, now: float
) -> Bucket | None:
    """The bucket for another rate; None for no bound.

    Args:
        burst: None is what flows in BURST_SECONDS, and at least 1.
    """
    if rate is None:
        return None
    burst = max(1.0, rate * BURST_SECONDS) if burst is None else burst
    if bucket is None:
        return Bucket(rate, burst)
    if (bucket.rate, bucket.burst) != (rate, burst):
        bucket.change(rate, burst, now)
    return bucket
