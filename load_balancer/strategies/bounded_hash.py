"""Consistent hashing with bounded loads: repeats of a key stay together while there is room."""

from __future__ import annotations

import random
from collections.abc import Sequence

from load_balancer.strategies.draw import lowest
from load_balancer.strategies.least_request import loads_of, success
from load_balancer.strategies.rendezvous import Rendezvous, with_room
from rl.vocabulary import Decision, EndpointStats, Observation, learn_nothing

LEAST_SUCCESS = 0.5
"""With a smaller share of successes of late an endpoint's keys go to their next choice. It has room
whatever happens, and would take besides what the others have no room for."""


class BoundedHash:
    """Each key to its first choice with room (Mirrokni, Thorup and Zadimoghaddam 2016).

    With m requests in flight and this one, no endpoint has more than ceil(load_factor * (m + 1) /
    n) of them, by weight; where the bound leaves several, the key's own ranking decides
    (``rendezvous``), so that a crowded key spills over to the same second choice each time. The key
    is the request's affinity key, its path by default. A request without one goes to the least
    loaded.

    It sees what this node has in flight, and neither latency nor what servers report.
    """

    def __init__(self, load_factor: float, remembered_keys: int, dice: random.Random) -> None:
        self._load_factor = load_factor
        self._rendezvous = Rendezvous(remembered_keys)
        self._dice = dice
        self._weighed: Sequence[EndpointStats] = ()
        self._weights = 0.0

    def select(self, observation: Observation) -> Decision:
        candidates, now = observation.candidates, observation.now
        key = observation.request.affinity_key
        if not key:
            index, ties = lowest(loads_of(candidates, now), self._dice)
            return Decision(index, 1.0 / ties)
        index = self._rendezvous.first(key, candidates)
        first = candidates[index]
        if first.error_rate <= 1.0 - LEAST_SUCCESS and self._has_room(first, candidates):
            return Decision(index)
        ranking = self._rendezvous.ranked(key, candidates)
        well = [
            each
            for each in ranking
            if (stats := candidates[each]).error_rate <= 1.0 - LEAST_SUCCESS
            or success(stats, now) >= LEAST_SUCCESS
        ]
        return Decision(with_room(well or ranking, candidates, self._load_factor, 0))

    observe = learn_nothing

    def _has_room(self, stats: EndpointStats, candidates: Sequence[EndpointStats]) -> bool:
        """As in ``with_room``, of one of them, which is mostly all that is needed."""
        if not stats.in_flight:
            return True  # whatever the bound
        if candidates is not self._weighed:
            self._weighed = candidates
            self._weights = sum([each.endpoint.weight for each in candidates])
        load = sum([each.in_flight for each in candidates]) + 1
        return stats.in_flight < self._load_factor * load / self._weights * stats.endpoint.weight
