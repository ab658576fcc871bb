"""Turns of requests."""

import pytest

from config.shaping import Rule
from load_balancer.shaping.clients import Client, Tally
from load_balancer.shaping.turns import Stage, Turn

pytestmark = pytest.mark.unit


def test_a_refused_turn_says_why_and_when_to_come_again() -> None:
    turn = Turn(Client("c", Rule(name="r"), Tally(), 0.0), 3, 7.0)
    assert (Stage.PASSED, 7.0, 7.0, 0.0) == (turn.stage, turn.since, turn.until, turn.charged)

    turn.refuse("rate_limited", 2)

    assert (Stage.REFUSED, "rate_limited", 2) == (turn.stage, turn.label, turn.retry_after)
