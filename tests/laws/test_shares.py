"""An endpoint on its way back, and full endpoints, under every strategy there is.

The node hides endpoints from requests; no strategy knows of it. The node, the table and the health
are the real ones, in virtual time.
"""

import heapq
import random
from collections import Counter

import pytest

from config.balancer import Admission, Ejection, Probation, SlowStart
from load_balancer.health import Health
from load_balancer.limits import limits_of
from load_balancer.node import Attempt, Node, Strategy
from load_balancer.strategies import names
from metrics.counters import Counters
from metrics.table import EndpointTable
from rl.reward import RewardParameters, build
from rl.vocabulary import Endpoint, Outcome, RequestContext, Verdict
from tests.laws.driver import poisson, policy_of

pytestmark = pytest.mark.unit

EVERY = pytest.mark.parametrize("name", names())


class Traffic:
    """A node over four equal endpoints of 50 ms, and open-loop requests."""

    def __init__(
        self, name: str, slow_start: SlowStart | None = None, admission: Admission | None = None
    ) -> None:
        self.now = 1000.0
        self.table = EndpointTable(Endpoint(id, "h", 1) for id in "abcd")
        # On probation for all of the test.
        probation = Probation(share=0.1, successes=100_000)
        self.node = Node(
            self.table,
            Health(
                Ejection(seconds=3600.0), self.table, random.Random(1), None, probation, slow_start
            ),
            Strategy(name, policy_of(name)),
            build(RewardParameters()),
            Counters(),
            None,
            random.Random(2),
            limits_of(admission or Admission(), self.table),
        )
        self.refused = 0
        self._pending: list[tuple[float, int, Attempt]] = []

    def run(self, requests: int, rate: float, seconds: float = 0.05) -> Counter[str]:
        """How many each endpoint was sent."""
        sent: Counter[str] = Counter()
        gap = poisson(rate, 3)
        for number in range(requests):
            arrival = self.now + gap()
            while self._pending and self._pending[0][0] <= arrival:
                self._finish_next()
            self.now = arrival
            # Each asks for a page of its own.
            context = RequestContext(path=f"/{number}")
            attempt = self.node.route(context, str(number), self.now)
            if attempt is None:
                self.refused += 1
                continue
            sent[attempt.stats.id] += 1
            heapq.heappush(self._pending, (self.now + seconds, number, attempt))
            assert all(stats.in_flight <= stats.limit for stats in self.table.all)
        while self._pending:
            self._finish_next()
        return sent

    def _finish_next(self) -> None:
        self.now, _, attempt = heapq.heappop(self._pending)
        outcome = Outcome(Verdict.SUCCESS, self.now - attempt.started, 200)
        self.node.complete(attempt, outcome, self.now)


@EVERY
@pytest.mark.parametrize("rate", [40, 400])
def test_who_is_on_probation_gets_some_and_at_most_its_share(name: str, rate: float) -> None:
    """Of 4000 requests at most a tenth, give or take four deviations: however much a strategy likes
    an endpoint that is idle, or of which it knows nothing. And some, or it could prove nothing."""
    traffic = Traffic(name)
    traffic.run(500, rate)
    traffic.node.set_healthy(traffic.table["c"], False, traffic.now)
    traffic.run(500, rate)
    traffic.node.set_healthy(traffic.table["c"], True, traffic.now)
    sent = traffic.run(4000, rate)

    assert 0.1 == traffic.table["c"].share
    assert 10 <= sent["c"] <= 400 + 4 * (4000 * 0.1 * 0.9) ** 0.5
    assert min(sent[id] for id in "abd") > sent["c"]


@EVERY
def test_a_newcomer_that_starts_slowly_ends_with_as_much_as_the_others(name: str) -> None:
    """Within twice the fair share either way once it has warmed up; before that at most what it was
    shown to."""
    traffic = Traffic(name, SlowStart(seconds=10.0, minimum_share=0.05))
    traffic.run(500, 100)
    newcomer = traffic.table["c"]
    traffic.node.joined(newcomer, traffic.now)
    traffic.node.refresh()
    early = traffic.run(200, 100)
    traffic.run(1200, 100)
    late = traffic.run(2000, 100)

    assert early["c"] <= 200 * 0.2 + 4 * (200 * 0.2 * 0.8) ** 0.5
    assert 1.0 == newcomer.share
    if name != "q_learning":  # of equal endpoints it may like any, and learns slowly
        assert 2000 / 4 / 2 <= late["c"] <= 2000 / 4 * 2


@EVERY
@pytest.mark.parametrize("adaptive", [False, True])
def test_no_endpoint_ever_has_more_in_flight_than_its_limit(name: str, adaptive: bool) -> None:
    """With twice as many requests as they may take; ``run`` looks after each. What they may take
    they get."""
    admission = Admission.model_validate(
        {
            "requests_per_endpoint": 5,
            "adaptive": {"enabled": adaptive, "initial": 5, "minimum": 2, "maximum": 5},
        }
    )
    traffic = Traffic(name, admission=admission)
    sent = traffic.run(3000, 800)

    assert 3000 == traffic.refused + sum(sent.values())
    # 4 endpoints of 5 places of 50 ms are 400 requests per second of the 800.
    assert 0.45 <= traffic.refused / 3000 <= 0.6
    assert not any(stats.in_flight for stats in traffic.table.all)
