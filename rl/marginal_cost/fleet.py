"""What the endpoints of one policy have in common: service by class, servers, failures, arrivals.

It is what a newcomer begins with, and what those of whom little is known are drawn towards.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, inf, log

from rl.marginal_cost.bend import bend_of
from rl.marginal_cost.drift import LEAST_NOISE
from rl.marginal_cost.endpoint_fit import SHORTEST
from rl.marginal_cost.endpoint_model import MOST_KNOWN, EndpointModel
from rl.marginal_cost.load_bins import BINS, STAYING

RATE_TIME = 2.0
"""Seconds, of the average arrival rates."""

SWEEP_LEAST = 0.05
"""Seconds, below which no rate is measured."""

UNSEEN = 0.8
"""Share of the fleet's mean service expected of a class that an endpoint was never sent: enough to
be tried once, not enough to be preferred to somebody idle who is known to be fast."""

MOST_CHANCE = 0.75
"""Share of what endpoints differ by in one class that is put down to chance at most: that may be
all of it by a wrong guess at the noise, and endpoints that differ would be taken for alike."""

MOST_EVIDENCE = 200.0
"""Samples that the servers of one endpoint count for in the mean."""

LEAST_BETWEEN = 4e-4
"""Variance between endpoints of a fleet that looks homogeneous: 2 % of difference."""

CHEAP = 1.25
"""Requests of a class that takes at most that many times the mean may be probes."""

SPLIT = 0.5
"""Share of the even split in the arrival rates that the externality is worked out with; the rest is
as measured. Measured rates alone would justify whatever is being done, an even split alone would
misjudge endpoints that are good at some classes only."""


class Fleet:
    """Means over the endpoints that were candidates at the last sweep.

    Attributes:
        means, doubts: see ``EndpointModel.fit_service``.
        pooled: servers, the geometric mean of those known, or as they show in what was seen of all
            endpoints together; 0 if not known.
        alike: samples that this counts for at one endpoint: variance of one sample over the
            variance of the logarithm of servers between endpoints.
        failing: mean seconds that failures cost a request.
        rate: requests per second of this balancer.
        cheap: by class, whether its requests are cheap enough to be spent on probes.
        capacity: jobs per second that all could do; infinite while unknown.
    """

    __slots__ = (
        "_next",
        "alike",
        "capacity",
        "cheap",
        "doubts",
        "failing",
        "means",
        "pooled",
        "rate",
        "swept_at",
    )

    def __init__(self, classes: int) -> None:
        self.means = [0.0] * classes
        self.doubts = [1.0] * classes
        self.cheap = [True] * classes
        self.pooled = 0.0
        self.alike = 0.0
        self.failing = 0.0
        self.rate = 0.0
        self.capacity = inf
        self.swept_at = -inf
        self._next = 0

    def sweep(self, models: Sequence[EndpointModel], numbers: Sequence[int], now: float) -> None:
        """Look at all of them; at a few classes of ``numbers`` at a time if they are many."""
        elapsed = now - self.swept_at
        if elapsed < SWEEP_LEAST:
            kept, fresh = 1.0, 0.0
        else:
            kept = exp(-elapsed / RATE_TIME)
            fresh = (1.0 - kept) / elapsed
            self.swept_at = now
        rate = capacity = cost = trials = servers = squares = sure = noise = 0.0
        busy = 0
        for model in models:
            own = model.rate
            if fresh:
                model.rate = own = own * kept + model.sent * fresh
                model.sent = 0
            rate += own
            capacity += model.servers / (model.mean * model.speed)
            failures = model.failures
            cost += failures.cost
            trials += failures.trials
            noise += model.drift.noise
            if model.saturated:
                busy += 1
                weight = min(model.saturated, MOST_EVIDENCE)
                own = log(model.measured)
                servers += own * weight
                squares += own * own * weight
                sure += weight
        self.rate = rate
        self.capacity = capacity
        self.failing = cost / (trials + 100.0)
        noise = max(noise / len(models), LEAST_NOISE)
        self.pooled = self.alike = 0.0
        if busy >= 2:
            mean = servers / sure
            self.pooled = exp(mean)
        elif len(models) > 1:
            self.pooled = _together(models, noise)
        if busy >= 3:
            # Without what chance explains.
            between = (squares / sure - mean * mean) * busy / (busy - 1.0) - noise * busy / sure
            self.alike = min(noise / max(between, LEAST_BETWEEN), MOST_KNOWN)
        for _ in range(min(len(numbers), max(1, 64 // len(models)))):
            self._next = (self._next + 1) % len(numbers)
            self._fit(models, numbers[self._next], noise)

    def compare(self, models: Sequence[EndpointModel], numbers: Sequence[int]) -> None:
        """Which of these classes are cheap, compared with all requests together."""
        means = self.means
        counts = [sum([model.mix[number] for model in models]) for number in numbers]
        total = sum(counts)
        if total:
            spent = [count * means[number] for count, number in zip(counts, numbers, strict=True)]
            most = CHEAP * sum(spent) / total
            for number in numbers:
                self.cheap[number] = means[number] <= most

    def forget(self, number: int) -> None:
        """This class is another one now."""
        self.means[number] = 0.0
        self.doubts[number] = 1.0
        self.cheap[number] = True

    def _fit(self, models: Sequence[EndpointModel], number: int, noise: float) -> None:
        total = weights = squares = unsure = 0.0
        known = 0
        for model in models:
            count = model.count[number]
            if count:
                seconds = model.raw[number] * model.speed
                weight = count if count < 20.0 else 20.0
                total += weight * seconds
                squares += weight * seconds * seconds
                weights += weight
                unsure += weight / min(count, MOST_KNOWN)
                known += 1
        if not known:
            return
        self.means[number] = mean = total / weights
        if known < 2 or mean <= 0.0:
            self.doubts[number] = 1.0
            return
        between = (squares / weights / (mean * mean) - 1.0) * known / (known - 1.0)
        between = max(between - noise * unsure / weights, (1.0 - MOST_CHANCE) * between)
        self.doubts[number] = min(noise / max(between, LEAST_BETWEEN), MOST_KNOWN)

    def expected_rate(self, model: EndpointModel) -> float:
        """Jobs per second at an endpoint under the policy that is improved upon."""
        if self.capacity == inf:
            return model.rate
        share = model.servers / (model.mean * model.speed) / self.capacity
        return SPLIT * self.rate * share + (1.0 - SPLIT) * model.rate


def _together(models: Sequence[EndpointModel], noise: float) -> float:
    """Servers as if all were one, while hardly anybody's own curve shows them; 0 if that does not
    either."""
    samples = [0.0] * BINS
    stays = [0.0] * BINS
    for model in models:
        mean, waited = model.mean, model.waited
        for bin, count in enumerate(model.wait_count):
            if count:
                stay = waited[bin] / mean + 1.0
                samples[bin] += count
                stays[bin] += count * (SHORTEST if stay < SHORTEST else stay)
    rows = [
        (STAYING[bin], count, stays[bin] / count)
        for bin, count in enumerate(samples)
        if count >= 1.0
    ]
    bend = bend_of(rows, noise, 0.0, 0.0)
    return 0.0 if bend is None else bend.servers
