"""By the requests in flight: the least busy of all endpoints, or of a few drawn ones.

Both see only what this node sent itself, which is live; what servers report is up to a poll old.
The load is (in flight + 1) / weight, the share of its capacity that an endpoint would use with
this request; divided by its share of successes of late, because an endpoint that fails at once has
nothing in flight and would look like the idlest of all.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from math import exp

from load_balancer.strategies.draw import lowest, lowest_drawn
from rl.vocabulary import Decision, EndpointStats, Observation, learn_nothing

FORGET_SECONDS = 5.0
"""While no answer comes the failures count for less and less, exp(-dt / 5 s) of them, so that the
endpoint is tried again."""

TOLERATED = 0.05
"""Fewer failures than that count as none: an endpoint that failed once, long ago, must tie with the
others, or an idle fleet would never choose it again."""

LOWEST_SUCCESS = 0.01
"""Of whom nothing succeeds: a hundred times its load, and not infinitely often."""


def loads_of(candidates: Sequence[EndpointStats], now: float) -> list[float]:
    # Without a call for each: this runs for every candidate of every request.
    return [
        (each.in_flight + 1) / each.endpoint.weight
        if each.error_rate <= TOLERATED
        else (each.in_flight + 1) / each.endpoint.weight / success(each, now)
        for each in candidates
    ]


def success(stats: EndpointStats, now: float) -> float:
    """The share of successes of late, at least ``LOWEST_SUCCESS``; 1.0 with few failures."""
    failing = stats.error_rate * exp(-max(0.0, now - stats.error_rate_at) / FORGET_SECONDS)
    return max(LOWEST_SUCCESS, 1.0 - failing) if failing > TOLERATED else 1.0


class LeastRequest:
    """The least loaded of all candidates; ties fall at random."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice

    def select(self, observation: Observation) -> Decision:
        index, ties = lowest(loads_of(observation.candidates, observation.now), self._dice)
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
        loads = loads_of(observation.candidates, observation.now)
        return Decision(*lowest_drawn(loads, self._choices, self._dice))

    observe = learn_nothing
