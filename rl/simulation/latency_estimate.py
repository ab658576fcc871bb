"""What a server expects one more request to take, told to whoever probes it (Prequal).

The live backend and the simulator's stations ask the same object. Knows neither clock nor requests.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque

REMEMBERED = 64
"""Last good answers that are looked at."""

MEMORY_SECONDS = 10.0
"""Older answers say nothing of now. With none that is younger a server is as good as new: a bad
time that is over must not keep everybody away for ever."""

ENOUGH = 5
"""Answers of the same number of requests in flight, or near it, whose median is believed."""


class LatencyEstimate:
    """The median latency of recent requests that found about as many others as there are now.

    Of Wydrowski, Kleinberg, Rumble and Archer, "Load is not what you should balance: Introducing
    Prequal" (NSDI 2024), section 4: each latency is kept with the number of requests in flight
    that its request found on arrival, and a probe is answered from those nearest to the present
    number. How near, and how recent, the paper leaves open: here, the circle is doubled until there
    are ``ENOUGH``, or all.
    """

    __slots__ = ("_answers", "_sorted")

    def __init__(self) -> None:
        self._answers: deque[tuple[int, float, float]] = deque()
        # The same without their times: probes are many, and look for a few near the present number.
        self._sorted: list[tuple[int, float]] = []

    def answered(self, found: int, seconds: float, now: float) -> None:
        """A request was answered well.

        Args:
            found: requests that were there when it came, waiting ones included, itself not.
            seconds: from its arrival to its answer.
        """
        if len(self._answers) == REMEMBERED:
            self._forget_oldest()
        self._answers.append((found, seconds, now))
        insort(self._sorted, (found, seconds))

    def _forget_oldest(self) -> None:
        found, seconds, _ = self._answers.popleft()
        del self._sorted[bisect_left(self._sorted, (found, seconds))]

    def expect(self, active: int, now: float) -> float:
        """Seconds that one more request is expected to take beside ``active`` others; 0.0 if no
        recent answer is known."""
        answers = self._answers
        if not answers:
            return 0.0
        since = now - MEMORY_SECONDS
        while answers[0][2] < since:
            self._forget_oldest()
            if not answers:
                return 0.0
        wanted = min(ENOUGH, len(answers))
        ordered = self._sorted
        reach = active >> 3
        while True:
            first = bisect_left(ordered, (active - reach,))
            end = bisect_left(ordered, (active + reach + 1,), first)
            if end - first >= wanted:
                break
            reach = 2 * reach + 1
        near = [seconds for _, seconds in ordered[first:end]]
        near.sort()
        middle = len(near) >> 1
        return near[middle] if len(near) & 1 else (near[middle - 1] + near[middle]) / 2.0

    def clear(self) -> None:
        """Forget all answers."""
        self._answers.clear()
        self._sorted.clear()
