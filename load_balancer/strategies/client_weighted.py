"""Client-side weighted round robin: turns in proportion to what endpoints say they can do."""

from __future__ import annotations

import random
from collections.abc import Sequence

from load_balancer.strategies.turns import Turns
from rl.vocabulary import Decision, EndpointStats, Observation, learn_nothing

SPARE_RECORDS = 16
"""Ids remembered beyond twice the candidates."""


class ClientWeighted:
    """gRPC's and Envoy's policy of that name (gRFC A58), by ORCA reports.

    An endpoint's weight is its requests a second by its utilization, the rate that it would have at
    full use, with its share of failures times ``error_penalty`` added to the use. A weight counts
    once the endpoint has reported for ``blackout`` seconds, and until it has not reported for
    ``expiration`` seconds; then the blackout begins anew. Weights are worked out every ``update``
    seconds. An endpoint without one gets the mean of the others'; with fewer than two known, all
    have the weights that are configured.

    It looks at reports when it works out weights, so that a blackout begins up to ``update`` late,
    and goes on with the turns as they are where A58 throws new ones each time. It does not see what
    is in flight.
    """

    def __init__(
        self,
        blackout: float,
        expiration: float,
        update: float,
        error_penalty: float,
        dice: random.Random,
    ) -> None:
        self._blackout = blackout
        self._expiration = expiration
        self._update = update
        self._error_penalty = error_penalty
        self._turns = Turns(dice)
        self._due = float("-inf")
        # By id, since when it has reported without a gap.
        self._since: dict[str, float] = {}

    def select(self, observation: Observation) -> Decision:
        turns, candidates, now = self._turns, observation.candidates, observation.now
        if now >= self._due or candidates is not turns.candidates:
            turns.begin(candidates, self._weights(candidates, now))
            if now >= self._due:
                self._due = now + self._update
        return Decision(turns.next())

    observe = learn_nothing

    def _weights(self, candidates: Sequence[EndpointStats], now: float) -> list[float]:
        found = [self._weight(each, now) for each in candidates]
        known = [weight for weight in found if weight > 0.0]
        if len(self._since) > 2 * len(candidates) + SPARE_RECORDS:
            present = {each.id for each in candidates}
            self._since = {id: at for id, at in self._since.items() if id in present}
        if len(known) < 2:
            return [each.endpoint.weight for each in candidates]
        mean = sum(known) / len(known)
        return [weight or mean for weight in found]

    def _weight(self, stats: EndpointStats, now: float) -> float:
        """What its reports are worth, 0.0 if they do not count now."""
        at = stats.rated_at
        if now - at >= self._expiration:
            self._since.pop(stats.id, None)
            return 0.0
        since = self._since.setdefault(stats.id, at)
        if now - since < self._blackout:
            return 0.0
        rate = stats.request_rate
        return rate / (stats.utilization + stats.failure_rate / rate * self._error_penalty)
