"""How an endpoint gets its full share of requests: by probation, and by a slow start.

Who was out comes back to a trickle. So many successes in a row end the probation; then, as for a
newcomer, the share grows over some seconds, in which caches fill and code warms up. The share is
the probability with which the endpoint is shown to a request: it works for every strategy, and none
has to know of it. Knows no endpoint, no clock and no dice.
"""

from __future__ import annotations

from config.balancer import Probation, SlowStart

STEPS = 20
"""In how many steps a share grows; a step is a look at all endpoints."""

ROUNDING = 1e-6
"""Of a step: the moment at which one is due may be read a hair too early."""


class Warming:
    """One endpoint on its way.

    Attributes:
        left: successes in a row that are still to come on probation; 0 after it.
        until: when the probation ends without them, for want of requests.
        since: when the probation, or after it the slow start, began.
    """

    __slots__ = ("left", "since", "until")

    def __init__(self, left: int, until: float, since: float) -> None:
        self.left = left
        self.until = until
        self.since = since


class Recovery:
    """The rules of it, as configured."""

    __slots__ = ("_probation", "_slow_start")

    def __init__(self, probation: Probation, slow_start: SlowStart) -> None:
        self._probation = probation
        self._slow_start = slow_start

    def returning(self, now: float, patience: float) -> Warming:
        """An endpoint that was out is back.

        Args:
            patience: seconds after which the probation ends if nothing has failed: a node without
                traffic proves nothing, and keeps nobody down for ever.
        """
        left = self._probation.successes if self._probation.share < 1.0 else 0
        return Warming(left, now + patience, now)

    def joining(self, now: float) -> Warming:
        """A newcomer: nothing is held against it, but it is cold."""
        return Warming(0, now, now)

    def succeeded(self, warming: Warming, now: float) -> bool:
        """An answer of it was good; whether that ended its probation."""
        if not warming.left:
            return False
        warming.left -= 1
        if warming.left:
            return False
        warming.since = now
        return True

    def failed(self, warming: Warming, now: float, patience: float) -> None:
        """An answer was bad, and it is in all the same: on probation it begins anew."""
        if warming.left:
            warming.left = self._probation.successes
            warming.until = now + patience

    def share(self, warming: Warming, now: float) -> float:
        """Its share now, and the end of a probation whose time is over; 1.0 says that the endpoint
        needs no more care."""
        if warming.left:
            if now < warming.until:
                return self._probation.share
            warming.left = 0
            warming.since = warming.until
        slow = self._slow_start
        elapsed = now - warming.since
        if elapsed >= slow.seconds:
            return 1.0
        # In whole steps, so that what is due next is told exactly.
        reached = int(elapsed * STEPS / slow.seconds + ROUNDING) / STEPS
        return max(slow.minimum_share, reached)

    def due(self, warming: Warming, now: float) -> float:
        """When its share changes next."""
        if warming.left:
            return warming.until
        seconds = self._slow_start.seconds
        step = int((now - warming.since) * STEPS / seconds + ROUNDING) + 1
        return warming.since + step * seconds / STEPS
