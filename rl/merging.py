"""What several workers have learned apart from each other, made one.

Each of them began at what was last given to all (the base) and went on by itself. Summing up what
they hold would count the base once for each of them, and at every merge anew; so what counts is
what each has added since. A value becomes the mean of the workers' values weighted by their new
visits (a value that nobody visited stays the base's); visits become the base's plus all new ones.
A constant learning rate forgets, so that the mean of values that learned side by side is the best
that can be had without their samples (McMahan et al. 2017 average models by samples in the same
way). Knows neither processes nor how parameters travel.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from rl.vocabulary import Learner, Parameters


@runtime_checkable
class Mergeable(Learner, Protocol):
    """A learner whose parameters can be merged; all it takes to learn among several workers."""

    def merged(self, base: Parameters | None, learned: Sequence[Parameters]) -> Parameters:
        """What all know together; changes nothing of the learner itself.

        Args:
            base: what every one of ``learned`` began at; None if they began knowing nothing.
            learned: ``parameters()`` of one or more of the same strategy.

        Raises:
            ValueError: one of them is malformed.
        """
        ...


def merge_value(base: tuple[float, int], learned: Sequence[tuple[float, int]]) -> tuple[float, int]:
    """One value and its visits, of the base and of those who went on from it."""
    visits = base[1]
    weights = [max(0, count - visits) for _, count in learned]
    total = sum(weights)
    if not total:
        return base
    mean = sum(each * (weight / total) for (each, _), weight in zip(learned, weights, strict=True))
    return mean, visits + total


def merge_decay(base: float | None, learned: Sequence[float], floor: float) -> float:
    """A rate that shrinks by a factor a step, after the steps of all; not below ``floor``.

    Without a base that is known, the rate of the one who went furthest.
    """
    if not base:
        return min(learned)
    rate = base
    for each in learned:
        rate *= min(1.0, each / base)
    # A rate that began below the floor stays where it is.
    return min(base, max(floor, rate))
