"""The cast of a virtual network: for each place of its graph a production node with its policy,
cache and load.

Knows no time and no traffic; dice are made from the seed, one pair for each purpose and node, so
that variants under one seed have the same graph, loads and delays.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from config.balancer import Ejection
from config.caching import CacheSettings
from config.schema import Settings
from config.topology import Place, Topology, document_topology
from load_balancer.caching.cache import Cache
from load_balancer.caching.vocabulary import CacheRequest, Kind
from load_balancer.health import Health
from load_balancer.node import Attempt, Node, Strategy
from load_balancer.strategies import build as build_policy
from metrics.counters import Counters
from metrics.table import EndpointTable
from rl.q_routing import QRoutingParameters
from rl.reward import RewardParameters
from rl.reward import build as build_reward
from rl.simulation.journey import Site
from rl.simulation.loads import InFlightLoad, Load, WalkingLoad
from rl.simulation.network import Finished, Network
from rl.simulation.service import ServiceBehaviour, ServiceProfile
from rl.vocabulary import (
    Decision,
    Endpoint,
    Observation,
    Policy,
    learn_nothing,
)

ORACLE = "shortest_path"
"""The name of the strategy that knows the graph."""

FRESH = [(b"Cache-Control", b"max-age=31536000"), (b"Content-Length", b"0")]
"""Fields of every answer of a virtual origin: the document's pages never change."""

BEGAN = 1_700_000_000.0
"""Unix seconds at virtual second 0; caches go by the calendar."""

VirtualNetwork: TypeAlias = Network[Attempt]


@dataclass(frozen=True, slots=True)
class Timing:
    """How long things take, in seconds.

    Attributes:
        link: a link's own delay one way is drawn between these two, once for all.
        work: a node's own mean work for a request is drawn between these two.
        origin: the same of an origin.
        spread: of each request's work around that mean, uniform.
        slots: requests that a node works on in parallel; None for no limit.
        capacity: requests at a node that are a load of 100.
    """

    link: tuple[float, float] = (0.0005, 0.004)
    work: tuple[float, float] = (0.0005, 0.004)
    origin: tuple[float, float] = (0.005, 0.02)
    spread: float = 0.5
    slots: int | None = None
    capacity: int = 100


@dataclass(frozen=True, slots=True)
class NetworkParameters:
    """A network of document 000, with its numbers as defaults.

    Attributes:
        cache_entries: pages that a node's cache holds; 0 for no cache.
        decline_load: load from which on a node declines; None for never.
        tries: next hops that a node asks for one request at the most; the document asks one.
        timing: None is the document's: nothing takes any time, and loads are random walks.
    """

    levels: int = 10
    width: int = 10
    random_parents: int = 2
    origins: int = 10
    pages: int = 10
    cache_entries: int = 4
    decline_load: float | None = 100.0
    tries: int = 1
    reward: RewardParameters = field(default_factory=lambda: RewardParameters(name="proxy_network"))
    q_routing: QRoutingParameters = field(
        default_factory=lambda: QRoutingParameters(estimate="document")
    )
    timing: Timing | None = None

    def topology(self, seed: int) -> Topology:
        """The graph under this seed."""
        return document_topology(
            self.levels,
            self.width,
            self.random_parents,
            self.origins,
            self.pages,
            random.Random(seed),  # as in the document, whose graph seed 0 gives
        )


def dice(seed: int, *purpose: str) -> random.Random:
    """Those of one purpose under one seed."""
    return random.Random("/".join((str(seed), *purpose)))


class ShortestPath:
    """Knows the graph and goes the shortest way; of loads it knows nothing."""

    def __init__(
        self, distances: Callable[[str], Mapping[str, int]], throw: Callable[[], float]
    ) -> None:
        self._distances = distances
        self._throw = throw

    def select(self, observation: Observation) -> Decision:
        distances = self._distances(observation.request.domain)
        far = [distances.get(each.id, 1 << 30) for each in observation.candidates]
        nearest = min(far)
        best = [index for index, each in enumerate(far) if each == nearest]
        return Decision(best[int(self._throw() * len(best))], 1.0 / len(best))

    observe = learn_nothing


