import random

import pytest

from rl.marginal_cost.failing import Failing

pytestmark = pytest.mark.unit


def test_nothing_seen_is_the_fleets_mean() -> None:
    assert Failing().expected(0.01) == pytest.approx(0.01)


def test_a_share_of_failures_costs_that_share() -> None:
    failing = Failing()
    for number in range(1000):
        if number % 10:
            failing.succeeded()
        else:
            failing.failed(1.0)

    assert failing.expected(0.1) == pytest.approx(0.1, rel=0.25)


def test_after_certain_failure_two_successes_are_proof() -> None:
    failing = Failing()
    for _ in range(200):
        failing.succeeded()
    for _ in range(15):
        failing.failed(1.0)
    assert failing.expected(0.0) > 0.2
    failing.succeeded()
    assert failing.expected(0.0) > 0.2
    failing.succeeded()

    assert failing.expected(0.0) == 0.0


def test_at_three_failures_in_ten_a_few_successes_prove_nothing() -> None:
    """The end is believed in falsely after few of many requests only."""
    dice = random.Random(4)
    failing, ends = Failing(), 0
    for _ in range(1000):
        if dice.random() < 0.3:
            failing.failed(1.0)
        else:
            before = failing.trials
            failing.succeeded()
            ends += failing.trials < before

    assert ends < 60
