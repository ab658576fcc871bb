"""A site's side: what it goes on with."""

from __future__ import annotations

from typing import Any

import pytest

from load_balancer.federation.memory import KEPT_OFFERS, Memory, Model
from load_balancer.federation.rounds import UNKNOWN
from tests.load_balancer.federation.stage import agent
from tests.load_balancer.federation.test_rounds import learners

pytestmark = pytest.mark.unit


def weight(parameters: Any) -> float:
    (found,) = parameters["x"]["arrays"]["weight"]
    return float(found)


def model(round: int, weight: float, experience: int = 10, **included: str) -> Model:
    return Model("run", round, {"x": agent(weight, experience=experience)}, included)


def test_what_was_learned_since_the_offer_that_is_in_it_is_added() -> None:
    memory = Memory("life", learners)
    first = memory.offer({"x": agent(1.0, experience=1)})
    memory.offer({"x": agent(2.0, experience=2)})
    now = {"x": agent(5.0, experience=5)}

    assert 14.0 == weight(memory.join(model(2, 10.0, x=first), now).parameters)


def test_without_an_offer_in_it_all_since_the_last_round_is_added() -> None:
    memory = Memory("life", learners)
    memory.begin(model(1, 2.0, experience=0))
    id = memory.offer({"x": agent(3.0, experience=1)})
    now = {"x": agent(4.0, experience=2)}

    assert 12.0 == weight(memory.join(model(2, 10.0), now).parameters)
    # An id of before the round began says nothing any more.
    memory.begin(model(2, 10.0))
    assert 14.0 == weight(memory.join(model(3, 20.0, x=id), now).parameters)


def test_another_life_of_the_coordinator_is_begun_anew() -> None:
    memory = Memory("life", learners)
    memory.begin(model(7, 2.0))
    other = Model("another run", 1, {"x": agent(10.0)})

    assert 10.0 == weight(memory.join(other, {"x": agent(4.0)}).parameters)


def test_what_is_not_learned_here_is_handed_on_as_it_is() -> None:
    memory = Memory("life", learners)

    assert {"x": agent(10.0, experience=10)} == memory.join(model(1, 10.0), {}).parameters
    memory.begin(model(1, 10.0))
    assert ["x"] == memory.names


def test_what_does_not_fit_is_named() -> None:
    memory = Memory("life", learners)
    wanted: Any = {"x": agent(1.0, 2.0), "y": 3, "strange": {"a": 1}, "adding": {"sum": 4}}
    now: Any = {"x": agent(1.0), "y": {}, "strange": {}, "adding": {"sum": 1}}

    found = memory.join(Model("run", 1, wanted), now)

    assert {"adding": {"sum": 5}} == found.parameters
    assert "must hold keys and values" == found.refused["y"]
    assert UNKNOWN == found.refused["strange"]
    assert "arrays.weight" in found.refused["x"]


def test_few_offers_are_kept() -> None:
    memory = Memory("life", learners)
    ids = [memory.offer({"x": agent(float(n))}) for n in range(KEPT_OFFERS + 1)]
    now = {"x": agent(9.0)}

    assert len(set(ids)) == len(ids)
    assert 10.0 == weight(memory.join(model(1, 10.0, x=ids[0]), now).parameters)
    assert 18.0 == weight(memory.join(model(1, 10.0, x=ids[1]), now).parameters)
