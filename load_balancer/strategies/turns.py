"""Turns in proportion to weights, earliest deadline first; what strategies that take turns share.

An endpoint of weight w has a turn every 1/w of a time that passes with the turns alone; who is due
next is next. Any positive weights will do, whole or not, and they may change from turn to turn. The
first deadlines are thrown within one period, so that balancers which start together do not all
begin with the same endpoint (gRFC A58).
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from rl.vocabulary import EndpointStats

SPARE_DEADLINES = 16
"""Ids remembered beyond twice the candidates: who is out for a moment keeps its place."""


class Turns:
    """Whose turn it is among the present candidates.

    Attributes:
        candidates: the present ones; the turns are indices into them.
    """

    __slots__ = ("_deadlines", "_left", "_now", "_periods", "_throw", "candidates")

    def __init__(self, dice: random.Random) -> None:
        # Dice of its own: when it throws depends on who comes and goes, and nobody else's throws
        # shall depend on that.
        self._throw = random.Random(dice.getrandbits(64)).random
        self.candidates: Sequence[EndpointStats] = ()
        self._now = 0.0
        self._deadlines: list[float] = []
        self._periods: list[float] = []
        # By id, of who was there before: what it had still to wait, in periods, and since when.
        self._left: dict[str, tuple[float, float]] = {}

    def next(self) -> int:
        """The index whose turn it is; the turn is taken."""
        deadlines = self._deadlines
        now = self._now = min(deadlines)
        index = deadlines.index(now)
        deadlines[index] = now + self._periods[index]
        return index

    def begin(self, candidates: Sequence[EndpointStats], weights: Sequence[float]) -> None:
        """Go on with these candidates and weights. Who was there before waits for the same share
        of its period as it would have; who was away for longer than that, or is new, begins within
        one period."""
        now, left = self._now, self._left
        for stats, deadline, period in zip(
            self.candidates, self._deadlines, self._periods, strict=True
        ):
            left[stats.id] = ((deadline - now) / period, now)
        self._periods = periods = [1.0 / weight for weight in weights]
        deadlines: list[float] = []
        for stats, period in zip(candidates, periods, strict=True):
            share, since = left.get(stats.id, (0.0, float("-inf")))
            deadline = since + share * period
            if deadline <= now - period:
                deadline = now + self._throw() * period
            deadlines.append(max(deadline, now))
        self._deadlines = deadlines
        self.candidates = candidates
        if len(left) > 2 * len(candidates) + SPARE_DEADLINES:
            self._left = {}
