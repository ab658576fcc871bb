"""A running network as plain data: its graph, and what each link has learned."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from config.layout import Address
from rl.vocabulary import JSON


def graph(
    levels: Mapping[str, int],
    addresses: Mapping[str, Address],
    states: Mapping[str, Mapping[str, Any]],
    gone: Mapping[str, str],
    origins: Mapping[str, Address],
    domain: str | None = None,
) -> dict[str, JSON]:
    """All nodes and links.

    Args:
        levels, addresses: by node.
        states: what ``GroupAdmin`` says of the nodes that run.
        gone: why the others do not.
        origins: of those that were started with the network, by domain.
        domain: only what was learned for it.
    """
    nodes: list[JSON] = []
    links: list[JSON] = []
    for name in sorted(addresses, key=lambda each: (-levels[each], each)):
        state = states.get(name)
        node: dict[str, JSON] = {
            "name": name,
            "level": levels[name],
            "url": f"http://{addresses[name]}",
            "state": "serves" if state is not None else gone.get(name, "elsewhere"),
        }
        nodes.append(node)
        if state is None:
            continue
        for key in ("process", "strategy", "load", "in_flight", "connections", "answers"):
            node[key] = state[key]
        node["retries"] = state["retries"]
        values, visits = _learned(state["learned"] or (), domain)
        node["domains"] = sorted({each for e in state["endpoints"] for each in e["domains"]})
        for endpoint in state["endpoints"]:
            id = endpoint["id"]
            links.append(
                {
                    "from": name,
                    "to": id,
                    "kind": "node" if endpoint["proxy_node"] else "origin",
                    "domains": endpoint["domains"],
                    "state": endpoint["state"],
                    "in_flight": endpoint["in_flight"],
                    "completed": endpoint["completed"],
                    "latency": endpoint["latency"],
                    "q": values.get(id, {}),
                    "visits": visits.get(id, {}),
                }
            )
    return {
        "levels": max(levels.values(), default=0),
        "nodes": nodes,
        "links": links,
        "origins": [
            {"domain": each, "url": f"http://{address}"} for each, address in origins.items()
        ],
    }


def _learned(
    rows: Any, domain: str | None
) -> tuple[dict[str, dict[str, JSON]], dict[str, dict[str, JSON]]]:
    """Values and visits by endpoint and domain, of a table with a row for each domain. One of
    another kind of learner has nothing for a link."""
    values: dict[str, dict[str, JSON]] = {}
    visits: dict[str, dict[str, JSON]] = {}
    for row in rows:
        about = row.get("domain")
        if about is None or (domain is not None and about != domain):
            continue
        for found, key in ((values, "values"), (visits, "visits")):
            for id, value in row[key].items():
                found.setdefault(id, {})[about] = value
    return values, visits
