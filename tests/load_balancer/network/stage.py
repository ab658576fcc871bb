"""A whole network in the test's own loop, or behind it, on ports that the system chooses."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from config.network import DEFAULT_NETWORK, Network, load_network
from load_balancer.network.population import Processes
from load_balancer.network.running import RunningNetwork
from load_balancer.notify import Notifier
from load_balancer.serving import Operation

SMALL = DEFAULT_NETWORK.with_name("networks") / "small.yaml"
"""3 levels of 3 nodes, 3 origins of 4 pages."""


class Stage:
    """A network that runs.

    Attributes:
        first: the node that its ready line names.
        client: asks anybody.
    """

    def __init__(self, made: RunningNetwork, line: str, client: httpx.AsyncClient) -> None:
        self.network = made
        _, _, self.first, _, self.admin = line.splitlines()[0].split()
        self.client = client

    async def view(self, domain: str = "") -> dict[str, Any]:
        """The graph."""
        query = f"?domain={domain}" if domain else ""
        found: dict[str, Any] = (await self.client.get(f"{self.admin}/network{query}")).json()
        return found

    async def node(self, name: str) -> dict[str, Any]:
        """One node of it."""
        nodes = (await self.view())["nodes"]
        return next(each for each in nodes if each["name"] == name)

    async def parents(self, name: str) -> list[str]:
        """Whom a node may ask."""
        links = (await self.view())["links"]
        return [each["to"] for each in links if each["from"] == name]

    async def post(self, path: str, data: object = None) -> httpx.Response:
        """The answer of the admin port."""
        return await self.client.post(f"{self.admin}{path}", json=data)

    async def page(
        self, domain: str, path: str = "/path-1/page.html", at: str = ""
    ) -> httpx.Response:
        """A page, asked of the first node."""
        return await self.client.get(f"{at or self.first}{path}", headers={"Host": domain})


def small(*overrides: str) -> Network:
    """The small network on free ports, with settings laid over."""
    return load_network(SMALL, ["base_port=0", *overrides])


@asynccontextmanager
async def running(
    network: Network,
    processes: Processes = "one",
    only: tuple[str, ...] = (),
    with_origins: bool = True,
) -> AsyncIterator[Stage]:
    """A network until the block ends."""
    operation = Operation(None, Notifier({}, lambda: 0.0, 1))
    made = RunningNetwork(network, operation, processes, only, with_origins, [f"--config={SMALL}"])
    line = await made.start()
    try:
        async with httpx.AsyncClient(trust_env=False, timeout=20) as client:
            yield Stage(made, line, client)
    finally:
        await made.stop()
