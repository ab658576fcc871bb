"""Whether requests of one kind cost other than the rest of their class: the statistics.

What is measured is the logarithm of a request's service, less the present mean of its class at the
same endpoint, so that whatever befalls all kinds alike (an endpoint slows down, a prediction is
off) cancels. Under the null hypothesis the deviations of a kind have mean 0 at every endpoint. One
may look at them after every request: evidence is a likelihood ratio against a normal mixture of
alternatives (Robbins 1970, Statistical methods related to the law of the iterated logarithm),
which is a martingale under the null hypothesis, so that by Ville's inequality it ever exceeds
``1 / p`` with a probability of at most p. Two such mixtures are averaged: one of a difference that
is the same at every endpoint, one of differences of their own, which is the product over the
endpoints. The variance is estimated, for which few samples are mixed with the class's.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import log
from typing import Final

SLOTS: Final = 16
"""Endpoints that are told apart; one more slot is for all others."""

OTHERS: Final = SLOTS

PRIOR: Final = 4.0
"""Of the mixture: effects of half a standard deviation are expected (1 / sqrt(4))."""

BORROWED: Final = 8.0
"""Samples' worth of the class's variance in the estimate of a kind's."""

LARGEST: Final = 2.5
"""A deviation counts for no more: a factor of 12. Logarithms of small values have a long tail."""


class Evidence:
    """The deviations of one kind since its class last changed.

    Attributes:
        total: samples.
        counts, means: of them by slot.
        since: samples of the whole class that had come before the first of these.
        next: ``total`` at which to look again.
    """

    __slots__ = ("counts", "means", "next", "since", "squares", "total")

    def __init__(self, since: int, first: int) -> None:
        self.total = 0
        self.counts = [0] * (SLOTS + 1)
        self.means = [0.0] * (SLOTS + 1)
        self.squares = 0.0
        self.since = since
        self.next = first

    def add(self, slot: int, deviation: float) -> bool:
        """One more (Welford 1962, by slot): whether it is time to look again."""
        counts, means = self.counts, self.means
        self.total = total = self.total + 1
        counts[slot] = count = counts[slot] + 1
        before = deviation - means[slot]
        means[slot] = mean = means[slot] + before / count
        self.squares += before * (deviation - mean)
        return total >= self.next

    def forget(self, slot: int) -> None:
        """Another endpoint has the slot."""
        self.total -= self.counts[slot]
        self.counts[slot] = 0
        self.means[slot] = 0.0

    def used(self) -> list[int]:
        """The slots that something is known of."""
        return [slot for slot, count in enumerate(self.counts) if count]

    def variance(self, borrowed: float) -> float:
        """Of one deviation at one endpoint.

        Args:
            borrowed: that of the class.
        """
        free = self.total - len(self.used())
        return max(1e-6, (self.squares + BORROWED * borrowed) / (free + BORROWED))

    def against(self, variance: float) -> float:
        """The logarithm of the evidence that this kind differs."""
        total = spread = 0.0
        for count, mean in zip(self.counts, self.means, strict=True):
            if count:
                total += count * mean
                spread += _mixture(count * mean, count, variance)
        pooled = _mixture(total, self.total, variance)
        return max(pooled, spread) - log(2.0)

    def effect(self, variance: float, share: float) -> float:
        """How far it is from the rest, as the root of a mean square over endpoints, without what
        chance adds.

        Args:
            share: of the class's samples that are of this kind. The class's mean leans towards it
                by so much.
        """
        square = sum(n * mean * mean for n, mean in zip(self.counts, self.means, strict=True))
        square = (square - variance * len(self.used())) / max(1, self.total)
        return float(max(0.0, square) ** 0.5 / max(0.05, 1.0 - share))


def _mixture(total: float, count: int, variance: float) -> float:
    spread = count + PRIOR
    return total * total / (2.0 * variance * spread) - 0.5 * log(spread / PRIOR)


def weighted_mean(parts: Iterable[tuple[float, int]]) -> float:
    """Of values with their counts; 0.0 of none."""
    total = weight = 0.0
    for value, count in parts:
        total += value * count
        weight += count
    return total / weight if weight else 0.0
