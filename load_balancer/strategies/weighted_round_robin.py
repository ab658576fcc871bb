"""Weighted round robin by deadlines: takes turns by weight and looks at nothing else."""

from __future__ import annotations

import random

from load_balancer.strategies.turns import Turns
from rl.vocabulary import Decision, Observation, learn_nothing


class WeightedRoundRobin:
    """Earliest deadline first, as Envoy and gRPC take their turns.

    The shares are those of ``round_robin``; what differs is the order. Smooth credits spread the
    turns of one fleet best of all, and two balancers with the same weights take them in step: both
    send to the same endpoint at the same turn. Here each begins at a place of its own.
    """

    def __init__(self, dice: random.Random) -> None:
        self._turns = Turns(dice)

    def select(self, observation: Observation) -> Decision:
        turns, candidates = self._turns, observation.candidates
        if candidates is not turns.candidates:
            turns.begin(candidates, [each.endpoint.weight for each in candidates])
        return Decision(turns.next())

    observe = learn_nothing
