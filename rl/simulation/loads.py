"""How busy a node of a virtual network is. Knows neither nodes nor requests."""

from __future__ import annotations

import random
from typing import Protocol

FULL = 100.0
"""The load at which a node has no capacity left."""


class Load(Protocol):
    """How busy a node is, between 0 and 100 (or above, with more than it has capacity for)."""

    def current(self) -> float: ...

    def rewarded(self) -> float: ...

    def declined(self) -> None: ...

    def admitted(self) -> None:
        """A request that was not declined is at the node from now on."""
        ...

    def left(self) -> None:
        """Its answer has gone."""
        ...


class WalkingLoad:
    """Document 000's: a random walk that knows nothing of the requests. It takes a step whenever a
    reward is made of it, and is anywhere after the node has declined a request."""

    __slots__ = ("_dice", "_load")

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice
        self._load = self._anywhere()

    def current(self) -> float:
        return self._load

    def rewarded(self) -> float:
        self._load = max(0, self._load + (1 if self._dice.random() < 0.5 else -1))
        return self._load

    def declined(self) -> None:
        self._load = self._anywhere()

    def admitted(self) -> None:
        pass

    def left(self) -> None:
        pass

    def _anywhere(self) -> int:
        return 1 + int(self._dice.random() * FULL)


class InFlightLoad:
    """The requests at the node, as a share of what it has capacity for."""

    __slots__ = ("_capacity", "_in_flight")

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._in_flight = 0

    def current(self) -> float:
        return FULL * self._in_flight / self._capacity

    rewarded = current

    def declined(self) -> None:
        pass

    def admitted(self) -> None:
        self._in_flight += 1

    def left(self) -> None:
        self._in_flight -= 1
