"""What a strategy's policy can do, as the node asks for it once and not for each request."""

import random

import pytest

from load_balancer.attempt import Attempt, Strategy
from load_balancer.strategies.least_request import LeastRequest
from load_balancer.strategies.peak_ewma import PeakEwma
from load_balancer.strategies.prequal import Prequal
from metrics.counters import Counters
from rl.q_routing import QRouting, QRoutingParameters
from rl.vocabulary import Decision, Endpoint, EndpointStats, RequestContext

pytestmark = pytest.mark.unit

DICE = random.Random(1)


def test_what_a_policy_cannot_do_is_none() -> None:
    plain = Strategy("least_request", LeastRequest(DICE))
    assert (None, None, None) == (plain.observe, plain.advertised, plain.prober)


def test_what_it_can_do_is_its_own() -> None:
    ewma = PeakEwma(10.0, 5.0, DICE)
    assert ewma.observe == Strategy("peak_ewma", ewma).observe
    routing = QRouting(QRoutingParameters(), DICE)
    assert routing.advertised == Strategy("q_routing", routing).advertised
    prequal = Prequal(0.84, 3.0, 16, 1.0, 1.0, DICE)
    strategy = Strategy("prequal", prequal)
    assert strategy.prober is prequal
    assert strategy.observe is None


def test_an_attempt_begins_unfinished() -> None:
    stats = EndpointStats(Endpoint("a", "h", 80))
    strategy = Strategy("least_request", LeastRequest(DICE))
    series = Counters().series("least_request", "a")
    attempt = Attempt(RequestContext(), "id", strategy, stats, Decision(0), series, 1.5, 2)
    assert (False, 1.5, 2, "id") == (
        attempt.over,
        attempt.started,
        attempt.number,
        attempt.request_id,
    )
