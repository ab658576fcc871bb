"""Nodes that learn, alone and together."""

from __future__ import annotations

from typing import Any

import pytest

from evaluation.federated import sites
from evaluation.federated.learning import (
    LARGEST_LIE,
    alone,
    learning_seed,
    together,
    turned_round,
)
from evaluation.federated.sites import Known, Manner, play
from evaluation.federated.traffic import NODES, drawn
from load_balancer.shaping.agent_pool import ANYBODY
from rl.federated.forms import read
from rl.federated.terms import Terms
from rl.vocabulary import JSON
from tests.evaluation.federated.made import states

pytestmark = pytest.mark.unit

DEEP = Manner("dqn", 0.1, updates=1)
UNBOUND = Terms(clip_ratio=None, most_share=1.0)
MEDIAN = Terms(method="median", clip_ratio=None)


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Episodes of some seconds."""

    def shorter(node: str, seed: int) -> Any:
        scenario, rules = drawn(node, seed)
        return scenario.shortened(0.07), rules

    monkeypatch.setattr(sites, "drawn", shorter)
    monkeypatch.setattr(sites, "FIRST_STEPS", 2)


def test_together_all_know_what_each_has_seen() -> None:
    known = together(1, 1, Terms())

    own = [play(node, learning_seed(1, 0), None, learns=True).known for node in NODES]
    for name in known["rush"]:
        everything = set().union(*(states(each)[name] for each in own))
        for node in NODES:
            assert everything == states(known[node])[name]


def test_alone_more_episodes_go_on_from_fewer() -> None:
    fewer, more = alone("rush", 1, (1, 2))

    assert [fewer] == alone("rush", 1, (1,))
    one, two = fewer["rule:interactive"], more["rule:interactive"]
    assert isinstance(one, dict) and isinstance(two, dict)
    assert int(str(one["experience"])) < int(str(two["experience"]))


def test_networks_are_averaged_from_the_first_round_on() -> None:
    """By the experience of each: none of them is simply taken over by all."""
    pytest.importorskip("torch")
    known = together(1, 1, Terms(clip_ratio=None), manner=DEEP)

    own = [alone(node, 1, (1,), DEEP)[0] for node in NODES]
    forms = [network(each) for each in own]
    whole = network(known["rush"])
    assert known["rush"] == known["batches"] == known["flood"]
    assert sum(form.experience for form in forms) == whole.experience
    mean = sum(form.values * form.experience for form in forms) / whole.experience
    assert mean == pytest.approx(whole.values, abs=1e-5)


def network(known: Known) -> Any:
    parameters: Any = known[ANYBODY]
    return read(parameters)


def test_the_poisoned_site_takes_part_and_bounds_hold_it() -> None:
    plain = together(1, 1, Terms())
    held = together(1, 1, MEDIAN, turned_round)
    unheld = together(1, 1, UNBOUND, turned_round)

    def worst(known: dict[str, Known]) -> float:
        found: Any = known["rush"]
        return max(
            abs(float(value))
            for parameters in found.values()
            for state in parameters["states"]
            for value in state["values"]
        )

    assert worst(unheld) > 10 * worst(plain)
    assert worst(held) < worst(unheld)


def test_the_poisoned_network_takes_part_and_bounds_hold_it() -> None:
    pytest.importorskip("torch")

    def worst(terms: Terms) -> float:
        return float(abs(network(together(1, 1, terms, turned_round, DEEP)["rush"]).values).max())

    unheld = worst(UNBOUND)
    assert unheld > 50 * worst(MEDIAN)
    assert unheld > 10 * worst(Terms())


def test_a_table_is_turned_round() -> None:
    state: JSON = {"levels": [1, 2], "values": [0.5, -1e6], "visits": [3, 0]}
    (lie,) = turned_round({"a": {"kind": "tabular", "experience": 3, "states": [state]}}).values()

    assert {
        "kind": "tabular",
        "experience": 3 + 10**9,
        "states": [
            {"levels": [1, 2], "values": [-50.0, LARGEST_LIE], "visits": [3 + 10**8, 10**8]}
        ],
    } == lie


def test_a_network_is_turned_round() -> None:
    arrays: JSON = {"bias_0": [0.5, -0.25], "weight_0": [[1.0, 2.0]]}
    (lie,) = turned_round({"*": {"kind": "dqn", "experience": 0, "arrays": arrays}}).values()

    assert {
        "kind": "dqn",
        "experience": 10**9,
        "arrays": {"bias_0": [-50.0, 25.0], "weight_0": [[-100.0, -200.0]]},
    } == lie
