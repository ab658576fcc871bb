"""A running network as its admin port tells of it, and what may be done to it without cutting
anybody off. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from evaluation.network.records import Hop, Link, level_of


@dataclass(frozen=True, slots=True)
class SeenLink:
    """One link from a node to another, or to an origin.

    Attributes:
        domains: of the origin; empty for a node.
        value: learned for the domain that was asked about, in the wire's unit; None if untried.
        completed, latency: requests, and their mean seconds to the first byte.
    """

    node: str
    to: str
    is_node: bool
    domains: tuple[str, ...]
    value: float | None
    completed: int
    latency: float


@dataclass(frozen=True, slots=True)
class View:
    """The whole network at one moment.

    Attributes:
        urls: of the nodes that run, by name.
        origins: host and port, by domain.
    """

    levels: int
    urls: Mapping[str, str]
    links: tuple[SeenLink, ...]
    origins: Mapping[str, tuple[str, int]]

    @property
    def outermost(self) -> tuple[str, ...]:
        """Those that clients ask, in order."""
        return tuple(sorted(name for name in self.urls if level_of(name) == self.levels))

    def edges(self, domain: str) -> tuple[str, ...]:
        """Those that know the origin of a domain."""
        return tuple(link.node for link in self.links if domain in link.domains)

    def completed(self, domain: str) -> dict[str, int]:
        """Requests that each edge node has sent to the origin of a domain."""
        return {link.node: link.completed for link in self.links if domain in link.domains}

    def reach(self, edges: Sequence[str], without: Sequence[str] = ()) -> set[str]:
        """The nodes from which there is a way to one of ``edges`` that avoids ``without``."""
        children: dict[str, list[str]] = defaultdict(list)
        for link in self.links:
            if link.is_node and link.node in self.urls and link.to in self.urls:
                children[link.to].append(link.node)
        found: set[str] = set()
        waiting = [edge for edge in edges if edge not in without]
        while waiting:
            name = waiting.pop()
            if name not in found:
                found.add(name)
                waiting += [child for child in children[name] if child not in without]
        return found


def read_view(document: Mapping[str, Any], domain: str, scale: float) -> View:
    """What ``GET /network`` answers.

    Args:
        domain: whose values to take.
        scale: of the reward: units for one of the wire.
    """
    links = []
    for link in document["links"]:
        # A next hop that was never chosen stands there with the value that all begin with.
        tried = link["visits"].get(domain, 0) > 0
        links.append(
            SeenLink(
                node=link["from"],
                to=link["to"],
                is_node=link["kind"] == "node",
                domains=tuple(link["domains"]),
                value=link["q"][domain] / scale if tried else None,
                completed=link["completed"],
                latency=link["latency"],
            )
        )
    return View(
        levels=document["levels"],
        urls={node["name"]: node["url"] for node in document["nodes"] if node["state"] == "serves"},
        links=tuple(links),
        origins={each["domain"]: _address(each["url"]) for each in document["origins"]},
    )


def learned_links(view: View) -> tuple[Link, ...]:
    """The links between nodes."""
    return tuple(Link(each.node, each.to, each.value) for each in view.links if each.is_node)


def measured_hops(view: View) -> tuple[Hop, ...]:
    """What the nodes measured of their next hops, the origins among them."""
    return tuple(Hop(each.node, each.to, each.completed, each.latency) for each in view.links)


def victim(view: View, domain: str) -> str:
    """The node to kill: of those in the middle level the busiest that nobody depends on, neither
    now nor once the origin of ``domain`` has moved; the busiest of all, if there is none."""
    middle = (view.levels + 1) // 2
    load: dict[str, int] = {name: 0 for name in sorted(view.urls) if level_of(name) == middle}
    for link in view.links:
        if link.to in load:
            load[link.to] += link.completed
    spare = [name for name in load if _spared(view, name, domain)]
    return max(spare or load, key=lambda name: load[name])


def _spared(view: View, name: str, domain: str) -> bool:
    asked = set(view.outermost) - {name}
    now = all(asked <= view.reach(view.edges(each), [name]) for each in view.origins)
    return now and any(asked <= view.reach([edge], [name]) for edge in _strangers(view, domain))


def movable(view: View) -> tuple[str, str]:
    """A domain whose origin can move, and the edge node that it can move to: a domain that few edge
    nodes know, and a node that as many of the outermost ones as possible can reach.

    Raises:
        ValueError: every edge node knows every origin.
    """
    found = [
        (-_reaching(view, edge), len(view.edges(domain)), domain, edge)
        for domain in view.origins
        for edge in _strangers(view, domain)
    ]
    if not found:
        raise ValueError("no origin can move: every edge node knows all of them")
    _, _, domain, edge = min(found)
    return domain, edge


def destination(view: View, domain: str) -> str:
    """Where the origin of this domain can move now.

    Raises:
        ValueError: every edge node knows it.
    """
    strangers = _strangers(view, domain)
    if not strangers:
        raise ValueError(f"the origin of {domain} cannot move: every edge node knows it")
    return max(strangers, key=lambda edge: _reaching(view, edge))


def _strangers(view: View, domain: str) -> list[str]:
    """Edge nodes that do not know the origin of a domain."""
    known = view.edges(domain)
    return [name for name in sorted(view.urls) if level_of(name) == 1 and name not in known]


def _reaching(view: View, edge: str) -> int:
    return len(view.reach([edge]) & set(view.outermost))


def _address(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    assert parts.hostname is not None and parts.port is not None
    return parts.hostname, parts.port
