"""Whom to look at when there are too many candidates to look at all: some that come in turn, and
the best of the last look.

The best of those looked at are kept for the next one: with such memory a few samples do nearly as
well as a full scan (Mitzenmacher, Prabhakar and Shah 2002, "Load balancing with memory"). Windows
in turn instead of random samples make the choice certain, given what was looked at before, and
nobody is passed over for long.
"""

from __future__ import annotations

from collections.abc import Sequence

from rl.vocabulary import EndpointStats

KEPT = 4
"""Of the best."""


class Window:
    """The next candidates in turn, ``size`` at a time."""

    __slots__ = ("_best", "_cursor", "_looked_at", "_roster", "_size")

    def __init__(self, size: int) -> None:
        self._size = size
        self._cursor = 0
        self._roster: Sequence[EndpointStats] = ()
        self._looked_at: Sequence[int] = ()
        self._best: list[int] = []

    def indices(self, candidates: Sequence[EndpointStats]) -> list[int]:
        """Places among the candidates, each once."""
        total = len(candidates)
        first = self._cursor % total
        last = first + min(self._size, total)
        self._cursor = beyond = last % total
        found = (
            list(range(first, last)) if last <= total else [*range(first, total), *range(beyond)]
        )
        if candidates is self._roster:
            looked_at = self._looked_at
            # Before the window, or after it; also if it begins anew in the middle.
            found += [
                index
                for place in self._best
                if last - total <= (index := looked_at[place]) < first or index >= last
            ]
        return found

    def looked(
        self, candidates: Sequence[EndpointStats], indices: Sequence[int], costs: Sequence[float]
    ) -> None:
        """What those places were found to cost."""
        self._roster = candidates
        self._looked_at = indices
        # To sort places by a key takes half of what it takes to sort pairs.
        self._best = sorted(range(len(costs)), key=costs.__getitem__)[:KEPT]
