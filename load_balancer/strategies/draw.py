"""Chance: the weighted random strategy, and the draw among equals that other strategies share."""

from __future__ import annotations

import random
from collections.abc import Sequence

from rl.vocabulary import Decision, Observation, learn_nothing


def lowest(costs: Sequence[float], dice: random.Random) -> tuple[int, int]:
    """The index of the lowest cost, one of several by the dice; and how many have that cost.

    The first of several must not always win: balancers that start together would all send their
    first requests to the same endpoint.
    """
    best = min(costs)
    ties = costs.count(best)
    index = costs.index(best)
    if ties > 1:
        for _ in range(int(dice.random() * ties)):
            index = costs.index(best, index + 1)
    return index, ties


class WeightedRandom:
    """Each endpoint with a probability in proportion to its weight."""

    def __init__(self, dice: random.Random) -> None:
        self._throw = dice.random

    def select(self, observation: Observation) -> Decision:
        weights = [each.endpoint.weight for each in observation.candidates]
        total = sum(weights)
        left = self._throw() * total
        index = 0
        # The last one takes what rounding may leave over.
        while index < len(weights) - 1 and left >= weights[index]:
            left -= weights[index]
            index += 1
        return Decision(index, weights[index] / total)

    observe = learn_nothing
