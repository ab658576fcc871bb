"""Peak EWMA: by latency times load, where bad news counts at once and good news slowly."""

from __future__ import annotations

import random
from math import exp

from load_balancer.strategies.draw import lowest, lowest_drawn
from rl.vocabulary import Decision, Observation, Transition, Verdict

UNSEEN_COST = 1e9
"""Seconds; above any cost that was measured."""

SPARE_RECORDS = 16
"""Ids remembered beyond twice the candidates: who is out for a moment keeps its record."""


class _Record:
    """What was learned of one endpoint: its latency in seconds, and when."""

    __slots__ = ("at", "latency")

    def __init__(self, latency: float, at: float) -> None:
        self.latency = latency
        self.at = at


class PeakEwma:
    """Finagle's rule: the lowest latency * (in flight + 1), by weight: of all candidates, or as in
    Finagle and Linkerd of a few drawn ones.

    Two things differ from both. There the average decays for good whenever it is looked at; here it
    decays for whoever looks, and a sample is mixed with what it was at the sample before. And there
    an endpoint that has not answered yet costs more than any other, whatever is known of the rest.

    The latency is this policy's own average. A sample above it replaces it; one below is mixed in
    with a share of 1 - exp(-dt / decay), dt being the time since the sample before. While no sample
    comes the latency counts for less and less, exp(-dt / decay) of it, so that an endpoint which
    was slow or failed is tried again: after a failure of 5 s, with a decay of 10 s and others at
    50 ms, in 46 s.

    An endpoint without a sample costs nothing until its first request is sent: it is tried at once,
    by one request. Until that is answered it counts with what the table knows of it, which for a
    newcomer is the fleet's mean, and without that for more than any known one.

    A failure counts as a sample of ``failure_seconds`` or its own latency, whichever is more. An
    endpoint that refuses at once would look like the fastest of all.
    """

    def __init__(
        self, decay: float, failure_seconds: float, dice: random.Random, choices: int | None = None
    ) -> None:
        """
        Args:
            choices: how many are drawn; None to look at all.
        """
        self._decay = decay
        self._failure_seconds = failure_seconds
        self._choices = choices
        self._dice = dice
        self._records: dict[str, _Record] = {}

    def select(self, observation: Observation) -> Decision:
        now, decay, records = observation.now, self._decay, self._records
        costs: list[float] = []
        # Without a call for each: this runs for every candidate of every request.
        for stats in observation.candidates:
            record = records.get(stats.id)
            if record is not None:
                since = now - record.at
                latency = record.latency
                if since > 0.0:
                    latency *= exp(-since / decay)
            elif stats.in_flight:
                latency = stats.latency or UNSEEN_COST
            else:
                latency = 0.0
            costs.append(latency * (stats.in_flight + 1) / stats.endpoint.weight)
        if self._choices is not None:
            return Decision(*lowest_drawn(costs, self._choices, self._dice))
        index, ties = lowest(costs, self._dice)
        return Decision(index, 1.0 / ties)

    def observe(self, transition: Transition) -> None:
        sample = transition.outcome.latency
        if transition.outcome.verdict is Verdict.FAILURE:
            sample = max(sample, self._failure_seconds)
        id = transition.endpoint.id
        now = transition.observation.now
        record = self._records.get(id)
        if record is None:
            self._records[id] = _Record(sample, now)
            self._drop_gone(transition.observation)
            return
        if sample >= record.latency:
            record.latency = sample
        else:
            kept = exp(-max(0.0, now - record.at) / self._decay)
            record.latency = sample + (record.latency - sample) * kept
        record.at = now

    def _drop_gone(self, observation: Observation) -> None:
        candidates = observation.candidates
        if len(self._records) > 2 * len(candidates) + SPARE_RECORDS:
            present = {each.id for each in candidates}
            self._records = {id: kept for id, kept in self._records.items() if id in present}
