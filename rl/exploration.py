"""How often a learner tries something else than what looks best: two schedules of epsilon.

Both hold the probability in ``epsilon`` and move on by ``step()``, once per learning step. Neither
throws the dice.
"""

from __future__ import annotations


class DecayingEpsilon:
    """Document 003's schedule: ``epsilon`` shrinks by a factor each step, down to a minimum.

    It never rises: one that begins below the minimum stays where it is, so that 0 means never.
    """

    __slots__ = ("_decay", "_minimum", "epsilon")

    def __init__(self, initial: float, decay: float, minimum: float) -> None:
        self.epsilon = initial
        self._decay = decay
        self._minimum = minimum

    def step(self) -> None:
        if self.epsilon > self._minimum:
            self.epsilon = max(self._minimum, self.epsilon * self._decay)


class Glie:
    """Document 000's schedule, 1/(t+1) after t steps: greedy in the limit, infinite exploration.

    The sum of 1/(t+1) has no bound, so every action of a state that keeps coming back is tried
    without end, while the share of exploring choices tends to zero (Singh, Jaakkola, Littman and
    Szepesvári 2000).
    """

    __slots__ = ("epsilon", "steps")

    def __init__(self, steps: int = 0) -> None:
        self.steps = steps
        self.epsilon = 1.0 / (steps + 1)

    def step(self) -> None:
        self.steps += 1
        self.epsilon = 1.0 / (self.steps + 1)
