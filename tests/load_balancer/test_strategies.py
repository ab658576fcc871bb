"""The registry."""

import random

import pytest

from config.schema import Settings
from load_balancer.strategies import build, names
from load_balancer.strategies.peak_ewma import PeakEwma
from rl.q_learning import QLearning
from rl.vocabulary import Endpoint, EndpointStats, Observation, RequestContext

pytestmark = pytest.mark.unit


def test_every_strategy_has_its_name() -> None:
    assert (
        "round_robin",
        "weighted_round_robin",
        "random",
        "least_request",
        "power_of_two",
        "peak_ewma",
        "prequal",
        "bounded_hash",
        "client_weighted",
        "q_learning",
        "q_routing",
        "marginal_cost",
        "ucb",
        "thompson",
    ) == names()


@pytest.mark.parametrize("name", names())
def test_each_build_is_a_new_policy(name: str) -> None:
    """What one node learns is not known to another."""
    settings = Settings()

    assert build(name, settings, random.Random(1)) is not build(name, settings, random.Random(1))


def test_a_strategy_gets_its_own_parameters() -> None:
    settings = Settings.model_validate(
        {
            "strategies": {"peak_ewma": {"decay_seconds": 3.0, "failure_seconds": 2.0}},
            "q_learning": {"exploration_rate": 0.25},
        }
    )
    learner = build("q_learning", settings, random.Random(1))

    assert isinstance(build("peak_ewma", settings, random.Random(1)), PeakEwma)
    assert isinstance(learner, QLearning)
    assert 0.25 == learner.parameters()["epsilon"]


def test_peak_ewma_looks_at_all_or_at_two() -> None:
    """By ``full_scan``; the number only counts without it."""
    seen = [EndpointStats(Endpoint(id, "h", 80)) for id in "abc"]
    for number, stats in enumerate(seen):
        stats.in_flight = number
        stats.latency = 0.1
    observation = Observation(RequestContext(), seen, 0.0)
    for full_scan, chosen in ((True, {0}), (False, {0, 1})):
        settings = Settings.model_validate(
            {"strategies": {"peak_ewma": {"full_scan": full_scan, "choices": 2}}}
        )
        policy = build("peak_ewma", settings, random.Random(1))
        assert chosen == {policy.select(observation).index for _ in range(50)}


def test_an_unknown_strategy_is_named_with_the_nearest_one() -> None:
    with pytest.raises(ValueError, match=r"unknown strategy 'round-robin'.*'round_robin'"):
        build("round-robin", Settings(), random.Random(1))
    with pytest.raises(ValueError, match=r"unknown strategy 'zzz'; valid: bounded_hash, "):
        build("zzz", Settings(), random.Random(1))
