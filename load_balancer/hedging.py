"""When a second try beside a slow first one pays: after a learned percentile of its class.

Hedging after the 95th percentile costs some 5 % more requests and cuts the tail (Dean and Barroso,
"The Tail at Scale", 2013). The percentile is that of the times to the first byte per request class,
from a histogram with geometric buckets whose samples fade with their age: forward decay (Cormode,
Shkapenyuk, Srivastava and Xu, 2009) lets each new sample weigh exponentially more instead of
touching the old ones, so that a sample costs O(1). Knows no clock, connection or budget.
"""

from __future__ import annotations

from bisect import bisect_left
from itertools import accumulate
from math import exp, log

from config.balancer import Hedging

SHORTEST, LONGEST, PER_OCTAVE = 0.0001, 60.0, 4
"""Seconds; a quarter of an octave is a bucket of 19 % width, read by linear interpolation."""

EDGES: tuple[float, ...] = tuple(
    SHORTEST * 2.0 ** (step / PER_OCTAVE)
    for step in range(int(log(LONGEST / SHORTEST, 2) * PER_OCTAVE) + 2)
)

REFRESH_SECONDS = 0.5
"""A percentile that was worked out is good for so long."""

HEAVIEST = 1e9
"""All weights of a histogram are scaled down when a new sample would weigh more."""

HEDGED = frozenset({"GET", "HEAD", "OPTIONS"})
"""Two of them at once are as good as one. PUT and DELETE are idempotent too, but of two at once the
cancelled one may take effect last, after a later request of the same client."""


def may_hedge(method: str, has_body: bool) -> bool:
    """Whether a request can be sent twice at once."""
    return not has_body and method in HEDGED


class _Fading:
    """A histogram of latencies that forgets, and its percentile as last worked out."""

    __slots__ = ("_counts", "_delay", "_fresh_until", "_since", "_weight")

    def __init__(self, now: float) -> None:
        self._counts = [0.0] * (len(EDGES) + 1)
        self._weight = 0.0
        self._since = now
        self._fresh_until = now
        self._delay: float | None = None

    def observe(self, latency: float, now: float, rate: float) -> None:
        weight = exp(min((now - self._since) * rate, 700.0))
        if weight > HEAVIEST:
            # In units of the present again; after a pause of many half-lives nothing is left.
            self._counts = [count / weight for count in self._counts]
            self._weight /= weight
            self._since = now
            weight = 1.0
        self._counts[bisect_left(EDGES, latency)] += weight
        self._weight += weight

    def delay(self, percentile: float, samples: int, now: float, rate: float) -> float | None:
        """None while the samples that are not yet faded are too few."""
        if now >= self._fresh_until:
            self._fresh_until = now + REFRESH_SECONDS
            unit = exp(min((now - self._since) * rate, 700.0))
            # Rounding must not cost the last of exactly enough samples.
            enough = self._weight >= samples * unit * (1.0 - 1e-6)
            self._delay = self._percentile(percentile) if enough else None
        return self._delay

    def _percentile(self, percentile: float) -> float:
        below = list(accumulate(self._counts, initial=0.0))
        wanted = percentile * below[-1]
        # Bucket i holds what lies between below[i] and below[i + 1].
        index = bisect_left(below, wanted) - 1
        if index == len(EDGES):
            return LONGEST
        lower = EDGES[index - 1] if index else 0.0
        return lower + (EDGES[index] - lower) * (wanted - below[index]) / self._counts[index]


class HedgeDelays:
    """The delays of one node, by request class.

    Classes are held up to a bound, the least recently used one makes room. A class with too few
    samples is judged by all requests together.
    """

    __slots__ = ("_all", "_classes", "_rate", "_settings")

    def __init__(self, settings: Hedging, now: float) -> None:
        self._settings = settings
        self._rate = log(2.0) / settings.half_life_seconds
        self._all = _Fading(now)
        # In order of use: a dict keeps that of insertion.
        self._classes: dict[str, _Fading] = {}

    def observe(self, request_class: str, latency: float, now: float) -> None:
        """A first byte came after so long. Of a try that was given up for a faster one: the time
        until then, or its class would seem to have only fast ones."""
        classes = self._classes
        fading = classes.pop(request_class, None)
        if fading is None:
            if len(classes) >= self._settings.classes:
                del classes[next(iter(classes))]
            fading = _Fading(now)
        classes[request_class] = fading
        fading.observe(latency, now, self._rate)
        self._all.observe(latency, now, self._rate)

    def delay(self, request_class: str, now: float) -> float | None:
        """Seconds after which a second try pays; None while too little is known."""
        settings = self._settings
        found = None
        fading = self._classes.get(request_class)
        if fading is not None:
            found = fading.delay(settings.percentile, settings.minimum_samples, now, self._rate)
        if found is None:
            found = self._all.delay(settings.percentile, settings.minimum_samples, now, self._rate)
        return None if found is None else max(found, settings.minimum_delay_seconds)
