"""Who waits while all endpoints are full: in order of arrival, so many, for so long.

Knows neither exchanges nor endpoints: what waits is whatever it was handed. First come, first
served, and all wait equally long at the most, so that the next deadline is always the first one's.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Generic, TypeVar

from metrics.counters import Counters

T = TypeVar("T")


class Place(Generic[T]):
    """A place in the queue.

    Attributes:
        item: who waits; None once it has left.
        since: when it came.
        deadline: when it has waited for too long.
    """

    __slots__ = ("deadline", "item", "since")

    def __init__(self, item: T, since: float, deadline: float) -> None:
        self.item: T | None = item
        self.since = since
        self.deadline = deadline


class WaitingQueue(Generic[T]):
    """The queue of one node.

    Attributes:
        length: how many wait now; the one thing to test where nobody does.
        most: how many may, and for so many ``seconds``.
    """

    __slots__ = ("_counters", "_places", "length", "most", "seconds")

    def __init__(self, most: int, seconds: float, counters: Counters) -> None:
        self.most = most
        self.seconds = seconds
        self._counters = counters
        self._places: deque[Place[T]] = deque()
        self.length = 0

    def bound(self, most: int, seconds: float) -> None:
        """Other bounds, for those that come."""
        self.most = most
        self.seconds = seconds

    def join(self, item: T, now: float) -> Place[T] | None:
        """Wait behind all others; None if too many do, or none may."""
        if self.full:
            self._counters.queue_refused("full")
            return None
        deadline = now + self.seconds
        if self._places:
            # In order even where the seconds have become fewer: nobody's time is over before that
            # of who came earlier.
            deadline = max(deadline, self._places[-1].deadline)
        place = self._place(item, now, deadline)
        self._places.append(place)
        self.length += 1
        self._counters.queued += 1
        self._counters.waiting = self.length
        return place

    @property
    def full(self) -> bool:
        """Nobody more may wait."""
        return self.length >= self.most

    def yields(self, item: T) -> Place[T] | None:
        """Whose place somebody may have who comes while all are taken; here nobody's."""
        return None

    def _place(self, item: T, since: float, deadline: float) -> Place[T]:
        return Place(item, since, deadline)

    def leave(self, place: Place[T], served: bool = False) -> None:
        """It waits no longer; a second time changes nothing. O(1) amortised: the empty places are
        removed when they come to the front, or are more than the taken ones.

        Args:
            served: it was given what it waited for; here that makes no difference.
        """
        if place.item is None:
            return
        place.item = None
        self.length -= 1
        self._counters.waiting = self.length
        places = self._places
        if len(places) > 2 * self.length + 16:
            self._places = deque([each for each in places if each.item is not None])
            return
        while places and places[0].item is None:
            places.popleft()

    def waiting(self) -> Iterator[T]:
        """Those who wait, in order; good until somebody comes or leaves."""
        return (place.item for place in self._places if place.item is not None)

    def places(self) -> list[Place[T]]:
        """Their places, in the order of their coming."""
        return [place for place in self._places if place.item is not None]

    def expired(self, now: float) -> list[T]:
        """Those that have waited for too long, in order; they have left."""
        found: list[T] = []
        while self._places and self._places[0].deadline <= now:
            place = self._places[0]
            assert place.item is not None
            found.append(place.item)
            self._counters.queue_refused("timeout")
            self.leave(place)
        return found

    def due(self) -> float:
        """When the first one will have waited for too long; infinite if nobody waits."""
        return self._places[0].deadline if self._places else float("inf")
