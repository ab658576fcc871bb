"""What upsets a fog: nodes and clients that walk about, nodes that fail and come back."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

from rl.fog.settings import Point


class Walk:
    """Everybody walks straight to a random place of the area, then to the next one (random
    waypoint: Johnson and Maltz 1996, "Dynamic source routing in ad hoc wireless networks")."""

    def __init__(
        self,
        positions: Sequence[Point],
        area: Point,
        meters_per_tick: float,
        dice: random.Random,
    ) -> None:
        self._area = area
        self._stride = meters_per_tick
        self._dice = dice
        self._at = list(positions)
        self._to = [self._somewhere() for _ in positions]

    def step(self) -> list[Point]:
        """Where all are a tick later."""
        for number, (at, to) in enumerate(zip(self._at, self._to, strict=True)):
            left = math.dist(at, to)
            if left <= self._stride:
                self._at[number] = to
                self._to[number] = self._somewhere()
            else:
                share = self._stride / left
                self._at[number] = (
                    at[0] + share * (to[0] - at[0]),
                    at[1] + share * (to[1] - at[1]),
                )
        return list(self._at)

    def _somewhere(self) -> Point:
        return self._area[0] * self._dice.random(), self._area[1] * self._dice.random()


class Failures:
    """When nodes fail and are repaired, each on its own, after exponential times.

    Args:
        rate: failures per tick of a node that is up.
        repair_ticks: the mean time that it is down.
    """

    def __init__(self, nodes: int, rate: float, repair_ticks: float, dice: random.Random) -> None:
        self._rate = rate
        self._repair = 1.0 / repair_ticks
        self._dice = dice
        self._next = [self._drawn(0, rate) for _ in range(nodes)]

    def due(self, now: int, up: Sequence[bool]) -> list[int]:
        """The nodes that change in this tick: fail if they are up, else come back."""
        found = [node for node, tick in enumerate(self._next) if tick <= now]
        for node in found:
            self._next[node] = self._drawn(now, self._repair if up[node] else self._rate)
        return found

    def _drawn(self, now: int, rate: float) -> int:
        # 1 - random() is never 0, whose logarithm there is not.
        return now + max(1, math.ceil(-math.log(1.0 - self._dice.random()) / rate))
