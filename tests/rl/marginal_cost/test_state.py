import copy
import json
import random
from math import inf
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rl.marginal_cost.knowledge import Knowledge
from rl.marginal_cost.policy import MarginalCost, MarginalCostParameters
from rl.marginal_cost.state import read, written
from rl.vocabulary import Parameters
from tests.rl.marginal_cost.test_policy import Scene

pytestmark = pytest.mark.unit


def stored(ids: str = "abc") -> dict[str, Any]:
    """What a policy knows after two kinds of requests."""
    scene = Scene(ids, slots=4)
    scene.run(
        1500,
        60,
        lambda id, request: scene.dice.uniform(0.02, 0.04) * (4 if "r" in request.path else 1),
        lambda number: f"report/{number}" if number % 3 else f"page/{number}",
    )
    # The counts of request classes are bounded when they are loaded.
    scene.policy.load(scene.policy.parameters())
    found: dict[str, Any] = json.loads(json.dumps(scene.policy.parameters(), allow_nan=False))
    return found


STORED = stored()


def test_all_of_it_comes_back() -> None:
    knowledge = read(STORED, Knowledge(16), 100)

    assert written(knowledge) == STORED
    assert 3 == len(knowledge.models)
    assert knowledge.models["a"].heard_at == -inf  # clocks differ
    assert knowledge.models["a"].relative[0] > 0.0


def test_of_too_many_endpoints_the_last_are_kept() -> None:
    assert ["b", "c"] == list(read(STORED, Knowledge(16), 2).models)


def test_whatever_is_stored_there_is_room_for_the_costs_of_all_classes() -> None:
    found = copy.deepcopy(STORED)
    found["used"] = 1
    knowledge = read(found, Knowledge(16), 100)

    assert [0, 1] == knowledge.classes.numbers()
    assert 2 == knowledge.used == len(knowledge.models["a"].costs)


def test_another_number_of_classes_is_refused() -> None:
    with pytest.raises(ValueError, match="must hold 8 items, not 16"):
        read(STORED, Knowledge(8), 100)


@pytest.mark.parametrize(
    ("place", "value", "named"),
    [
        (("unit",), 0, "unit"),
        (("used",), 17, "used"),
        (("classes",), 3, "classes"),
        (("classes", "version"), 9, "classes.version"),
        (("fleet", "pooled"), -1, "fleet.pooled"),
        (("factors", 3, "factor"), [], "factors\\[3\\].factor"),
        (("endpoints", 0, "id"), 5, "endpoints\\[0\\].id"),
        (("endpoints", 1, "id"), "a", "endpoints\\[1\\].id"),
        (("endpoints", 1, "completions"), 0, "endpoints\\[1\\].completions"),
        (("endpoints", 0, "speed"), 0.0, "endpoints\\[0\\].speed"),
        (("endpoints", 0, "wait", 3), -0.1, "endpoints\\[0\\].wait\\[3\\]"),
        (("endpoints", 0, "servers"), 0, "endpoints\\[0\\].servers"),
        (("endpoints", 2, "drift"), [1.0], "endpoints\\[2\\].drift"),
        (("newcomer", "mean"), "x", "newcomer.mean"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_changes(
    place: tuple[str | int, ...], value: object, named: str
) -> None:
    bad = copy.deepcopy(STORED)
    at: Any = bad
    for step in place[:-1]:
        at = at[step]
    at[place[-1]] = value
    policy = MarginalCost(MarginalCostParameters(), random.Random(1))
    policy.load(STORED)
    with pytest.raises(ValueError, match=named):
        policy.load(bad)

    assert policy.parameters() == STORED


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_anything_in_any_place_is_taken_or_refused(data: st.DataObject) -> None:
    """A ValueError or a policy that still works; nothing else."""
    bad = copy.deepcopy(STORED)
    at: Any = bad
    while True:
        key = data.draw(st.sampled_from(sorted(at) if isinstance(at, dict) else range(len(at))))
        if isinstance(at[key], dict | list) and at[key] and data.draw(st.booleans()):
            at = at[key]
            continue
        at[key] = data.draw(
            st.one_of(st.none(), st.floats(), st.integers(-1, 5), st.just([]), st.text(max_size=2))
        )
        break
    policy = MarginalCost(MarginalCostParameters(), random.Random(1))
    try:
        policy.load(bad)
    except ValueError:
        return
    again: Parameters = json.loads(json.dumps(policy.parameters(), allow_nan=False))
    policy.load(again)
