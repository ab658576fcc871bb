"""Who waits while all endpoints are full, in a fair order: urgent first, then fair between clients.

Within one urgency clients take turns by deficit round robin (Shreedhar and Varghese, 1995): each
visit is worth a quantum of the endpoints' time by the client's weight, and pays for requests at
what its requests have cost so far; when one is over, the difference to what it did cost is put
right. So a client with costly requests gets fewer of them, not more time. While several urgencies
wait, every eighth place goes to whoever has waited for the longest time, so that nobody starves.

Bounded in length and time like any ``WaitingQueue``. Where it is full, who came last of the longest
line of the least urgent gives way to who is more urgent, or of whom fewer wait (the longest queue
is shortened first, as in RFC 8290, section 4.1.3): a flood takes no places from others.

Knows no clock and no endpoint.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from math import ceil
from typing import Generic, Protocol, TypeVar

from load_balancer.waiting import Place, WaitingQueue
from metrics.counters import Counters

T = TypeVar("T")

LEVELS = 8
"""Of urgency (RFC 9218)."""

DEFAULT_URGENCY = 3

URGENT_IN_A_ROW = 7
"""So many places go by urgency and turn, then one to who came first of all."""

FIRST_COST_SECONDS = 0.01
"""Of a request, until one was measured."""

SMOOTHING = 0.1

QUANTUM_SECONDS = 0.01
"""Worth of a visit at weight 1. The same for ever: one that followed the costs would be another one
for the next client of the same round."""

MOST_DEBT_SECONDS = 5.0
"""That a client may owe at weight 1, however much longer than expected a request of it took."""


class Share:
    """A client's part of the endpoints' time.

    Attributes:
        weight: beside those of others.
        cost: seconds that a request of it takes, a moving mean; 0 until one was measured.
        deficit: seconds that it may still use in this round; below 0 it has used too many.
    """

    __slots__ = ("cost", "deficit", "weight")

    def __init__(self, weight: float = 1.0) -> None:
        self.weight = weight
        self.cost = 0.0
        self.deficit = 0.0

    def measured(self, seconds: float, charged: float) -> None:
        """A request of it is over.

        Args:
            charged: for it in advance; 0 if it did not have to wait.
        """
        self.cost += SMOOTHING * (seconds - self.cost) if self.cost else seconds
        if charged:
            self.spend(seconds - charged)

    def spend(self, seconds: float) -> None:
        """So much of its time is used."""
        self.deficit = max(self.deficit - seconds, -MOST_DEBT_SECONDS * self.weight)


class Stake(Protocol):
    """What a queue must know of who waits, and tells it."""

    urgency: int
    charged: float


class FairPlace(Place[T]):
    """A place in the queue of one client and one urgency.

    Attributes:
        flow: that queue.
        stake: what is charged when it is served; None for who is in nobody's care.
    """

    __slots__ = ("flow", "stake")

    flow: _Flow[T]
    stake: Stake | None


class _Flow(Generic[T]):
    """Those who wait of one client at one level.

    Attributes:
        waiting: so many.
        visited: it is its turn, and it has got its quantum.
    """

    __slots__ = ("level", "places", "share", "visited", "waiting")

    def __init__(self, share: Share, level: int) -> None:
        self.share = share
        self.level = level
        self.places: deque[FairPlace[T]] = deque()
        self.waiting = 0
        self.visited = False

    def live(self) -> Iterator[FairPlace[T]]:
        places = self.places
        while places and places[0].item is None:
            places.popleft()
        return (place for place in places if place.item is not None)


class FairQueue(WaitingQueue[T]):
    """See the module's text."""

    __slots__ = ("_counts", "_flows", "_mean", "_others", "_rings", "_row", "_whose")

    def __init__(
        self,
        most: int,
        seconds: float,
        counters: Counters,
        whose: Callable[[T], tuple[Share | None, Stake | None]],
    ) -> None:
        """
        Args:
            whose: the share that somebody takes from, or None for the one that all take from who
                have none of their own; and what it is told of.
        """
        super().__init__(most, seconds, counters)
        self._whose = whose
        self._others = Share()
        self._rings: list[deque[_Flow[T]]] = [deque() for _ in range(LEVELS)]
        self._flows: list[dict[int, _Flow[T]]] = [{} for _ in range(LEVELS)]
        self._counts = [0] * LEVELS
        self._row = 0
        self._mean = FIRST_COST_SECONDS

    def _place(self, item: T, since: float, deadline: float) -> FairPlace[T]:
        place = FairPlace(item, since, deadline)
        share, stake = self._whose(item)
        share = share or self._others
        level = DEFAULT_URGENCY if stake is None else stake.urgency
        flows = self._flows[level]
        flow = flows.get(id(share))
        if flow is None:
            flow = flows[id(share)] = _Flow(share, level)
            self._rings[level].append(flow)
        place.flow, place.stake = flow, stake
        flow.places.append(place)
        flow.waiting += 1
        self._counts[level] += 1
        return place

    def yields(self, item: T) -> Place[T] | None:
        """Whose place somebody may have who comes while all are taken; None if it is not more
        urgent than any, and has no fewer that wait, by its weight."""
        share, stake = self._whose(item)
        share = share or self._others
        level = DEFAULT_URGENCY if stake is None else stake.urgency
        least = max((each for each, count in enumerate(self._counts) if count), default=-1)
        if least < level:
            return None
        longest = max(self._flows[least].values(), key=_line)
        if least == level:
            own = self._flows[level].get(id(share))
            mine = 0 if own is None else own.waiting
            if _line(longest) <= (mine + 1) / share.weight:
                return None
        return next(place for place in reversed(longest.places) if place.item is not None)

    def leave(self, place: Place[T], served: bool = False) -> None:
        """See WaitingQueue."""
        if place.item is None or not isinstance(place, FairPlace):
            return
        if served:
            self._charge(place)
        super().leave(place)
        flow: _Flow[T] = place.flow
        level = flow.level
        flow.waiting -= 1
        self._counts[level] -= 1
        if not flow.waiting:
            flow.share.deficit = min(0.0, flow.share.deficit)
            flow.visited = False
            flow.places.clear()
        elif len(flow.places) > 2 * flow.waiting + 16:
            flow.places = deque(flow.live())
        if not self._counts[level]:
            self._rings[level].clear()
            self._flows[level].clear()

    def _charge(self, place: FairPlace[T]) -> None:
        share = place.flow.share
        cost = share.cost or self._mean
        share.spend(cost)
        self._mean += SMOOTHING * (cost - self._mean)
        if place.stake is not None:
            place.stake.charged = cost
        contended = self.length > self._counts[place.flow.level]
        by_age = place is self._places[0]
        self._row = self._row + 1 if contended and not by_age else 0

    def waiting(self) -> Iterator[T]:
        """Those who wait, the one first whose turn it is; good until somebody comes or leaves."""
        first = self._first()
        if first is None:
            return
        assert first.item is not None
        yield first.item
        for ring in self._rings:
            for flow in ring:
                for place in flow.live():
                    if place is not first and place.item is not None:
                        yield place.item

    def _first(self) -> FairPlace[T] | None:
        if not self.length:
            return None
        level = next(level for level, count in enumerate(self._counts) if count)
        if self._row >= URGENT_IN_A_ROW and self._counts[level] < self.length:
            oldest = self._places[0]
            assert isinstance(oldest, FairPlace)
            return oldest
        return next(self._turn(self._rings[level], level).live())

    def _turn(self, ring: deque[_Flow[T]], level: int) -> _Flow[T]:
        """Whose turn it is at one level, where somebody waits. Asked again it is the same one, as
        long as that was not served."""
        for _ in range(2 * len(ring) + 2):
            flow = ring[0]
            if not flow.waiting:
                ring.popleft()
                del self._flows[level][id(flow.share)]
                continue
            share = flow.share
            if not flow.visited:
                flow.visited = True
                share.deficit += QUANTUM_SECONDS * share.weight
            if share.deficit >= self._needs(share):
                return flow
            flow.visited = False
            ring.rotate(-1)
        # All are short of it by some rounds: those are gone at once.
        flows = [flow for flow in ring if flow.waiting]
        rounds = min(_rounds(self._needs(each.share), each.share) for each in flows)
        for flow in flows:
            flow.share.deficit += rounds * QUANTUM_SECONDS * flow.share.weight
        chosen = next(each for each in flows if _rounds(self._needs(each.share), each.share) <= 0)
        while ring[0] is not chosen:
            ring.rotate(-1)
        chosen.visited = True
        return chosen

    def _needs(self, share: Share) -> float:
        # A hair below: rounding must not cost a whole round.
        return (share.cost or self._mean) * (1 - 1e-9)


def _line(flow: _Flow[T]) -> float:
    """How many wait, by the client's weight."""
    return flow.waiting / flow.share.weight


def _rounds(needs: float, share: Share) -> int:
    # A hair less: what was added to a deficit may be short of it by rounding.
    return ceil((needs - share.deficit) / (QUANTUM_SECONDS * share.weight) - 1e-9)
