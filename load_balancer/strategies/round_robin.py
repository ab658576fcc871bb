"""Round robin, weighted and smooth: takes turns and looks at nothing else."""

from __future__ import annotations

from collections.abc import Sequence

from rl.vocabulary import Decision, EndpointStats, Observation, learn_nothing

CYCLE_AFTER, LONGEST_CYCLE = 64, 256
"""Choices among the same candidates until it is worth looking for their cycle, and its length."""

SPARE_CREDITS = 16
"""Ids remembered beyond twice the candidates: who is out for a moment keeps its place."""


class RoundRobin:
    """Smooth weighted round robin, as nginx does it since 2012.

    At each choice every candidate's credit grows by its weight, the richest one is taken and pays
    the sum of the weights. Weights 5, 1, 1 give a a b a c a a, where a plain weighted turn gives
    a a a a a b c. Only the differences between credits matter.

    An endpoint that is no candidate for a while, such as the one that a retry avoids, finds its
    credit as it left it. A newcomer begins at the candidates' mean: at zero it would get all turns,
    or none, until it had caught up with the others. Credits of those who are gone are dropped once
    they outnumber the candidates.

    Where the credits come back to where they were, as they do for weights that have a common
    measure, the turns repeat: from then on they are read off.
    """

    def __init__(self) -> None:
        self._left: dict[str, float] = {}
        self._candidates: Sequence[EndpointStats] = ()
        # Of the present candidates, in their order.
        self._credits: list[float] = []
        self._weights: list[float] = []
        self._total = 0.0
        self._chosen = 0
        # From these credits on, turn for turn; empty while it is not known.
        self._cycle: list[Decision] = []
        self._at = 0

    def select(self, observation: Observation) -> Decision:
        candidates = observation.candidates
        if candidates is not self._candidates:
            self._turn_to(candidates)
        cycle = self._cycle
        if cycle:
            at = self._at
            self._at = at + 1 if at + 1 < len(cycle) else 0
            return cycle[at]
        self._chosen += 1
        if self._chosen == CYCLE_AFTER:
            self._find_cycle()
            if self._cycle:
                return self.select(observation)
        return Decision(self._turn())

    observe = learn_nothing

    def _turn(self) -> int:
        credits = [
            credit + weight for credit, weight in zip(self._credits, self._weights, strict=True)
        ]
        index = credits.index(max(credits))
        credits[index] -= self._total
        self._credits = credits
        return index

    def _find_cycle(self) -> None:
        start, turns = self._credits, []
        if len(start) <= LONGEST_CYCLE:
            for _ in range(LONGEST_CYCLE):
                turns.append(self._turn())
                if self._credits == start:
                    # Nobody changes a decision, so that requests may share it.
                    decisions = [Decision(index) for index in range(len(start))]
                    self._cycle = [decisions[index] for index in turns]
                    break
        self._credits = start

    def _leave_cycle(self) -> None:
        turns = self._at
        self._cycle = []
        self._chosen = self._at = 0
        for _ in range(turns):
            self._turn()

    def _turn_to(self, candidates: Sequence[EndpointStats]) -> None:
        """Go on with other candidates than before."""
        self._leave_cycle()
        left = self._left
        for each, credit in zip(self._candidates, self._credits, strict=True):
            left[each.id] = credit
        held = [left.get(each.id) for each in candidates]
        known = [credit for credit in held if credit is not None]
        mean = sum(known) / len(known) if known else 0.0
        self._candidates = candidates
        self._credits = [mean if credit is None else credit for credit in held]
        self._weights = [each.endpoint.weight for each in candidates]
        self._total = sum(self._weights)
        if len(left) > 2 * len(candidates) + SPARE_CREDITS:
            self._left = {}
