"""Rewards by name."""

import math

import pytest

from rl.reward import RewardParameters, build
from rl.vocabulary import Event, Outcome, Verdict

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
    with pytest.raises(
        ValueError, match="name must be one of latency, proxy_network, not 'bandwidth'"
    ):
        RewardParameters(name="bandwidth")  # type: ignore[arg-type]


def test_a_refusal_is_none_the_better_for_its_status() -> None:
    """429 is no failure; what the node tells is."""
    reward = build(RewardParameters(scale=100.0, failure_penalty=-1000.0))
    told = reward.realised(Event.NO_SERVICE, 0.001, 0.0)

    assert -1000.0 == reward(Outcome(Verdict.SUCCESS, 0.002, 429, 0.0, told))
    assert -0.2 == reward(Outcome(Verdict.SUCCESS, 0.002, 200, 0.0, -0.1))


# What the next proxy node answers for.


def test_the_seconds_of_the_next_node_are_in_its_value_and_paid_once() -> None:
    """Of 80 ms the node midway says it took 75 itself: 5 are the hop's, the rest is its ``Q``."""
    reward = build(RewardParameters())

    assert pytest.approx(-0.5) == reward(Outcome(Verdict.SUCCESS, 0.080, 200, -8.0, -7.5))


def test_where_the_way_ends_the_whole_latency_counts() -> None:
    """``Q: 0`` of an edge or a cache: nobody else pays for those seconds."""
    reward = build(RewardParameters())

    assert pytest.approx(-8.0) == reward(Outcome(Verdict.SUCCESS, 0.080, 200, 0.0, -7.5))


def test_without_both_headers_the_whole_latency_counts() -> None:
    reward = build(RewardParameters())

    assert pytest.approx(-8.0) == reward(Outcome(Verdict.SUCCESS, 0.080, 200, None, -7.5))
    assert pytest.approx(-8.0) == reward(Outcome(Verdict.SUCCESS, 0.080, 200, -7.5, None))


def test_no_node_earns_by_saying_that_it_took_longer_than_it_did() -> None:
    assert 0.0 == build(RewardParameters())(Outcome(Verdict.SUCCESS, 0.080, 200, -8.0, -1e6))


def test_a_failure_that_was_passed_on_is_not_charged_twice() -> None:
    """The node that says so has learned of it: its value tells."""
    reward = build(RewardParameters())

    assert pytest.approx(-0.5) == reward(Outcome(Verdict.FAILURE, 0.080, 503, -100.0, -7.5))


def test_a_refusal_costs_the_penalty() -> None:
    """A node that refuses says 0 and its own penalty, which may be another one than ours."""
    reward = build(RewardParameters())

    assert -1000.0 == reward(Outcome(Verdict.FAILURE, 0.002, 503, 0.0, -1000.0))
    assert -1000.0 == reward(Outcome(Verdict.FAILURE, 0.002, 503, 0.0, -500.0))


def test_a_failure_by_way_of_a_node_that_knows_an_untried_way_is_no_refusal() -> None:
    reward = build(RewardParameters())

    assert pytest.approx(-8.0) == reward(Outcome(Verdict.FAILURE, 0.080, 503, 0.0, -7.5))


@pytest.mark.parametrize(
    ("event", "realised"),
    [
        (Event.END_POINT, -5.0),
        (Event.CACHE_HIT, -5.0),
        (Event.MIDWAY, -5.0),
        (Event.NO_SERVICE, -1000.0),
    ],
)
def test_latency_is_realised_whatever_the_load(event: Event, realised: float) -> None:
    assert realised == build(RewardParameters()).realised(event, 0.05, 70.0)


# Document 000's.

DOCUMENT = RewardParameters(name="proxy_network")


@pytest.mark.parametrize(
    ("event", "realised"),
    [
        (Event.END_POINT, 500.0),
        (Event.CACHE_HIT, 500.0),
        (Event.MIDWAY, -70.0),
        (Event.NO_SERVICE, -500.0),
    ],
)
def test_the_documents_rewards(event: Event, realised: float) -> None:
    assert realised == build(DOCUMENT).realised(event, 0.05, 70.0)


def test_seconds_on_the_wire_or_plain_numbers() -> None:
    assert 100.0 == build(RewardParameters()).scale
    assert 1.0 == build(DOCUMENT).scale


def test_the_next_node_says_what_it_realised() -> None:
    assert -70.0 == build(DOCUMENT)(Outcome(Verdict.SUCCESS, 0.05, 200, 400.0, -70.0))
    assert -70.0 == build(DOCUMENT)(Outcome(Verdict.FAILURE, 0.05, 501, -50.0, -70.0))


def test_an_origin_says_nothing_and_is_the_end_of_the_way() -> None:
    reward = build(DOCUMENT)

    assert 500.0 == reward(Outcome(Verdict.SUCCESS, 0.05, 200))
    assert -500.0 == reward(Outcome(Verdict.FAILURE, 0.05, 500))


def test_the_documents_rewards_are_settings() -> None:
    reward = build(
        RewardParameters(name="proxy_network", end_point=3.0, cache_hit=2.0, no_service=-1.0)
    )

    assert [3.0, 2.0, -1.0] == [
        reward.realised(event, 0.0, 0.0)
        for event in (Event.END_POINT, Event.CACHE_HIT, Event.NO_SERVICE)
    ]


@pytest.mark.parametrize(
    ("key", "value"),
    [("end_point", -1.0), ("cache_hit", math.inf), ("no_service", 1.0), ("no_service", math.nan)],
)
def test_a_reward_of_the_wrong_sign_is_refused(key: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"{key} must be"):
        RewardParameters(**{key: value})  # type: ignore[arg-type]
