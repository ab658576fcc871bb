"""What one request class costs at each endpoint, and whether two classes cost the same."""

from __future__ import annotations

from math import inf, log
from typing import Final

from rl.request_classes.evidence import SLOTS

SMALLEST_EFFECT: Final = log(1.15)
"""Kinds that differ by less are not worth a class."""

MERGED_BELOW: Final = SMALLEST_EFFECT / 2
"""Classes that differ by less become one; half of what parts them, so that they stay it."""

FAST: Final = 1 / 32
"""Gain of a class's present mean, which deviations are measured from."""

SLOW: Final = 1 / 512
"""Gain of a class's level, by which classes are compared."""

SETTLED: Final = 64
"""Samples of a class, at endpoints that both have been at, before it is merged."""


class Levels:
    """One class in use. Levels are logarithms: of seconds in a slot that is one endpoint's, and of
    the ratio to what was predicted in the slot of all others."""

    __slots__ = ("counts", "last", "levels", "now", "services", "total", "variance")

    def __init__(self) -> None:
        self.total = 0
        self.counts = [0] * (SLOTS + 1)
        self.now = [0.0] * (SLOTS + 1)
        self.levels = [0.0] * (SLOTS + 1)
        self.services = [0.0] * (SLOTS + 1)
        self.variance = 0.25
        self.last = -inf

    def forget(self, slot: int) -> None:
        """Another endpoint has the slot."""
        self.counts[slot] = 0


def equal(one: Levels, other: Levels) -> bool:
    """Both are well known, and cost the same wherever both were."""
    square = noise = weight = 0.0
    for slot in range(SLOTS):
        n, m = one.counts[slot], other.counts[slot]
        if n and m:
            least = min(n, m)
            apart = one.levels[slot] - other.levels[slot]
            square += least * apart * apart
            noise += least * (one.variance / min(n, 2 / SLOW) + other.variance / min(m, 2 / SLOW))
            weight += least
    if weight < SETTLED or noise / weight > SMALLEST_EFFECT**2:
        return False
    return max(0.0, square - noise) / weight < MERGED_BELOW**2
