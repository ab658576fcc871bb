"""Rewards by name."""

import math

import pytest

from rl.reward import RewardParameters, build
from rl.vocabulary import Outcome, Verdict

pytestmark = pytest.mark.unit


def test_the_default_is_minus_milliseconds_over_ten() -> None:
    """Document 003's reward, the same from its formula and from our unit, seconds."""
    reward = build(RewardParameters())

    assert pytest.approx(-75 / 10) == reward(Outcome(Verdict.SUCCESS, 0.075, 200))


def test_scale_is_reward_per_second() -> None:
    assert -0.5 == build(RewardParameters(scale=2.0))(Outcome(Verdict.SUCCESS, 0.25, 200))


@pytest.mark.parametrize("latency", [0.0, 0.001, 30.0, math.inf])
def test_a_failure_costs_the_penalty_whatever_its_latency(latency: float) -> None:
    """A server that refuses at once must not look fast, nor one that times out hopeless."""
    assert -1000.0 == build(RewardParameters())(Outcome(Verdict.FAILURE, latency, 500))


def test_the_penalty_is_a_setting() -> None:
    reward = build(RewardParameters(failure_penalty=-7.0))

    assert -7.0 == reward(Outcome(Verdict.FAILURE, 0.001))


@pytest.mark.parametrize("scale", [0.0, -1.0, math.nan, math.inf])
def test_a_scale_that_rewards_slowness_or_nothing_is_refused(scale: float) -> None:
    with pytest.raises(ValueError, match="scale must be"):
        RewardParameters(scale=scale)


@pytest.mark.parametrize("penalty", [0.1, math.nan, -math.inf])
def test_a_penalty_that_pays_for_failing_is_refused(penalty: float) -> None:
    with pytest.raises(ValueError, match="failure_penalty must be"):
        RewardParameters(failure_penalty=penalty)


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(ValueError, match="name must be one of latency, not 'bandwidth'"):
        RewardParameters(name="bandwidth")  # type: ignore[arg-type]
