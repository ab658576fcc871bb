"""A network as its admin port tells of it: what reaches what, whom to kill, what can move."""

from typing import Any

import pytest

from evaluation.network.records import Hop, Link
from evaluation.network.view import (
    View,
    destination,
    learned_links,
    measured_hops,
    movable,
    read_view,
    victim,
)

pytestmark = pytest.mark.unit

# Two ways from 301, one of them by the busy 201; 302 has one way only, by 202.
PARENTS = {"301": ["201", "202"], "302": ["202"], "201": ["101"], "202": ["101", "102"]}
KNOWN = {"101": ["domain1.com"], "102": ["domain2.com"]}


def link(start: str, to: str, domains: list[str], completed: int, visits: int) -> dict[str, Any]:
    learned = {"domain1.com": -200.0} if not domains else {}
    return {
        "from": start,
        "to": to,
        "kind": "origin" if domains else "node",
        "domains": domains,
        "state": "healthy",
        "in_flight": 0,
        "completed": completed,
        "latency": 0.01,
        "q": learned,
        "visits": dict.fromkeys(learned, visits),
    }


def document() -> dict[str, Any]:
    return {
        "levels": 3,
        "nodes": [
            {"name": name, "url": f"http://127.0.0.1:{name}", "state": "serves"}
            for name in ("101", "102", "201", "202", "301", "302")
        ]
        + [{"name": "203", "url": "http://127.0.0.1:203", "state": "failed"}],
        "links": [
            link(start, to, [], 90 if to == "202" else 10, int(to != "102"))
            for start, parents in PARENTS.items()
            for to in parents
        ]
        + [link(edge, domain, [domain], 5, 0) for edge, known in KNOWN.items() for domain in known],
        "origins": [
            {"domain": "domain1.com", "url": "http://127.0.0.1:9101"},
            {"domain": "domain2.com", "url": "http://127.0.0.1:9102"},
        ],
    }


@pytest.fixture(name="view")
def read() -> View:
    return read_view(document(), "domain1.com", 100.0)


def test_nodes_and_origins(view: View) -> None:
    assert view.outermost == ("301", "302")
    assert "203" not in view.urls
    assert view.edges("domain2.com") == ("102",)
    assert view.completed("domain2.com") == {"102": 5}
    assert view.origins["domain1.com"] == ("127.0.0.1", 9101)


def test_values_are_on_the_wire_s_scale_and_untried_links_have_none(view: View) -> None:
    assert Link("301", "201", -2.0) in learned_links(view)
    assert Link("202", "102", None) in learned_links(view)
    assert not any(each.parent.startswith("domain") for each in learned_links(view))


def test_hops_hold_the_origins_too(view: View) -> None:
    assert Hop("101", "domain1.com", 5, 0.01) in measured_hops(view)


def test_what_is_reached(view: View) -> None:
    assert view.reach(["102"]) == {"102", "202", "301", "302"}
    assert view.reach(["101"], without=["202"]) == {"101", "201", "301"}
    assert view.reach([]) == set()


def test_the_victim_is_nobody_that_somebody_depends_on(view: View) -> None:
    """202 is busier, but without it 302 has no way left. 201 may go: domain2.com can move to 101
    all the same."""
    assert victim(view, "domain2.com") == "201"


def test_where_everybody_depends_on_somebody_the_busiest_dies(view: View) -> None:
    without = {name: url for name, url in view.urls.items() if name != "201"}
    assert victim(View(view.levels, without, view.links, view.origins), "domain2.com") == "202"


def test_an_origin_moves_where_all_still_reach_it(view: View) -> None:
    assert movable(view) == ("domain1.com", "102")
    assert destination(view, "domain2.com") == "101"


def test_a_node_that_is_gone_is_on_nobody_s_way(view: View) -> None:
    without = {name: url for name, url in view.urls.items() if name != "202"}
    left = View(view.levels, without, view.links, view.origins)
    assert left.reach(["102"]) == {"102"}
    assert left.reach(["101"]) == {"101", "201", "301"}


def test_where_everybody_knows_all_origins_nothing_moves(view: View) -> None:
    alone = {name: url for name, url in view.urls.items() if name != "102"}
    one = {"domain1.com": view.origins["domain1.com"]}
    left = View(view.levels, alone, view.links, one)
    with pytest.raises(ValueError, match="no origin can move"):
        movable(left)
    with pytest.raises(ValueError, match="cannot move"):
        destination(left, "domain1.com")
