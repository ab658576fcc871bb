"""Where the key of a request stands with each endpoint, and what that does to the costs.

Only classes of requests whose repeats were found cheaper need it. Homes are worked out once a key,
and again when the candidates are others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf

from rl.marginal_cost.affinity import HOME, Factors, Placement, cell, home_of, seed_of
from rl.marginal_cost.knowledge import LARGEST_SIZE
from rl.marginal_cost.roster import Pair
from rl.vocabulary import EndpointStats


class Homes:
    """The cells of a key among the candidates.

    Above ``most`` candidates keys have no home.
    """

    __slots__ = ("_most", "_number", "_roster", "_seeds")

    def __init__(self, most: int) -> None:
        self._most = most
        self._roster: Sequence[EndpointStats] = ()
        self._seeds: list[int] = []
        self._number = 0

    def marked(
        self,
        key: str,
        placement: Placement | None,
        candidates: Sequence[EndpointStats],
        now: float,
    ) -> dict[str, int]:
        """The cell of each endpoint for which it is not 0."""
        if placement is None:
            home = self._home(key, Placement("", now), candidates)
            return {home: HOME} if home else {}
        home = self._home(key, placement, candidates)
        marked = {placement.last: cell(now, placement.at)}
        if placement.before:
            marked[placement.before] = cell(now, placement.before_at)
        if home:
            marked[home] = marked.get(home, 0) + HOME
        return marked

    def _home(self, key: str, placement: Placement, candidates: Sequence[EndpointStats]) -> str:
        few = len(candidates) <= self._most
        if candidates is not self._roster:
            self._roster = candidates
            self._number += 1
            self._seeds = [seed_of(each.id) for each in candidates] if few else []
        if placement.roster != self._number:
            placement.roster = self._number
            placement.home = home_of(key, candidates, self._seeds) if few else ""
        return placement.home


def mark(
    costs: list[float],
    pairs: Sequence[Pair],
    number: int,
    marked: Mapping[str, int],
    factors: Factors,
) -> tuple[float, float]:
    """Put into the costs what is cheaper where the key is marked.

    Args:
        costs: as they are without, of ``pairs``; changed in place.
        number: of the request's class.

    Returns:
        The lowest two; infinity for want of a second.
    """
    for at, (_, model) in enumerate(pairs):
        if model.id in marked:
            place = marked[model.id]
            factor = factors.chosen[place]
            cost = (
                model.speed * (model.service[number] * factor + model.wait[model.bin])
                + model.extra[model.bin] * min(model.relative[number] * factor, LARGEST_SIZE)
                + model.failing
            )
            costs[at] = cost * (1.0 - factors.home) if place >= HOME else cost
    lowest = sorted(costs)
    return lowest[0], lowest[1] if len(lowest) > 1 else inf