class PageStore:
    """A production cache as the network uses it."""

    __slots__ = ("_cache", "_requests")

    def __init__(self, cache: Cache, requests: dict[tuple[str, str], CacheRequest]) -> None:
        """``requests`` are shared by all nodes: a request is the same for each of them."""
        self._cache = cache
        self._requests = requests

    def holds(self, domain: str, path: str, now: float) -> bool:
        lookup = self._cache.lookup(self._request(domain, path), BEGAN + now)
        return lookup.kind is Kind.HIT

    def keep(self, domain: str, path: str, requested_at: float, now: float) -> None:
        request = self._request(domain, path)
        if self._cache.storable(request, 200, FRESH, BEGAN + now):
            self._cache.store(request, BEGAN + requested_at, BEGAN + now, 200, b"OK", FRESH, b"")

    def _request(self, domain: str, path: str) -> CacheRequest:
        request = self._requests.get((domain, path))
        if request is None:
            request = self._requests[domain, path] = CacheRequest("GET", domain, path, [])
        return request


class Cast:
    """Everything that takes part, and the network that moves requests between it.

    Attributes:
        nodes: by name.
    """

    def __init__(
        self, parameters: NetworkParameters, strategy: str, seed: int, finished: Finished
    ) -> None:
        """
        Args:
            strategy: the name of one in the registry, or ``shortest_path``.

        Raises:
            ValueError: there is no such strategy.
        """
        self.parameters = parameters
        self.topology = parameters.topology(seed)
        self.nodes: dict[str, Node] = {}
        self._seed = seed
        self._strategy = strategy
        self._settings = Settings(q_routing=parameters.q_routing, reward=parameters.reward)
        self._reward = build_reward(parameters.reward)
        self._requests: dict[tuple[str, str], CacheRequest] = {}
        self._distances: dict[str, dict[str, int]] = {}
        self._links: dict[tuple[str, str], float] = {}
        timing = parameters.timing
        sites = {place.name: self._site(place) for place in self.topology.places}
        self.network: VirtualNetwork = Network(
            sites,
            {
                origin.domain: self._behaviour(origin.domain, timing.origin, None)
                if timing
                else None
                for origin in self.topology.origins
            },
            self._reward,
            finished,
            self._link if timing else None,
        )

    def worth(self, node: str, domain: str) -> dict[str, float]:
        """What a node has learned of each next hop for a domain; empty if it does not learn."""
        policy = self.nodes[node].strategy.policy
        values: Callable[[str], dict[str, float]] | None = getattr(policy, "values", None)
        return {} if values is None else values(domain)

    def _site(self, place: Place) -> Site[Attempt]:
        parameters = self.parameters
        timing = parameters.timing
        table = EndpointTable(
            [
                *(Endpoint(domain, "origin", 80, domains=(domain,)) for domain in place.domains),
                *(Endpoint(parent, "node", 80, proxy_node=True) for parent in place.parents),
            ]
        )
        load: Load = (
            WalkingLoad(dice(self._seed, "load", place.name))
            if timing is None
            else InFlightLoad(timing.capacity)
        )
        node = self.nodes[place.name] = Node(
            table,
            # The document's nodes put nobody out.
            Health(Ejection(consecutive_failures=None), table),
            Strategy(self._strategy, self._policy(place)),
            self._reward,
            Counters(),
            load=load,
            decline_load=parameters.decline_load,
        )
        store = None
        if parameters.cache_entries:
            cache = Cache(CacheSettings(enabled=True, entries=parameters.cache_entries))
            store = PageStore(cache, self._requests)
        behaviour = self._behaviour(place.name, timing.work, timing.slots) if timing else None
        return Site(place.name, place.level, node, load, store, behaviour, parameters.tries)

    def _policy(self, place: Place) -> Policy:
        throws = dice(self._seed, "policy", place.name)
        if self._strategy == ORACLE:
            return ShortestPath(self._distances_to, throws.random)
        return build_policy(self._strategy, self._settings, throws)

    def _distances_to(self, domain: str) -> dict[str, int]:
        found = self._distances.get(domain)
        if found is None:
            found = self._distances[domain] = self.topology.distances(domain)
        return found

    def _behaviour(
        self, name: str, between: tuple[float, float], slots: int | None
    ) -> ServiceBehaviour:
        assert self.parameters.timing is not None
        throws = dice(self._seed, "work", name)
        profile = ServiceProfile(spread=self.parameters.timing.spread, slots=slots)
        return ServiceBehaviour(profile, throws.uniform(*between), throws)

    def _link(self, start: str, end: str) -> float:
        key = (start, end) if start < end else (end, start)
        seconds = self._links.get(key)
        if seconds is None:
            assert self.parameters.timing is not None
            low, high = self.parameters.timing.link
            seconds = self._links[key] = dice(self._seed, "link", *key).uniform(low, high)
        return seconds
