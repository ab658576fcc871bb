"""A running network as plain data."""

from __future__ import annotations

from typing import Any

import pytest

from config.layout import Address
from load_balancer.network.view import graph

pytestmark = pytest.mark.unit

ADDRESSES = {"201": Address("h", 1), "101": Address("h", 2), "102": Address("h", 3)}
LEVELS = {"201": 2, "101": 1, "102": 1}


def endpoint(id: str, *domains: str) -> dict[str, Any]:
    return {
        "id": id,
        "proxy_node": not domains,
        "domains": list(domains),
        "state": "healthy",
        "in_flight": 0,
        "completed": 3,
        "latency": 0.5,
    }


def state(learned: Any, *endpoints: dict[str, Any]) -> dict[str, Any]:
    return {
        "process": 7,
        "strategy": "q_routing",
        "load": 1.0,
        "in_flight": 1,
        "connections": 2,
        "answers": {"200": 3},
        "retries": 0,
        "learned": learned,
        "endpoints": list(endpoints),
    }


STATES = {
    "201": state(
        [
            {"domain": "a.test", "values": {"101": -1.0}, "visits": {"101": 3}, "best": "101"},
            {"domain": "b.test", "values": {"101": -9.0}, "visits": {"101": 1}, "best": "101"},
        ],
        endpoint("101"),
    ),
    "101": state(None, endpoint("a.test", "a.test")),
}


def test_links_carry_what_was_learned_of_each_domain() -> None:
    """Nodes that clients ask come first; who does not run says why."""
    view: Any = graph(LEVELS, ADDRESSES, STATES, {"102": "left"}, {"a.test": Address("o", 9)})
    assert view["levels"] == 2
    assert [(node["name"], node["state"]) for node in view["nodes"]] == [
        ("201", "serves"),
        ("101", "serves"),
        ("102", "left"),
    ]
    assert view["nodes"][1]["domains"] == ["a.test"]
    first, second = view["links"]
    assert (first["from"], first["to"], first["kind"]) == ("201", "101", "node")
    assert first["q"] == {"a.test": -1.0, "b.test": -9.0}
    assert first["visits"] == {"a.test": 3, "b.test": 1}
    assert (second["kind"], second["q"]) == ("origin", {})
    assert view["origins"] == [{"domain": "a.test", "url": "http://o:9"}]


def test_one_domain_leaves_out_the_others() -> None:
    view: Any = graph(LEVELS, ADDRESSES, STATES, {}, {}, "b.test")
    assert view["links"][0]["q"] == {"b.test": -9.0}
    assert view["nodes"][2]["state"] == "elsewhere"


def test_a_table_of_another_learner_has_nothing_for_a_link() -> None:
    view: Any = graph(
        {"a": 1}, {"a": Address("h", 1)}, {"a": state([{"state": 1}], endpoint("b"))}, {}, {}
    )
    assert view["links"][0]["q"] == {}
