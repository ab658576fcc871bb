"""Who stands out among the endpoints by its share of successes. Arithmetic on counts, no state.

Two rules, after Envoy's outlier detection (its architecture overview, "Outlier detection"): the
success rate against the fleet's mean, and the failure share against a fixed threshold. The first
finds who is worse than the others, the second who is bad; a fleet that fails as a whole has no
outliers by the first.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

from config.balancer import FailureShare, SuccessRate


class Tally:
    """Answers of one endpoint in one interval.

    Attributes:
        requests: those that said something of the endpoint.
        failures: of these.
    """

    __slots__ = ("failures", "requests")

    def __init__(self, requests: int = 0, failures: int = 0) -> None:
        self.requests = requests
        self.failures = failures


def by_success_rate(tallies: Sequence[Tally], settings: SuccessRate) -> list[int]:
    """The indices of those below the mean by more than so many standard deviations, worst first.

    Only tallies of ``minimum_requests`` count, and nobody stands out among fewer than
    ``minimum_endpoints`` of them. One bad endpoint among n good ones lies sqrt(n) deviations below
    the mean of all n + 1, however bad it is: with the factor 1.9 it takes five endpoints to see it,
    and two that are equally bad among five hide each other.
    """
    busy = [i for i, each in enumerate(tallies) if each.requests >= settings.minimum_requests]
    if len(busy) < settings.minimum_endpoints:
        return []
    rates = [1.0 - tallies[i].failures / tallies[i].requests for i in busy]
    mean = sum(rates) / len(rates)
    deviation = sqrt(sum([(rate - mean) ** 2 for rate in rates]) / len(rates))
    threshold = mean - settings.deviations * deviation
    # Rates that are equal but for rounding have a deviation of rounding size.
    found = [(rate, i) for i, rate in zip(busy, rates, strict=True) if rate < threshold - 1e-9]
    return [i for _, i in sorted(found)]


def by_failure_share(tallies: Sequence[Tally], settings: FailureShare) -> list[int]:
    """The indices of those whose share of failures reaches the threshold, worst first, under like
    conditions."""
    busy = [i for i, each in enumerate(tallies) if each.requests >= settings.minimum_requests]
    if len(busy) < settings.minimum_endpoints:
        return []
    shares = [(tallies[i].failures / tallies[i].requests, i) for i in busy]
    return [i for share, i in sorted(shares, key=_worst_first) if share >= settings.threshold]


def _worst_first(found: tuple[float, int]) -> tuple[float, int]:
    share, index = found
    return -share, index
