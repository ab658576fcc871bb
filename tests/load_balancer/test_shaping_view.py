"""What is counted of rules and clients, as it is."""

import random

import pytest

from config.shaping import Shaping
from load_balancer.shaping.shaper import Shaper
from load_balancer.shaping_view import seen_of

pytestmark = pytest.mark.unit


def test_without_rules_there_is_nothing_to_see() -> None:
    assert seen_of(None) is None


def test_clients_are_summed_up_by_their_rule() -> None:
    wanted = Shaping.model_validate({"rules": [{"name": "r", "in_flight": 1}, {"name": "s"}]})
    held = Shaper(wanted, random.Random(0))
    for address in ("10.0.0.1", "10.0.0.1", "10.0.0.2"):
        found = held.recogniser.find(address, "/", [], "")
        assert found is not None
        held.admit(found, 0.0, [])

    seen = seen_of(held)

    assert seen is not None
    assert (2, 1, 2) == (seen.rules["r"].in_flight, seen.rules["r"].waiting, seen.clients)
    assert (2, 1) == (seen.rules["r"].passed, seen.rules["r"].delayed)
    assert 0 == seen.rules["s"].passed
