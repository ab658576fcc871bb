"""Processor sharing: all requests are worked on at once, the slower the more there are.

The live backend and the simulator's stations ask the same object. Time is ``now``, of whatever
monotonic clock the caller has.
"""

from __future__ import annotations

import math
from heapq import heapify, heappop, heappush
from typing import Generic, TypeVar

T = TypeVar("T")


class Sharing(Generic[T]):
    """Some processors that share their speed equally among all requests.

    With ``slots`` processors and n requests each is worked on at a speed of min(1, slots / n). What
    an ever-present request would have attained since the beginning is one number; a request of so
    many seconds is done when that number has grown by as much since it joined (Kleinrock 1976,
    "Queueing Systems" volume 2, section 4.4). So a change of speed costs nothing per request.

    Items are told apart by identity. Each that joined ends with one ``finish`` or ``leave``.

    Attributes:
        working: requests that are there.
        waiting: none ever waits.
    """

    __slots__ = (
        "_at",
        "_attained",
        "_joined",
        "_most",
        "_requests",
        "_slots",
        "waiting",
        "working",
    )

    def __init__(self, slots: int | None, queue_limit: int) -> None:
        """
        Args:
            slots: processors; None for as many as there are requests.
            queue_limit: requests beyond them; one more is refused.
        """
        self._slots = math.inf if slots is None else float(slots)
        self._most = math.inf if slots is None else slots + queue_limit
        # By what must be attained for each; the number keeps items from being compared.
        self._requests: list[tuple[float, int, T]] = []
        self._joined = 0
        self._attained = 0.0
        self._at = -math.inf
        self.working = 0
        self.waiting = 0

    @property
    def full(self) -> bool:
        """Whether the next one would be refused."""
        return self.working >= self._most

    def join(self, item: T, seconds: float, now: float) -> bool:
        """One more request, of so many seconds of work; infinite for one that hangs.

        Returns:
            Whether there was room.
        """
        working = self.working
        if working >= self._most:
            return False
        if working:
            self._advance(now)
        else:
            self._attained, self._at = 0.0, now  # small numbers are exact ones
        self._joined += 1
        heappush(self._requests, (self._attained + seconds, self._joined, item))
        self.working = working + 1
        return True

    def due(self) -> float:
        """When the next one is done if nobody comes or leaves; infinite if none ever is."""
        if not self._requests:
            return math.inf
        speed = min(1.0, self._slots / self.working)
        return self._at + max(0.0, self._requests[0][0] - self._attained) / speed

    def finish(self, now: float) -> T:
        """The next one is done.

        Args:
            now: as ``due`` said, or later.

        Raises:
            RuntimeError: none is there, or all of them hang.
        """
        if not self._requests or self._requests[0][0] == math.inf:
            raise RuntimeError("no request can be done")
        self._advance(now)
        needed, _, item = heappop(self._requests)
        self._attained = max(self._attained, needed)
        self.working -= 1
        return item

    def leave(self, item: T, now: float) -> bool:
        """A request gives up. False if it was not there (any more)."""
        requests = self._requests
        for index, each in enumerate(requests):
            if each[2] is item:
                self._advance(now)
                requests[index] = requests[-1]
                requests.pop()
                heapify(requests)
                self.working -= 1
                return True
        return False

    def _advance(self, now: float) -> None:
        if now > self._at:
            self._attained += (now - self._at) * min(1.0, self._slots / self.working)
            self._at = now
