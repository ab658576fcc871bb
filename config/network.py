"""The settings of a proxy network: a graph that is generated, as document 000's, or spelt out."""

from __future__ import annotations

import random
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, model_validator

from config.balancer import LoadBalancer, Metrics
from config.endpoints import Domain, HostName, ListeningPort
from config.loading import DIRECTORY, load_as
from config.section import Count, Name, Number, Port, Section
from config.topology import LEVEL_STEP, Origin, Place, Topology, document_topology, explicit
from rl.q_routing import QRoutingParameters
from rl.reward import RewardParameters
from rl.simulation.service import ServiceProfile

DEFAULT_NETWORK = DIRECTORY / "proxy_network.yaml"

HIGHEST_PORT = 65_535

NODE: dict[str, Any] = {
    "strategy": "q_routing",
    "q_headers": {"enabled": True},
    "cache": {"enabled": True, "entries": 4},
    "decline_load": 100,
    # Who cannot serve a domain says so by a status, and the next parent is tried: a request finds
    # its way while it is still being learned. The budget of each node bounds what that costs.
    "retries": {
        "attempts": 3,
        "conditions": ["connect_failure", "reset", "invalid_answer", "try_timeout", "status"],
    },
    # Nodes keep idle connections for 60 s: with so many links each is used seldom.
    "deadlines": {"upstream_idle_seconds": 30},
    # Every node has a name of its own here, so that seeing it again is a loop.
    "limits": {"own_hops": 1},
}
"""What a node of a network is unless it is told otherwise; document 000's cache has 4 entries."""

GENERATED = ("levels", "width", "random_parents")
"""What says how a graph is generated, and nothing where one is spelt out."""


def _laid_over(value: object, below: dict[str, Any] = NODE) -> object:
    if not isinstance(value, dict):
        return value
    laid = dict(below)
    for key, each in value.items():
        under = below.get(key)
        laid[key] = _laid_over(each, under) if isinstance(under, dict) else each
    return laid


Address = Annotated[str, Field(pattern=r"^([A-Za-z0-9_.-]{1,253}|\[[0-9A-Fa-f:]+\]):[0-9]{1,5}$")]
"""``host:port``."""


class Origins(Section):
    """The origins that are started with the network: of a generated graph so many, with so many
    pages each; how fresh their pages are, and how they serve them."""

    number: Count = 10
    pages: Annotated[int, Number, Field(ge=1, le=100_000)] = 10
    max_age_seconds: Annotated[int, Number, Field(ge=0, le=31_536_000)] = 3600
    base_delay_ms: Annotated[float, Number, Field(ge=0, le=3_600_000)] = 0.0
    service: ServiceProfile = ServiceProfile()


class NodeEntry(Section):
    """One node of a graph that is spelt out.

    ``domains`` says where the origin of each domain listens; null is one that is started with the
    network. Without ``host`` it is the network's, without ``port`` the next one after base_port.
    """

    parents: tuple[Name, ...] = ()
    domains: dict[Domain, Address | None] = Field(default_factory=dict)
    host: HostName | None = None
    port: ListeningPort | None = None
    # Without one, its distance from the nearest origin.
    level: Annotated[int, Number, Field(ge=0, le=1000)] = 0


class Network(Section):
    """A network of proxy nodes.

    Without ``nodes`` the graph is document 000's: ``levels`` times ``width`` nodes, each with the
    parent of its own rank and up to ``random_parents`` more. The admin port is ``base_port``; the
    nodes that clients ask follow, then the other levels, then the origins. With 0 the system
    chooses all of them.
    """

    host: HostName = "127.0.0.1"
    base_port: Port = 9000
    seed: int = 0
    levels: Annotated[int, Number, Field(ge=1, le=100)] = 10
    width: Annotated[int, Number, Field(ge=1, lt=LEVEL_STEP)] = 10
    random_parents: Annotated[int, Number, Field(ge=0, lt=LEVEL_STEP)] = 2
    origins: Origins = Origins()
    nodes: dict[Name, NodeEntry] = Field(default_factory=dict, max_length=10_000)
    # Of every node, laid over ``NODE``; the admin_… ones are those of the network's admin port.
    node: Annotated[LoadBalancer, BeforeValidator(_laid_over)] = Field(
        default_factory=lambda: LoadBalancer.model_validate(NODE)
    )
    # Polling is off: a hundred nodes that ask three others every second are traffic of their own,
    # and a failed connection tells as much.
    metrics: Metrics = Metrics(check="off")
    q_routing: QRoutingParameters = QRoutingParameters()
    reward: RewardParameters = RewardParameters()

    @model_validator(mode="after")
    def _one_graph(self) -> Network:
        if self.nodes:
            for key in GENERATED:
                if key in self.model_fields_set:
                    raise ValueError(f"{key}: is of a generated graph, but nodes spells one out")
        try:
            topology = self.topology()
        except ValueError as error:
            raise ValueError(f"nodes: {error}") from None
        last = self.base_port + len(topology.places) + len(topology.origins)
        if self.base_port and last > HIGHEST_PORT:
            raise ValueError(f"base_port: the last port would be {last}, above {HIGHEST_PORT}")
        return self

    def topology(self) -> Topology:
        """The graph.

        Raises:
            ValueError: it is none; a checked one never does.
        """
        origins = self.origins
        if not self.nodes:
            return document_topology(
                self.levels,
                self.width,
                self.random_parents,
                origins.number,
                origins.pages,
                random.Random(self.seed),
            )
        domains = dict.fromkeys(domain for entry in self.nodes.values() for domain in entry.domains)
        return explicit(
            (
                Place(name, entry.level, entry.parents, tuple(entry.domains))
                for name, entry in self.nodes.items()
            ),
            (Origin(domain, page_paths(origins.pages)) for domain in domains),
        )


def page_paths(number: int) -> tuple[str, ...]:
    """Of an origin's pages, as document 000 has them."""
    return tuple(f"/path-{each}/page.html" for each in range(1, number + 1))


def load_network(path: Path | str | None = None, overrides: Iterable[str] = ()) -> Network:
    """The network that a file describes.

    Args:
        path: default: ours.
        overrides: ``key.key=value`` each, the value in YAML.

    Raises:
        ConfigError: with every problem at once.
    """
    return load_as(Network, DEFAULT_NETWORK if path is None else path, overrides)
