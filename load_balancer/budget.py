"""How many extra requests a node may make: a share of its recent traffic, and a minimum.

Retries multiply the load just when the endpoints can bear least of it; a limit per request does not
bound that, a share of the traffic does (Google SRE book, chapter 22: a retry budget per client;
Finagle's RetryBudget has the same two numbers and the same default share of 20 %). The same budget
serves retries and hedges, one object each. Knows no clock: ``now`` arrives.
"""

from __future__ import annotations

SLOTS = 10
"""In how many parts the window moves."""


class Budget:
    """Counts the last ``window`` seconds in slots.

    The traffic is told as a running total and now and then, by whoever sweeps: nothing is counted
    here for a request that needs no budget.
    """

    __slots__ = ("_minimum", "_seconds", "_share", "_slot", "_spent", "_total", "_traffic")

    def __init__(self, share: float, minimum_per_second: float, window: float) -> None:
        self._share = share
        self._minimum = minimum_per_second * window
        self._seconds = window / SLOTS
        self._traffic = [0] * SLOTS
        self._spent = [0] * SLOTS
        self._slot: int | None = None
        self._total: int | None = None

    def traffic(self, total: int, now: float) -> None:
        """So many requests there were since the start, extra ones not counted. The first total that
        is told is where counting begins: a budget may be made long after the start."""
        slot = self._turn(now)
        if self._total is not None:
            self._traffic[slot] += max(0, total - self._total)
        self._total = total

    def take(self, now: float) -> bool:
        """Spend one, if there is one left; whether there was."""
        slot = self._turn(now)
        if self._left() < 1.0:
            return False
        self._spent[slot] += 1
        return True

    def left(self, now: float) -> float:
        """How many may be spent now."""
        self._turn(now)
        return max(0.0, self._left())

    def _left(self) -> float:
        # 20 % of 5 are 1, which floating point may have a hair below.
        return self._share * sum(self._traffic) + self._minimum - sum(self._spent) + 1e-9

    def _turn(self, now: float) -> int:
        """The index of the present slot, with those emptied that have passed since the last."""
        slot = int(now // self._seconds)
        last = self._slot
        if last is None or slot > last:
            passed = SLOTS if last is None else min(slot - last, SLOTS)
            for past in range(slot - passed + 1, slot + 1):
                self._traffic[past % SLOTS] = self._spent[past % SLOTS] = 0
            self._slot = slot
        return slot % SLOTS
