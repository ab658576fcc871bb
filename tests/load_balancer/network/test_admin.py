"""The admin port of a network, before one that notes what it is asked for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from config.layout import Address
from load_balancer.network.admin import Change, Joining, create_network_admin
from load_balancer.network.group import Group
from load_balancer.network.links import Link, OwnProcess
from load_balancer.notify import Notifier
from load_balancer.serving import Operation
from rl.vocabulary import JSON
from tests.load_balancer.network.test_group import named

pytestmark = pytest.mark.integration


class Noting:
    """A network of one node."""

    def __init__(self, link: Link) -> None:
        self.asked: list[object] = []
        self._link = link

    async def view(self, domain: str | None) -> dict[str, JSON]:
        self.asked.append(domain)
        return {"nodes": []}

    def link(self, name: str) -> Link:
        if name != "a":
            raise Change(404, f"there is no node {name!r}")
        return self._link

    async def join(self, joining: Joining) -> Address:
        self.asked.append(joining)
        return Address("h", 7)

    async def leave(self, name: str) -> int:
        self.link(name)
        return 3

    async def fail(self, name: str) -> None:
        self.link(name)


@pytest.fixture
async def network() -> AsyncIterator[Noting]:
    group = Group(asyncio.get_running_loop())
    await group.start(named("a", 1))
    link = OwnProcess(group)
    yield Noting(link)
    await link.stop([])


@pytest.fixture
async def client(network: Noting) -> AsyncIterator[httpx.AsyncClient]:
    operation = Operation(None, Notifier({}, lambda: 0.0, 1))
    app = create_network_admin(network, operation, lambda: False)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as made:
        yield made


async def test_reading_changes_nothing(client: httpx.AsyncClient, network: Noting) -> None:
    assert (await client.get("/network?domain=A.test")).json() == {"nodes": []}
    assert network.asked == ["a.test"]
    for path in ("/nodes/a/leave", "/nodes/a/fail", "/nodes", "/drain"):
        assert (await client.get(path)).status_code in (404, 405)
    assert (await client.get("/livez")).json() == {"status": "alive"}
    assert (await client.get("/readyz")).status_code == 503


async def test_changes_are_passed_on(client: httpx.AsyncClient, network: Noting) -> None:
    body = {"name": "n", "parents": ["a"], "domains": {"A.test": "h:1"}}
    joined = await client.post("/nodes", json=body)
    assert (joined.status_code, joined.json()) == (201, {"name": "n", "url": "http://h:7"})
    assert network.asked == [Joining(name="n", parents=("a",), domains={"a.test": "h:1"})]
    assert (await client.post("/nodes/a/leave")).json() == {"name": "a", "connections_cut": 3}
    missing = await client.post("/nodes/z/fail")
    assert (missing.status_code, missing.json()) == (404, {"detail": "there is no node 'z'"})
    assert (await client.post("/drain")).status_code == 202


async def test_a_nodes_own_routes_are_below_its_name(client: httpx.AsyncClient) -> None:
    assert (await client.get("/nodes/a/stats")).json()["routing_strategy"] == "round_robin"
    text = await client.get("/nodes/a/q", headers={"Accept": "text/plain"})
    assert text.headers["content-type"].startswith("text/plain")
    wrong = await client.post("/nodes/a/endpoints", json={"id": 1})
    assert wrong.status_code == 422
    assert (await client.post("/nodes/a/stats")).headers["allow"] == "GET"
    assert (await client.get("/nodes/z/stats")).status_code == 404


async def test_it_describes_itself(client: httpx.AsyncClient) -> None:
    paths = (await client.get("/openapi.json")).json()["paths"]
    assert {"/network", "/nodes", "/nodes/{name}/leave", "/nodes/{name}/fail"} <= set(paths)
