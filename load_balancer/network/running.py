"""A proxy network as a service: its processes, its origins, who joins and who leaves."""

from __future__ import annotations

import socket
from collections.abc import Collection, Sequence

from config.layout import (
    Address,
    Layout,
    layout,
    node_settings,
    origin_server,
    proxy_server,
    settings_of,
)
from config.network import Network
from config.schema import Settings
from load_balancer.admin import AdminServer
from load_balancer.guard import Guard, admin_token
from load_balancer.network import origins as origin_process
from load_balancer.network.admin import Change, Joining, create_network_admin
from load_balancer.network.links import Link
from load_balancer.network.population import Population, Processes
from load_balancer.network.sockets import is_here, opened
from load_balancer.network.view import graph
from load_balancer.ports import port_problem
from load_balancer.reloading import Applied, ReloadError
from load_balancer.serving import Operation, StartError, say, url
from rl.vocabulary import JSON


class RunningNetwork:
    """The service of a whole network, or of the part of it that is on this machine."""

    def __init__(
        self,
        network: Network,
        operation: Operation,
        processes: Processes = "one",
        only: Collection[str] = (),
        with_origins: bool = True,
        origin_arguments: Sequence[str] = (),
    ) -> None:
        """
        Args:
            only: names of the nodes to start; without any, all whose host is this machine.
            with_origins: whether origins are started.
            origin_arguments: of their script, to find the same network.
        """
        self._network = network
        self._only = set(only)
        self._with_origins = with_origins
        self._origin_arguments = origin_arguments
        self._plan: Layout = layout(network)
        self._levels = {place.name: place.level for place in self._plan.topology.places}
        self._population = Population(processes, network.node)
        self._origins: origin_process.Origins | None = None
        self.ready = False
        node = network.node
        application = create_network_admin(self, operation, lambda: self.ready)
        self._guard = Guard(application, None, node.admin_body_bytes)
        self._admin = AdminServer(self._guard, node.admin_host, network.base_port)

    async def start(self) -> str:
        node = self._network.node
        started = self._started()
        try:
            self._guard.token = admin_token(node)
        except ValueError as error:
            raise StartError(str(error)) from None
        sockets: dict[str, socket.socket] = {}
        try:
            admin_port = await self._start_admin()
            for name in started:
                sockets[name] = opened(name, self._plan.nodes[name])
            ports = {
                name: Address(self._plan.nodes[name].host, each.getsockname()[1])
                for name, each in sockets.items()
            }
            self._plan = self._plan.placed(nodes=ports)
            await self._start_origins(started)
            settings = {name: node_settings(self._network, self._plan, name) for name in started}
            await self._population.start(settings, sockets, self._levels)
        except BaseException:
            for each in sockets.values():
                each.close()
            await self.stop()
            raise
        self.ready = True
        first = max(started, key=lambda name: (self._levels[name], -started.index(name)))
        host, port = self._plan.nodes[first]
        line = f"ready network {url(host, port)} admin {url(node.admin_host, admin_port)}"
        return f"{line}\n{self._introduction(first, url(node.admin_host, admin_port))}"

    async def stop(self) -> int:
        self.ready = False
        links = self._population.links
        highest = max((self._levels[name] for name in links), default=0)
        cut = await self._population.stop([name for name in links if self._levels[name] == highest])
        if self._origins is not None:
            await self._origins.stop()
        await self._admin.stop()
        return cut

    def hurry(self) -> None:
        self._population.hurry()

    async def apply(self, settings: Settings) -> Applied:
        raise ReloadError("a network cannot be reloaded; change it through its admin port")

    def reopen_logs(self) -> None:
        self._population.reopen_logs()

    # What the admin port asks for.

    async def view(self, domain: str | None) -> dict[str, JSON]:
        """The graph as it is now."""
        states = await self._population.states()
        plan, gone = self._plan, self._population.gone
        return graph(self._levels, plan.nodes, states, gone, plan.origins, domain)

    def link(self, name: str) -> Link:
        """Who answers for a node.

        Raises:
            Change: there is no such node, or it does not run here.
        """
        link = self._population.links.get(name)
        if link is None:
            why = self._population.gone.get(name, "elsewhere" if name in self._levels else "")
            raise Change(404, f"node {name!r}: {why}" if why else f"there is no node {name!r}")
        return link

    async def join(self, joining: Joining) -> Address:
        """A node more, and its children told of it; where it listens.

        Raises:
            Change: it cannot be; nobody was told.
        """
        name = joining.name
        if name in self._population.links:
            raise Change(409, f"there is a node {name!r} already")
        for parent in joining.parents:
            if parent not in self._plan.nodes:
                raise Change(422, f"parents: there is no node {parent!r}")
        children = {child: self.link(child) for child in joining.children}
        servers = [proxy_server(parent, self._plan.nodes[parent]) for parent in joining.parents]
        for domain, given in joining.domains.items():
            where = self._plan.origins.get(domain) if given is None else Address.read(given)
            if where is None:
                raise Change(422, f"domains.{domain}: no origin of it was started; say host:port")
            servers.append(origin_server(domain, where))
        nearest = max((self._levels[parent] for parent in joining.parents), default=0)
        level = joining.level or nearest + 1
        address = Address(joining.host or self._network.host, joining.port)
        depth = max(level, *self._levels.values())
        settings = settings_of(self._network, name, address, servers, depth)
        address = Address(address.host, await self._population.join(settings))
        self._levels[name] = level
        self._plan = self._plan.placed(nodes={name: address})
        entry: JSON = {"id": name, "host": address.host, "port": address.port, "proxy_node": True}
        for child, link in children.items():
            await self._population.tell(link, f"/nodes/{child}/endpoints", entry)
        say(f"node {name} joined at {address}")
        return address

    async def leave(self, name: str) -> int:
        """Let a node go: those before it are told, it finishes what runs; how many connections
        had to be cut.

        Raises:
            Change: there is no such node here.
        """
        link = self.link(name)
        for other, reached in list(self._population.links.items()):
            if other != name:
                # Whoever does not know it answers 404.
                await self._population.tell(reached, f"/nodes/{other}/endpoints/{name}/drain")
        self._population.forget(name, "left")
        answer = await self._population.tell(link, f"/nodes/{name}/leave")
        say(f"node {name} left")
        return int(answer.get("connections_cut", 0))

    async def fail(self, name: str) -> None:
        """End a node as a crash would; nobody is told.

        Raises:
            Change: there is no such node here.
        """
        link = self.link(name)
        self._population.forget(name, "failed")
        await self._population.tell(link, f"/nodes/{name}/fail")
        say(f"node {name} failed, as was asked for")

    # Starting.

    def _started(self) -> list[str]:
        """Names of the nodes that belong here, in the order of the graph.

        Raises:
            StartError: there is none, or ``only`` names one that there is not.
        """
        unknown = self._only - self._plan.nodes.keys()
        if unknown:
            raise StartError(f"--only: there is no node {sorted(unknown)[0]!r}")
        here = {each.host: is_here(each.host) for each in self._plan.nodes.values()}
        found = [
            place.name
            for place in self._plan.topology.places
            if (place.name in self._only if self._only else here[self._plan.nodes[place.name].host])
        ]
        if not found:
            raise StartError("no node's host is an address of this machine; --only says which")
        return found

    async def _start_admin(self) -> int:
        host, port = self._network.node.admin_host, self._network.base_port
        try:
            return await self._admin.start()
        except (OSError, UnicodeError) as error:
            problem = port_problem("port", host, port, error)
            raise StartError(problem.replace("load_balancer.port", "base_port")) from None

    async def _start_origins(self, started: Collection[str]) -> None:
        wanted = self._plan.origins
        if not self._with_origins or not wanted:
            return
        known = {
            domain
            for place in self._plan.topology.places
            if place.name in started
            for domain in place.domains
        }
        wanted = {domain: address for domain, address in wanted.items() if domain in known}
        if wanted:
            patience = self._network.node.supervision.start_seconds
            self._origins, found = await origin_process.start(
                wanted, self._origin_arguments, patience
            )
            self._plan = self._plan.placed(origins=found)

    def _introduction(self, first: str, admin: str) -> str:
        """What to type now."""
        plan = self._plan
        origins = plan.topology.origins
        origin = origins[min(2, len(origins) - 1)]
        page = origin.pages[min(3, len(origin.pages) - 1)]
        host, port = plan.nodes[first]
        ask = f"-H 'Host: {origin.domain}' {url(host, port)}"
        levels = len(set(self._levels.values()))
        return f"""
{len(self._population.links)} nodes on {levels} levels. In another terminal:

  curl {ask}{page} -i
  curl '{admin}/network?domain={origin.domain}'    # the graph, and what was learned
  curl {admin}/nodes/{first}/q                   # of one node
  curl -X POST {admin}/nodes/{first}/leave       # or /fail, as in a crash

Ctrl-C stops everything."""
