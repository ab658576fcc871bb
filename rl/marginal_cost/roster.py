"""Candidates beside what is known of each, kept from one decision to the next.

The node shows the same list of candidates until its members change, so that whom a decision is
about is looked up once and not for each request. Endpoints that were never seen join what is known
here, and the longest unheard of give way to them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import itemgetter
from typing import Any, TypeAlias

from rl.marginal_cost.endpoint_model import EndpointModel
from rl.marginal_cost.knowledge import Knowledge
from rl.vocabulary import EndpointStats

Pair: TypeAlias = tuple[EndpointStats, EndpointModel]


class Roster:
    """The candidates seen last, as pairs.

    Attributes:
        candidates: whose ``pairs`` those are, all of them, in order.
    """

    __slots__ = (
        "_knowledge",
        "_missing",
        "_most",
        "_probe_seconds",
        "_some",
        "_wide",
        "candidates",
        "pairs",
    )

    def __init__(self, knowledge: Knowledge, most: int, probe_seconds: float) -> None:
        """
        Args:
            most: endpoints of which something is known.
            probe_seconds: the interval of a newcomer.
        """
        self._knowledge = knowledge
        self._most = most
        self._probe_seconds = probe_seconds
        self._forget()

    def _forget(self) -> None:
        self.candidates: Sequence[EndpointStats] = ()
        self.pairs: list[Pair] = []
        self._wide: Sequence[EndpointStats] = ()
        self._some: list[Any] = []
        self._missing = 0

    def list_all(self, candidates: Sequence[EndpointStats], now: float) -> list[Pair]:
        """Have a pair for each of them."""
        self.candidates = candidates
        pairs = self._listed(candidates, now)
        self.pairs = pairs
        return pairs

    def some(
        self, candidates: Sequence[EndpointStats], indices: Sequence[int], now: float
    ) -> Sequence[Pair]:
        """The pairs at these places, of more candidates than are ever listed."""
        if candidates is not self._wide:
            self._wide = candidates
            self._missing = len(candidates)
            self._some = [None] * self._missing
        known = self._some
        # Many at once, for a third of the time that a loop takes.
        pairs: Sequence[Pair] = (
            itemgetter(*indices)(known) if len(indices) > 1 else [known[indices[0]]]
        )
        if self._missing and None in pairs:
            pairs = self._listed([candidates[index] for index in indices], now)
            if known is self._some:  # nobody had to give way
                for index, pair in zip(indices, pairs, strict=True):
                    self._missing -= known[index] is None
                    known[index] = pair
        return pairs

    def _listed(self, shown: Iterable[EndpointStats], now: float) -> list[Pair]:
        get = self._knowledge.models.get
        return [(stats, get(stats.id) or self._join(stats.id, now)) for stats in shown]

    def _join(self, id: str, now: float) -> EndpointModel:
        models = self._knowledge.models
        if len(models) >= self._most:
            # An eighth at once, so that the sort is paid for by many who join.
            oldest = sorted(models.values(), key=lambda each: each.heard_at)
            for each in oldest[: max(1, self._most // 8)]:
                del models[each.id]
            self._forget()
        newcomer = self._knowledge.newcomer
        model = EndpointModel(id, len(newcomer.raw), now, self._probe_seconds, self._knowledge.used)
        model.resemble(newcomer)
        models[id] = model
        return model
