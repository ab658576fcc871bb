"""What can be asked of the nodes of one process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from load_balancer.hand_over import settings_json
from load_balancer.network import group_admin
from load_balancer.network.group import Group
from load_balancer.network.group_admin import GroupAdmin
from tests.load_balancer.network.test_group import named

pytestmark = pytest.mark.integration


@pytest.fixture
async def group() -> AsyncIterator[Group]:
    made = Group(asyncio.get_running_loop())
    made.begin()
    for name in ("a", "b"):
        await made.start(named(name, 1, strategy="q_routing"))
    yield made
    await made.stop()


@pytest.fixture
async def client(group: Group) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(GroupAdmin(group))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as made:
        yield made


async def test_each_node_is_told_in_few_numbers(client: httpx.AsyncClient, group: Group) -> None:
    nodes = (await client.get("/nodes")).json()["nodes"]
    assert list(nodes) == ["a", "b"]
    assert nodes["a"]["port"] == group.nodes["a"].port
    assert nodes["a"]["learned"] == []
    assert [each["id"] for each in nodes["a"]["endpoints"]] == ["a"]
    assert (await client.get("/nodes/b")).json() == nodes["b"]


async def test_each_has_the_routes_of_a_node_alone(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Built when they are asked for, and few are kept."""
    monkeypatch.setattr(group_admin, "MOST_ADMINS", 1)
    for name in ("a", "b", "a"):
        health = (await client.get(f"/nodes/{name}/health")).json()
        assert health["routing_strategy"] == "q_routing"
    entry = {"id": "c", "host": "127.0.0.1", "port": 9, "domains": ["c.test"]}
    added = await client.post("/nodes/b/endpoints", json=entry)
    assert added.json()["joined"] == ["c"]
    assert (await client.get("/nodes/b/none")).status_code == 404
    strategy = await client.post("/nodes/b/strategy", json={"strategy": "random"})
    assert strategy.json() == {"routing_strategy": "random"}
    assert (await client.get("/nodes/a")).json()["strategy"] == "q_routing"


async def test_nodes_come_and_go(client: httpx.AsyncClient, group: Group) -> None:
    created = await client.post("/nodes", content=settings_json(named("c", 1)))
    assert (created.status_code, created.json()) == (201, {"port": group.nodes["c"].port})
    again = await client.post("/nodes", content=settings_json(named("c", 1)))
    assert again.status_code == 409
    assert (await client.post("/nodes/c/leave")).json() == {"left": "c", "connections_cut": 0}
    assert (await client.post("/nodes/b/fail")).json() == {"failed": "b"}
    assert list(group.nodes) == ["a"]
    for method, path in (("POST", "/nodes/c/leave"), ("GET", "/nodes/c/q"), ("GET", "/nodes/c")):
        assert (await client.request(method, path)).status_code == 404
    assert (await client.get("/nodes/a/leave")).status_code == 404


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"servers": []', b'{"servers": [1]}'])
async def test_what_are_no_settings_are_refused(client: httpx.AsyncClient, content: bytes) -> None:
    assert (await client.post("/nodes", content=content)).status_code == 422
