"""What failures cost at one endpoint, and when they are over.

The cost is a discounted mean with the fleet's as its prior. It falls slowly while few requests are
sent there; so the end of a failure is not waited for but tested, by the sequential probability
ratio of Wald 1945: "as good as the fleet" against "as bad as when it last failed".
"""

from __future__ import annotations

from math import log

KEPT = 0.97
"""Of the past, per completion: the last 33 or so."""

PRIOR = 4.0
"""Completions that the fleet's mean counts for."""

RECENT_KEPT = 0.8
"""Of the past in the share of failures that the test compares with: the last five."""

PROOF = log(20.0)
"""Odds at which the failures count as over. After a string of failures two successes are as much;
at three failures in ten it takes seven in a row or more."""

WORST = 0.95
"""A share of failures that the test takes for certain failure."""

FAILING = 0.05
"""From this share of failures on an endpoint counts as one that fails."""


class Failing:
    """Failures of one endpoint.

    Attributes:
        cost: seconds lost by failures, a discounted sum.
        trials: completions, discounted alike.
        recent: share of failures among the last few.
        proof: logarithm of the odds that it is over.
        against: what one success adds to that.
    """

    __slots__ = ("against", "cost", "proof", "recent", "trials")

    def __init__(self) -> None:
        self.cost = 0.0
        self.trials = 0.0
        self.recent = 0.0
        self.proof = 0.0
        self.against = 0.0

    def succeeded(self) -> None:
        """A completion without failure."""
        self.cost *= KEPT
        self.trials = self.trials * KEPT + 1.0
        self.recent *= RECENT_KEPT
        if self.against:
            self.proof += self.against
            if self.proof >= PROOF:
                self.forget()

    def failed(self, cost: float) -> None:
        """A failure that cost so many seconds."""
        self.cost = self.cost * KEPT + cost
        self.trials = self.trials * KEPT + 1.0
        self.recent = self.recent * RECENT_KEPT + 1.0 - RECENT_KEPT
        self.proof = 0.0
        self.against = -log(1.0 - min(self.recent, WORST))

    def forget(self) -> None:
        """It is over: as if nothing had been seen."""
        self.cost = self.trials = self.recent = self.proof = self.against = 0.0

    def expected(self, usual: float) -> float:
        """Seconds that failures cost per request, ``usual`` being the fleet's mean."""
        return (self.cost + PRIOR * usual) / (self.trials + PRIOR)
