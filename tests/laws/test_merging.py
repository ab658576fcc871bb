"""The laws of every learner that can be merged among workers (``rl/merging.py``)."""

import json
import random

import pytest

from load_balancer.strategies import names
from rl.merging import Mergeable
from rl.vocabulary import Parameters
from tests.laws.driver import policy_of
from tests.laws.test_every_policy import warm

pytestmark = pytest.mark.unit

MERGEABLE = tuple(name for name in names() if isinstance(policy_of(name), Mergeable))
EACH = pytest.mark.parametrize("name", MERGEABLE)


def taught(name: str, seed: int) -> Mergeable:
    policy = warm(name, random.Random(seed)).policy
    assert isinstance(policy, Mergeable)
    return policy


def through_json(parameters: Parameters) -> Parameters:
    """As it travels between processes."""
    found: Parameters = json.loads(json.dumps(parameters, allow_nan=False))
    return found


def test_there_is_one() -> None:
    assert {"q_learning", "q_routing"} <= {*MERGEABLE}


@EACH
def test_what_is_merged_can_be_loaded(name: str) -> None:
    one, two = taught(name, 1), taught(name, 2)
    merged = through_json(one.merged(None, [one.parameters(), two.parameters()]))
    one.load(merged)
    assert merged == through_json(one.parameters())


@EACH
def test_with_nothing_new_nothing_changes(name: str) -> None:
    """Workers that saw no request since the last merge leave it as it was, for ever."""
    one, two = taught(name, 1), taught(name, 2)
    base = through_json(one.merged(None, [one.parameters(), two.parameters()]))
    for _ in range(3):
        again = through_json(one.merged(base, [base, base]))
        assert again == base
        base = again


@EACH
def test_one_who_learned_nothing_takes_nothing_away(name: str) -> None:
    one, idle = taught(name, 1), policy_of(name)
    assert isinstance(idle, Mergeable)
    parameters = through_json(one.parameters())
    merged = through_json(one.merged(None, [parameters, idle.parameters()]))
    assert merged == parameters


@EACH
def test_neither_base_nor_parts_are_changed(name: str) -> None:
    one, two = taught(name, 1), taught(name, 2)
    parts = [one.parameters(), two.parameters()]
    before = json.dumps(parts)
    one.merged(parts[0], parts)
    assert before == json.dumps(parts)
