"""Where everything of a proxy network is, and what each of its nodes is told."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from config.balancer import LoadBalancer
from config.network import Network
from config.schema import Server, Settings
from config.topology import Topology

SERVER_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")


class Address(NamedTuple):
    """Where something listens; port 0 is not known yet."""

    host: str
    port: int

    @classmethod
    def read(cls, text: str) -> Address:
        """``host:port``, checked before."""
        host, _, port = text.rpartition(":")
        return cls(host.strip("[]"), int(port))

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Layout:
    """A network's graph with the addresses of all that is in it.

    Attributes:
        admin: of the network as a whole.
        nodes: by name.
        origins: by domain, those that are started with the network.
        elsewhere: by node and domain, those that are not.
    """

    topology: Topology
    admin: Address
    nodes: dict[str, Address]
    origins: dict[str, Address]
    elsewhere: dict[str, dict[str, Address]]

    def origin(self, node: str, domain: str) -> Address:
        """Where a node finds the origin of a domain that it knows."""
        found = self.elsewhere.get(node, {}).get(domain)
        return self.origins[domain] if found is None else found

    def placed(
        self,
        nodes: Mapping[str, Address] | None = None,
        origins: Mapping[str, Address] | None = None,
    ) -> Layout:
        """The same with addresses that are known by now."""
        return replace(
            self, nodes={**self.nodes, **(nodes or {})}, origins={**self.origins, **(origins or {})}
        )


def layout(network: Network) -> Layout:
    """Where the settings put everything: clients' nodes first, so that the outermost one of rank 1
    is at base_port + 1, and the origins last."""
    topology = network.topology()
    base = network.base_port
    order = sorted(topology.places, key=lambda place: -place.level)
    nodes = {
        place.name: Address(network.host, base and base + number)
        for number, place in enumerate(order, start=1)
    }
    elsewhere: dict[str, dict[str, Address]] = {}
    for name, entry in network.nodes.items():
        host, port = nodes[name]
        nodes[name] = Address(entry.host or host, entry.port or port)
        elsewhere[name] = {
            domain: Address.read(address)
            for domain, address in entry.domains.items()
            if address is not None
        }
    ours = [
        origin.domain
        for origin in topology.origins
        if any(
            origin.domain in place.domains and origin.domain not in elsewhere.get(place.name, {})
            for place in topology.places
        )
    ]
    origins = {
        domain: Address(network.host, base and base + len(order) + number)
        for number, domain in enumerate(sorted(ours, key=_by_number), start=1)
    }
    return Layout(topology, Address(network.node.admin_host, base), nodes, origins, elsewhere)


def _by_number(domain: str) -> list[tuple[int, str]]:
    """So that domain10.com comes after domain9.com, in whatever order they were named."""
    parts = re.split(r"(\d+)", domain)
    return [(int(part), "") if part.isdigit() else (0, part) for part in parts]


def node_settings(network: Network, plan: Layout, name: str) -> Settings:
    """All settings of one node of the graph.

    Raises:
        KeyError: there is no such node.
    """
    place = next((place for place in plan.topology.places if place.name == name), None)
    if place is None:
        raise KeyError(name)
    servers = [proxy_server(parent, plan.nodes[parent]) for parent in place.parents]
    servers += [origin_server(domain, plan.origin(name, domain)) for domain in place.domains]
    return settings_of(network, name, plan.nodes[name], servers, plan.topology.levels)


def settings_of(
    network: Network, name: str, address: Address, servers: list[Server], levels: int
) -> Settings:
    """All settings of one node: those that all have, and its own place."""
    node = network.node
    # Each throws its own dice, and all of them do so again with the same seed.
    seed = random_seed(network.seed, name)
    # A long way is no loop, and each hop adds a Via and a Cache-Status line.
    limits = replace(
        node.limits,
        hops=max(node.limits.hops, levels + 1),
        head_fields=max(node.limits.head_fields, 4 * levels + 40),
    )
    balancer: LoadBalancer = node.model_copy(
        update={
            "host": address.host,
            "port": address.port,
            "admin_port": 0,
            "node_name": name,
            "seed": seed,
            "limits": limits,
            "cache": node.cache.model_copy(update={"disk": _own(node.cache.disk, name)}),
            "request_log": node.request_log.model_copy(
                update={"path": _own(node.request_log.path, name)}
            ),
        }
    )
    settings = Settings(
        load_balancer=balancer,
        metrics=network.metrics,
        q_routing=network.q_routing,
        reward=network.reward,
    )
    # Not checked again: a node of a network may begin with none, and be given some while it runs.
    return settings.model_copy(update={"servers": tuple(servers)})


def proxy_server(name: str, address: Address) -> Server:
    """A node as the one before it sees it."""
    return Server(id=name, host=address.host, port=address.port, proxy_node=True)


def origin_server(domain: str, address: Address) -> Server:
    """An origin as the node that knows it sees it."""
    id = domain if SERVER_ID.match(domain) else f"origin-{address.port}"
    return Server(id=id, host=address.host, port=address.port, domains=(domain,))


def _own(path: str | None, name: str) -> str | None:
    """A node's own file: its name goes before the suffix. Two cannot write to the same."""
    return None if path is None else str(Path(path).with_stem(f"{Path(path).stem}-{name}"))


def random_seed(seed: int, name: str) -> int:
    """A seed of one node's own. Not ``hash``, which differs from process to process."""
    return seed * 1_000_003 + int.from_bytes(name.encode(), "big") % 2_147_483_647


def effective_yaml(network: Network, plan: Layout) -> str:
    """The whole network spelt out, with every address, as YAML that ``load_network`` reads again
    (a domain whose origin is started with the network is null)."""
    data: dict[str, Any] = network.model_dump(
        mode="json", exclude={"levels", "width", "random_parents", "nodes"}
    )
    data["nodes"] = {
        place.name: {
            "level": place.level,
            "host": plan.nodes[place.name].host,
            **({"port": plan.nodes[place.name].port} if plan.nodes[place.name].port else {}),
            "parents": list(place.parents),
            "domains": {
                domain: str(address)
                if (address := plan.elsewhere.get(place.name, {}).get(domain))
                else None
                for domain in place.domains
            },
        }
        for place in plan.topology.places
    }
    return yaml.safe_dump(data, sort_keys=False, width=100)
