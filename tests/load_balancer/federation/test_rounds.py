"""The coordinator's side: rounds, and who was in them."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from typing import Any

import pytest

from load_balancer.federation.rounds import (
    MOST_IDLE_ROUNDS,
    MOST_NAMES,
    UNKNOWN,
    Rounds,
    Stale,
)
from rl.federated.terms import Terms
from rl.merging import Mergeable
from rl.vocabulary import Decision, Observation, Parameters, Transition
from tests.load_balancer.federation.stage import agent

pytestmark = pytest.mark.unit


class Adding:
    """A learner that alone understands its parameters: {"sum": n}."""

    def parameters(self) -> Parameters:
        return {"sum": 0}

    def load(self, parameters: Any) -> None:
        raise NotImplementedError

    def select(self, observation: Observation) -> Decision:
        raise NotImplementedError

    def observe(self, transition: Transition) -> None:
        raise NotImplementedError

    def merged(self, base: Parameters | None, learned: Sequence[Parameters]) -> Parameters:
        if any("sum" not in each for each in learned):
            raise ValueError("sum: is missing")
        return {"sum": sum(int(str(each["sum"])) for each in learned)}


def learners(name: str) -> Mergeable | None:
    return Adding() if name == "adding" else None


def rounds(least_sites: int = 1, **terms: Any) -> Rounds:
    wanted = Terms(**{"clip_ratio": None, **terms})
    return Rounds("run", "own", ["a", "b"], least_sites, wanted, random.Random(1), learners)


def offer(state: Rounds, site: str, **parameters: Any) -> None:
    state.receive(site, state.run, state.round, f"{site} {state.round}", state.examine(parameters))


def close(state: Rounds) -> None:
    work = state.close()
    assert work is not None
    state.finish(work, work.done())


def test_a_round_makes_the_next_ones_base() -> None:
    state = rounds()
    offer(state, "own", x=agent(0.0))
    close(state)
    offer(state, "a", x=agent(3.0, experience=3))
    offer(state, "b", x=agent(0.0, experience=1))
    close(state)

    assert [2.25] == json.loads(state.body)["x"]["arrays"]["weight"]
    assert 3 == state.round
    assert {"x": "a 2"} == state.sites["a"].included
    assert (1, 1, 2) == tuple(
        getattr(state.sites["a"], name) for name in ("merged", "missed", "round")
    )


def test_a_later_offer_takes_the_place_of_an_earlier_one() -> None:
    state = rounds()
    offer(state, "own", x=agent(0.0))
    close(state)
    for weight in (100.0, 4.0):
        offer(state, "a", x=agent(weight, experience=1))
    close(state)

    assert [4.0] == json.loads(state.body)["x"]["arrays"]["weight"]


@pytest.mark.parametrize(("run", "number"), [("other", 1), ("run", 0), ("run", 2)])
def test_an_offer_for_another_round_is_stale(run: str, number: int) -> None:
    state = rounds()

    with pytest.raises(Stale):
        state.receive("a", run, number, "id", state.examine({"x": agent(1.0)}))


def test_while_a_round_is_closed_nothing_is_taken() -> None:
    state = rounds()
    offer(state, "a", x=agent(1.0))
    work = state.close()

    with pytest.raises(Stale):
        offer(state, "b", x=agent(1.0))
    assert state.close() is None
    assert work is not None
    state.abandon()
    assert [] == state.offered
    offer(state, "b", x=agent(1.0))


def test_what_does_not_fit_is_left_out_and_the_rest_taken() -> None:
    state = rounds()

    found = state.examine({"x": agent(1.0), "bad": agent(float("nan")), "worse": 3, "strange": {}})

    assert ["x"] == list(found.fitting)
    assert {
        "bad": "arrays.weight: must hold finite numbers only",
        "worse": "must hold keys and values",
        "strange": UNKNOWN,
    } == found.refused


def test_learners_that_know_themselves_merge_themselves() -> None:
    state = rounds()

    offer(state, "a", adding={"sum": 2})
    offer(state, "b", adding={"sum": 3})
    assert {"adding": "sum: is missing"} == state.examine({"adding": {}}).refused
    close(state)

    assert {"adding": {"sum": 5}} == json.loads(state.body)


def test_another_shape_than_the_others_have_is_named_when_the_round_is_closed() -> None:
    state = rounds()
    offer(state, "own", x=agent(1.0))
    offer(state, "a", x=agent(1.0))
    offer(state, "b", x=agent(1.0, 2.0))
    close(state)

    tally = state.sites["b"]
    assert (1, 0, 1) == (tally.refused, tally.merged, tally.missed)
    assert tally.refusal["x"].startswith("arrays.weight: has the shape (2,)")


def test_an_offer_that_cannot_be_read_is_counted() -> None:
    state = rounds()
    state.refuse("a", "body: is not JSON")

    tally = state.sites["a"]
    assert (1, 1, {"": "body: is not JSON"}) == (tally.offers, tally.refused, tally.refusal)


def test_names_are_few_and_short() -> None:
    state = rounds()

    with pytest.raises(ValueError, match="there may be 1000 learners"):
        state.examine({str(number): {} for number in range(MOST_NAMES + 1)})
    with pytest.raises(ValueError, match="a name may have"):
        state.examine({"x" * 301: {}})


def test_a_learner_that_nobody_has_any_more_is_forgotten() -> None:
    state = rounds()
    offer(state, "a", gone=agent(1.0), x=agent(1.0))
    close(state)
    for _ in range(MOST_IDLE_ROUNDS):
        offer(state, "a", x=agent(1.0))
        close(state)
    assert ["gone", "x"] == state.names

    offer(state, "a", x=agent(1.0))
    close(state)

    assert ["x"] == state.names
    assert ["x"] == list(state.sites["a"].included)
