"""When an endpoint that nobody chooses is tried again: after a while, by few requests.

An endpoint that failed, or was slow when it was last used, may have recovered, and only a request
can tell. How many may be spent on that is saved up request by request. Draws no dice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rl.marginal_cost.endpoint_model import EndpointModel
from rl.vocabulary import EndpointStats

PROBE_EVERY = 0.003
"""Probes per request at most."""

MOST_PROBES = 3.0
"""Saved up."""

PROBE_CHANCE = 0.5
"""That a request which may be a probe is one, while one is due."""

SLOW = 1.5
"""A probe that took that many times the best choice's cost was of no use."""

LONGEST_INTERVAL = 4.0
"""Between probes of an endpoint that is merely slow, in units of ``probe_seconds``."""

WINDOW_PAUSE = 0.01
"""Seconds until the next look, where only some endpoints were looked at and none was due."""

SHORTEST_INTERVAL = 0.25
"""Seconds after a good probe: the next one soon."""


class Probing:
    """The budget of probes and when the next one may be due.

    Attributes:
        at: nobody needs to be probed before that.
        saved: probes that may be sent; spent when one is over, since one that is out keeps its
            endpoint from being idle.
    """

    __slots__ = ("_seconds", "at", "saved")

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.at = 0.0
        self.saved = 0.0

    def due(
        self,
        models: Mapping[str, EndpointModel],
        candidates: Sequence[EndpointStats],
        indices: Sequence[int],
        now: float,
    ) -> int | None:
        """The place in ``indices`` of an idle endpoint unheard of for longer than its interval, or
        since polls found it back."""
        next_at = now + SHORTEST_INTERVAL
        for place, index in enumerate(indices):
            stats = candidates[index]
            model = models.get(stats.id)
            if stats.in_flight or model is None:
                continue
            heard_at = model.heard_at
            at = heard_at + model.interval
            # Polls know that it is back: it need not wait for its turn.
            if at <= now or stats.recovered_at > heard_at:
                return place
            if at < next_at:
                next_at = at
        # Who is on probation is shown now and then only, and must not be missed when it is.
        everybody = len(indices) == len(candidates) >= len(models)
        self.at = next_at if everybody else now + WINDOW_PAUSE
        return None

    def probed(
        self, model: EndpointModel, failed: bool, latency: float, best: float, expected: float
    ) -> None:
        """A probe is over. A failing endpoint is tried at a steady pace, since half its share is
        wanted back within seconds; one that is merely slow more and more seldom.

        Args:
            best: the cost of the best choice.
            expected: the latency at speed 1.
        """
        if failed:
            self.saved -= 1.0
            model.interval = self._seconds
        elif latency > SLOW * best:
            self.saved -= 1.0
            longest = LONGEST_INTERVAL * self._seconds
            model.interval = min(max(model.interval, SHORTEST_INTERVAL) * 2.0, longest)
        else:
            # It cost nothing, so that it is not counted, and promises more of the kind.
            model.interval = min(SHORTEST_INTERVAL, self._seconds)
            model.drift.jump(latency / expected)
            model.speed = model.drift.scale
