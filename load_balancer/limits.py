"""How many requests an endpoint may have in flight: a fixed number, or one that is learned.

The limit stands in ``EndpointStats.limit``, where everybody can read it; who is full is no
candidate. Knows no clock: the learned limit moves with answers, not with time.

The learned one follows a gradient between a long and a short memory of the latency, in the form of
Netflix's concurrency-limits (class ``Gradient2Limit``) and in the family of TCP Vegas (Brakmo and
Peterson 1995). Per answer, with the long mean L, the short mean l and the limit n,

    gradient = max(1/2, tolerance * L / l)
    n <- n + smoothing * allowance            while the gradient is 1 or more
    n <- n * (1 - smoothing * (1 - gradient)) below

so that it grows while the latency stays near its mean, and shrinks in proportion when requests
begin to queue at the endpoint. A failure counts as the lowest gradient: an endpoint that sheds load
must not look fast. Only answers that came while the endpoint had at least half its limit in flight
move it: an idle one says nothing of how much it can bear.

The long mean differs from Netflix's. One that simply follows takes an overload that lasts for
normal in the end, and the limit creeps up without bound (seen: 12 slots, a limit above 900 after
2,000 answers). Here it follows upwards only while the endpoint is not busy or its limit is at the
minimum, where no queue is of our making; so it stands for the latency without a queue, as does the
minimum that Envoy's adaptive concurrency filter goes and measures at a concurrency of 3. A latency
that rose for good brings the limit down to the minimum, there becomes the new normal, and the limit
rises again.
"""

from __future__ import annotations

from collections.abc import Sequence

from config.balancer import Admission
from metrics.table import EndpointTable
from rl.vocabulary import EndpointStats, Outcome, Verdict

LOWEST_GRADIENT = 0.5
SHORT_SAMPLES = 10
"""As many samples make the short mean, and at first, plainly, the long one."""
RECOVERY = 0.95
"""What the long mean is multiplied with while it is more than twice the short one: it remembers a
bad time that is over."""


def with_room(candidates: Sequence[EndpointStats]) -> Sequence[EndpointStats]:
    """Those below their limit; the very same object if all are."""
    for each in candidates:
        if each.in_flight >= each.limit:
            return [each for each in candidates if each.in_flight < each.limit]
    return candidates


class _Gradient:
    """One endpoint's limit, and its long and short mean latency in seconds."""

    __slots__ = ("limit", "long", "samples", "short", "stats")

    def __init__(self, stats: EndpointStats, limit: float) -> None:
        self.stats = stats
        self.limit = limit
        self.long = 0.0
        self.short = 0.0
        self.samples = 0

    def remember(self, latency: float, long_samples: int, unforced: bool) -> None:
        """One more sample.

        Args:
            unforced: no queue of our making is in it.
        """
        if self.samples < SHORT_SAMPLES:
            self.samples += 1
            self.short += (latency - self.short) / self.samples
            self.long = self.short
            return
        self.short += 2.0 / (SHORT_SAMPLES + 1) * (latency - self.short)
        if unforced or self.short < self.long:
            self.long += 2.0 / (long_samples + 1) * (self.short - self.long)
        if self.long > 2.0 * self.short:
            self.long *= RECOVERY


class EndpointLimits:
    """Writes the limits of one node's endpoints.

    Attributes:
        settings: as given.
        learns: answers change them; who asks need not call ``completed`` otherwise.
    """

    __slots__ = (
        "_adaptive",
        "_fixed",
        "_gradients",
        "_highest",
        "_lowest",
        "_table",
        "learns",
        "settings",
    )

    def __init__(self, settings: Admission, table: EndpointTable) -> None:
        self.settings = settings
        fixed = settings.requests_per_endpoint
        self._fixed = float("inf") if fixed is None else float(fixed)
        self._adaptive = settings.adaptive
        self._highest = min(float(settings.adaptive.maximum), self._fixed)
        self._lowest = min(float(settings.adaptive.minimum), self._highest)
        self._table = table
        self._gradients: dict[str, _Gradient] = {}
        self.learns = settings.adaptive.enabled

    def cover(self, endpoints: Sequence[EndpointStats]) -> None:
        """Give those that have no limit yet the one to begin with."""
        first = self._fixed
        if self.learns:
            first = min(first, float(self._adaptive.initial))
        for stats in endpoints:
            if stats.limit == float("inf"):
                self._table.set_limit(stats, first)

    def completed(self, stats: EndpointStats, outcome: Outcome) -> None:
        """An answer, or what came instead, that ``table`` has counted already; never IGNORED."""
        settings = self._adaptive
        gradient = self._gradients.get(stats.id)
        if gradient is None or gradient.stats is not stats:
            gradient = self._begin(stats)
            if gradient is None:
                return
        limit = gradient.limit
        busy = 2 * (stats.in_flight + 1) >= limit
        if outcome.verdict is Verdict.FAILURE:
            if busy:
                self._move(gradient, LOWEST_GRADIENT * limit)
            return
        # A clock that stood still must not divide by nothing.
        latency = max(outcome.latency, 1e-6)
        gradient.remember(latency, settings.long_samples, not busy or limit <= self._lowest)
        if busy:
            slope = max(LOWEST_GRADIENT, settings.tolerance * gradient.long / gradient.short)
            target = slope * limit if slope < 1.0 else limit + settings.allowance
            self._move(gradient, target)

    def forget(self, id: str) -> None:
        """This endpoint is no more."""
        self._gradients.pop(id, None)

    def _begin(self, stats: EndpointStats) -> _Gradient | None:
        try:
            if self._table[stats.id] is not stats:
                return None
        except KeyError:
            return None
        begun = self._gradients[stats.id] = _Gradient(stats, stats.limit)
        return begun

    def _move(self, gradient: _Gradient, target: float) -> None:
        limit = gradient.limit + self._adaptive.smoothing * (target - gradient.limit)
        gradient.limit = min(self._highest, max(self._lowest, limit))
        self._table.set_limit(gradient.stats, float(int(gradient.limit)))


def limits_of(settings: Admission, table: EndpointTable) -> EndpointLimits | None:
    """The limits as configured; None if there are none."""
    if settings.requests_per_endpoint is None and not settings.adaptive.enabled:
        return None
    return EndpointLimits(settings, table)
