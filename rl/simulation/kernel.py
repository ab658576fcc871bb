"""The clock of a simulation and what is to happen when; time jumps from one event to the next.

Knows nothing of what happens. One seed, one run: what is due at the same time happens in the order
in which it was asked for.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from heapq import heappop, heappush
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

Call: TypeAlias = Callable[[Any, float], object]
"""What happens: it is handed the item that it was asked for with, and the time."""


class Kernel:
    """Virtual seconds and the events in them.

    Attributes:
        now: of the event that is happening; before the first, the beginning.
        happened: events so far.
    """

    __slots__ = ("_asked", "_events", "_ticking", "happened", "now")

    def __init__(self, now: float = 0.0) -> None:
        self.now = now
        self.happened = 0
        self._events: list[tuple[float, int, Call, Any]] = []
        self._asked = 0
        self._ticking = True

    def at(self, time: float, call: Call, item: Any = None) -> None:
        """Call then, once.

        Args:
            time: not before now; what is asked for the past would turn the clock back.
        """
        self._asked = number = self._asked + 1
        heappush(self._events, (time, number, call, item))

    def every(self, period: float, call: Callable[[float], object]) -> None:
        """Call with the time, first a period from now, until the timers are stopped.

        Raises:
            ValueError: the period is not above 0.
        """
        if not period > 0.0:
            raise ValueError(f"period must be above 0, not {period}")
        self.at(self.now + period, self._tick, (period, call))

    def stop_timers(self) -> None:
        """What comes ``every`` so often comes no more, so that a run can end."""
        self._ticking = False

    @property
    def ticking(self) -> bool:
        """Timers have not been stopped."""
        return self._ticking

    def run(self) -> None:
        """Until nothing is to happen any more."""
        events = self._events
        pop = heappop
        count = 0
        try:
            while events:
                self.now, _, call, item = pop(events)
                count += 1
                call(item, self.now)
        finally:
            self.happened += count

    def run_until(self, time: float) -> None:
        """All that is to happen before that time or at it; then it is that time. What is later
        stays asked for."""
        events = self._events
        pop = heappop
        count = 0
        try:
            while events and events[0][0] <= time:
                self.now, _, call, item = pop(events)
                count += 1
                call(item, self.now)
        finally:
            self.happened += count
        self.now = max(self.now, time)

    def _tick(self, timer: tuple[float, Callable[[float], object]], now: float) -> None:
        if self._ticking:
            period, call = timer
            call(now)
            self.at(now + period, self._tick, timer)


class Ends(Protocol):
    """What has a deadline, unless it is over before."""

    over: bool


EndsT = TypeVar("EndsT", bound=Ends)


class Timeouts(Generic[EndsT]):
    """Deadlines that are all equally long, so that they come in the order in which they began.

    That makes one event of the kernel do for many of them, where a heap would hold each until long
    after its end.
    """

    __slots__ = ("_armed", "_expired", "_kernel", "_queue", "_seconds")

    def __init__(
        self, kernel: Kernel, seconds: float, expired: Callable[[EndsT, float], object]
    ) -> None:
        """
        Args:
            expired: is called for who is not over when its time is.
        """
        self._kernel = kernel
        self._seconds = seconds
        self._expired = expired
        self._queue: deque[tuple[float, EndsT]] = deque()
        self._armed = False

    def begin(self, item: EndsT, now: float) -> None:
        """Its time begins."""
        due = now + self._seconds
        self._queue.append((due, item))
        if not self._armed:
            self._armed = True
            self._kernel.at(due, self._look)

    def _look(self, _: None, now: float) -> None:
        queue = self._queue
        while queue:
            due, item = queue[0]
            if not item.over:
                if due > now:
                    self._kernel.at(due, self._look)
                    return
                queue.popleft()
                self._expired(item, now)
            else:
                queue.popleft()
        self._armed = False
