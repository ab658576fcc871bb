"""The registry."""

import random

import pytest

from config.schema import Settings
from load_balancer.strategies import build, names
from load_balancer.strategies.peak_ewma import PeakEwma
from rl.q_learning import QLearning

pytestmark = pytest.mark.unit


def test_every_strategy_has_its_name() -> None:
    assert (
        "round_robin",
        "random",
        "least_request",
        "power_of_two",
        "peak_ewma",
        "q_learning",
        "q_routing",
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


def test_an_unknown_strategy_is_named_with_the_nearest_one() -> None:
    with pytest.raises(ValueError, match=r"unknown strategy 'round-robin'.*'round_robin'"):
        build("round-robin", Settings(), random.Random(1))
    with pytest.raises(ValueError, match=r"unknown strategy 'zzz'; valid: least_request, "):
        build("zzz", Settings(), random.Random(1))
