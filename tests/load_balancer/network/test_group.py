"""Nodes in one process."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest

from config.schema import Settings
from load_balancer.network.group import Group
from load_balancer.serving import StartError
from tests.live.asking import get
from tests.live.origin import Origin, Visit, answer, done
from tests.live.rig import settings_for
from tests.live.wire import Clients
from tests.load_balancer.fakes import until

pytestmark = pytest.mark.integration


async def backend(visit: Visit) -> None:
    while not await done(visit):
        await visit.request()
        visit.send(answer(b"{}"))


def named(name: str, *origins: Origin | int, **load_balancer: Any) -> Settings:
    return settings_for(*origins, node_name=name, **load_balancer)


async def test_nodes_start_leave_and_fail() -> None:
    """Each on a port of its own; one name is one node."""
    said: list[str] = []
    group = Group(asyncio.get_running_loop(), say=said.append)
    group.begin()
    async with Origin(backend) as origin, Clients() as clients:
        ports = {name: (await group.start(named(name, origin))).port for name in ("a", "b")}
        for port in ports.values():
            client = await clients.connect(port)
            client.send(get("/work"))
            assert (await client.answer()).status == 200
        with pytest.raises(StartError, match="there is a node 'a' already"):
            await group.start(named("a", origin))
        endpoint = group.nodes["a"].endpoints.membership.table.all[0].endpoint
        group.nodes["a"].endpoints.membership.drain(endpoint.id)
        await until(lambda: not group.nodes["a"].endpoints.membership.table.draining)
        assert said[0].startswith("a: endpoints from admin: left a")
        assert await group.leave("a") == 0
        await group.fail("b")
        for port in ports.values():
            with socket.socket() as trying, pytest.raises(ConnectionRefusedError):
                trying.connect(("127.0.0.1", port))
        assert group.nodes == {}
        with pytest.raises(KeyError):
            await group.leave("a")
    assert await group.stop() == 0


async def test_a_port_that_cannot_be_had_leaves_no_node() -> None:
    group = Group(asyncio.get_running_loop())
    with pytest.raises(StartError, match="cannot listen"):
        await group.start(named("a", 1, host="192.0.2.1"))
    assert group.nodes == {}


async def test_hurried_it_waits_for_nobody() -> None:
    """A request that hangs is cut, and counted."""

    async def hang(visit: Visit) -> None:
        await visit.request()
        await done(visit)

    group = Group(asyncio.get_running_loop())
    group.begin()
    async with Origin(hang) as origin, Clients() as clients:
        port = (await group.start(named("a", origin))).port
        client = await clients.connect(port)
        client.send(get("/work"))
        await until(lambda: group.nodes["a"].listener.in_flight() == 1)
        stopping = asyncio.create_task(group.stop(first=["a"]))
        await until(lambda: not group.nodes)
        group.hurry()
        async with asyncio.timeout(20):
            assert await stopping == 1
