"""What clients ask for over time: open-loop arrivals whose rate changes, with sizes.

A client's dice throw for its arrivals and sizes alone and in the order of its requests, so that the
same seed brings the same requests whatever becomes of them.
"""

from __future__ import annotations

import math
import random
from bisect import bisect_right
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ClientLoad:
    """One client.

    Attributes:
        name: in results.
        address, path: by which the rules know it, and the stations what it costs.
        rates: (second from which on, requests per second), in order, the first at 0.
        request_bytes: of what it sends, head included.
        answer_bytes: mean of what it gets.
        spread: coefficient of variation of that; the sizes are log-normal.

    Raises:
        ValueError: a value is impossible; names the client.
    """

    name: str
    address: str
    path: str
    rates: tuple[tuple[float, float], ...]
    request_bytes: int = 300
    answer_bytes: int = 2000
    spread: float = 0.0

    def __post_init__(self) -> None:
        seconds = [second for second, _ in self.rates]
        if not seconds or seconds[0] != 0 or seconds != sorted(set(seconds)):
            raise ValueError(f"{self.name}: rates must begin at second 0, and their seconds rise")
        if any(not 0 <= rate < 1e6 for _, rate in self.rates):
            raise ValueError(f"{self.name}: rates must be 0 or more, and below a million")
        if self.request_bytes < 0 or self.answer_bytes < 1 or not 0 <= self.spread < math.inf:
            raise ValueError(f"{self.name}: sizes must be above 0, and their spread finite")

    def rate(self, second: float) -> float:
        """Requests per second then."""
        return self.rates[max(0, bisect_right(self.rates, (second, math.inf)) - 1)][1]


@dataclass(frozen=True, slots=True)
class Arrival:
    """One request: seconds after the beginning, how large its work is among those of its kind, and
    the bytes of its answer."""

    offset: float
    quantile: float
    answer_bytes: int


class Arrivals:
    """A Poisson process whose rate is constant in stretches, and the sizes of its requests."""

    __slots__ = ("_at", "_dice", "_location", "_scale", "load")

    def __init__(self, load: ClientLoad, dice: random.Random) -> None:
        self.load = load
        self._dice = dice
        self._at = 0.0
        # A log-normal of mean 1.
        self._scale = math.sqrt(math.log1p(load.spread * load.spread))
        self._location = -self._scale * self._scale / 2

    def following(self, end: float) -> Arrival | None:
        """The next request; None if it does not come before that second."""
        dice, rates = self._dice, self.load.rates
        while self._at < end:
            place = bisect_right(rates, (self._at, math.inf))
            rate = rates[place - 1][1]
            until = rates[place][0] if place < len(rates) else math.inf
            gap = dice.expovariate(rate) if rate else math.inf
            if self._at + gap >= until:
                self._at = until  # without a memory it begins anew where the rate changes
                continue
            self._at += gap
            if self._at >= end:
                break
            size = math.exp(dice.gauss(self._location, self._scale)) if self._scale else 1.0
            return Arrival(self._at, dice.random(), max(1, round(self.load.answer_bytes * size)))
        return None
