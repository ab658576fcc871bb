"""Round robin, weighted and smooth: takes turns and looks at nothing else."""

from __future__ import annotations

from collections.abc import Sequence

from rl.vocabulary import Decision, Observation, Transition

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
    """

    def __init__(self) -> None:
        self._credits: dict[str, float] = {}

    def select(self, observation: Observation) -> Decision:
        candidates = observation.candidates
        credits = self._credits
        held = [credits.get(each.id) for each in candidates]
        if None in held:
            held = _with_newcomers(held)
        total = 0.0
        richest = float("-inf")
        index = 0
        for i, each in enumerate(candidates):
            weight = each.endpoint.weight
            total += weight
            credit = held[i] + weight  # type: ignore[operator]  # no None is left
            credits[each.id] = credit
            if credit > richest:
                richest = credit
                index = i
        credits[candidates[index].id] = richest - total
        if len(credits) > 2 * len(candidates) + SPARE_CREDITS:
            self._credits = {each.id: credits[each.id] for each in candidates}
        return Decision(index)

    def observe(self, transition: Transition) -> None:
        """Nothing that happens to a request changes whose turn it is."""


def _with_newcomers(held: Sequence[float | None]) -> list[float | None]:
    known = [credit for credit in held if credit is not None]
    mean = sum(known) / len(known) if known else 0.0
    return [mean if credit is None else credit for credit in held]
