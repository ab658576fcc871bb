"""By the requests in flight: the least busy of all endpoints, or of a few drawn ones.

Both see only what this node sent itself, which is live; what servers report is up to a poll old.
The load is (in flight + 1) / weight, the share of its capacity that an endpoint would use with
this request; divided by its share of successes of late, because an endpoint that fails at once has
nothing in flight and would look like the idlest of all.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from math import comb, exp

from load_balancer.strategies.draw import lowest
from rl.vocabulary import Decision, EndpointStats, Observation, learn_nothing

FORGET_SECONDS = 5.0
"""While no answer comes the failures count for less and less, exp(-dt / 5 s) of them, so that the
endpoint is tried again."""

TOLERATED = 0.05
"""Fewer failures than that count as none: an endpoint that failed once, long ago, must tie with the
others, or an idle fleet would never choose it again."""

LOWEST_SUCCESS = 0.01
"""Of whom nothing succeeds: a hundred times its load, and not infinitely often."""


def _loads(candidates: Sequence[EndpointStats], now: float) -> list[float]:
    # Without a call for each: this runs for every candidate of every request.
    return [
        (each.in_flight + 1) / each.endpoint.weight
        if each.error_rate <= TOLERATED
        else _failing_load(each, now)
        for each in candidates
    ]


def _failing_load(stats: EndpointStats, now: float) -> float:
    load = (stats.in_flight + 1) / stats.endpoint.weight
    failing = stats.error_rate * exp(-max(0.0, now - stats.error_rate_at) / FORGET_SECONDS)
    if failing > TOLERATED:
        load /= max(LOWEST_SUCCESS, 1.0 - failing)
    return load


class LeastRequest:
    """The least loaded of all candidates; ties fall at random."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice

    def select(self, observation: Observation) -> Decision:
        index, ties = lowest(_loads(observation.candidates, observation.now), self._dice)
        return Decision(index, 1.0 / ties)

    observe = learn_nothing


class PowerOfTwo:
    """The least loaded of ``choices`` different candidates drawn at random (Mitzenmacher 2001).

    A little worse than the least loaded of all while one node sees all the traffic. With several
    nodes it keeps them from rushing to the same idle endpoint.
    """

    def __init__(self, choices: int, dice: random.Random) -> None:
        self._choices = choices
        self._dice = dice

    def select(self, observation: Observation) -> Decision:
        loads = _loads(observation.candidates, observation.now)
        size = len(loads)
        choices = min(self._choices, size)
        drawn = self._draw(size, choices)
        winner, _ = lowest([loads[index] for index in drawn], self._dice)
        index = drawn[winner]
        # The draw's lowest load is this one if it holds none of the lower and at least one of the
        # equal candidates. Those equal ones share that chance by symmetry.
        load = loads[index]
        not_lower = sum([each >= load for each in loads])
        higher = sum([each > load for each in loads])
        chance = (comb(not_lower, choices) - comb(higher, choices)) / comb(size, choices)
        return Decision(index, chance / (not_lower - higher))

    observe = learn_nothing

    def _draw(self, size: int, choices: int) -> list[int]:
        """``choices`` different indices, every set of them equally likely (Floyd's algorithm)."""
        throw = self._dice.random
        drawn: list[int] = []
        for last in range(size - choices, size):
            index = int(throw() * (last + 1))
            drawn.append(last if index in drawn else index)
        return drawn
