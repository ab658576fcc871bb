"""Chance: the weighted random strategy, and the draw among equals that other strategies share."""

from __future__ import annotations

import random
from collections.abc import Sequence
from math import comb

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


def draw(size: int, choices: int, dice: random.Random) -> list[int]:
    """``choices`` different indices below ``size``, every set of them equally likely (Floyd's
    algorithm)."""
    throw = dice.random
    drawn: list[int] = []
    for last in range(size - choices, size):
        index = int(throw() * (last + 1))
        drawn.append(last if index in drawn else index)
    return drawn


def lowest_drawn(costs: Sequence[float], choices: int, dice: random.Random) -> tuple[int, float]:
    """The index of the lowest cost of ``choices`` different ones drawn at random, one of several
    equal ones by the dice; and the probability of that index."""
    size = len(costs)
    choices = min(choices, size)
    drawn = draw(size, choices, dice)
    winner, _ = lowest([costs[index] for index in drawn], dice)
    index = drawn[winner]
    # The draw's lowest cost is this one if it holds none of the lower and at least one of the
    # equal ones. Those share that chance by symmetry.
    cost = costs[index]
    not_lower = sum([each >= cost for each in costs])
    higher = sum([each > cost for each in costs])
    chance = (comb(not_lower, choices) - comb(higher, choices)) / comb(size, choices)
    return index, chance / (not_lower - higher)


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
