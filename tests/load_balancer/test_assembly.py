"""The parts of one node, without what is around it."""

from __future__ import annotations

import asyncio
import socket

import pytest

from load_balancer.assembly import Assembly
from load_balancer.serving import StartError
from load_balancer.timers import Timers
from tests.live.asking import get
from tests.live.origin import Origin, Visit, answer, done
from tests.live.rig import settings_for
from tests.live.wire import Clients

pytestmark = pytest.mark.integration


async def backend(visit: Visit) -> None:
    while not await done(visit):
        await visit.request()
        visit.send(answer(b"{}"))


async def test_it_serves_alone() -> None:
    """On a socket that it is given, with no admin port; drained it has let go of all."""
    loop = asyncio.get_running_loop()
    timers = Timers(loop)
    async with Origin(backend) as origin, Clients() as clients:
        node = Assembly(settings_for(origin), loop)
        listening = socket.create_server(("127.0.0.1", 0))
        await node.start([listening])
        node.live(timers)
        assert node.port == listening.getsockname()[1]
        client = await clients.connect(node.port)
        client.send(get("/work"))
        assert (await client.answer()).status == 200
        assert node.load.current() == 0.0
        node.switch_strategy("random")
        assert node.reloader.settings.load_balancer.strategy == "random"
        assert await node.drain() == 0
        await timers.stop()
        node.logs.close()


async def test_a_start_that_fails_can_be_abandoned() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        node = Assembly(settings_for(1, port=port), asyncio.get_running_loop())
        with pytest.raises(StartError, match=rf"load_balancer\.port: cannot listen .*:{port}"):
            await node.start()
        await node.abandon()


async def test_a_crash_refuses_and_cuts_at_once() -> None:
    """As a killed process: who is connected is cut, who comes is refused."""
    async with Origin(backend) as origin, Clients() as clients:
        node = Assembly(settings_for(origin), asyncio.get_running_loop())
        await node.start()
        client = await clients.connect(node.port)
        client.send(get("/work"))
        await client.answer()
        node.listener.crash()
        await client.end()
        with socket.socket() as trying, pytest.raises(ConnectionRefusedError):
            trying.connect(("127.0.0.1", node.port))
        await node.abandon()
