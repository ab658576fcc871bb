"""One node as a service."""

from __future__ import annotations

import asyncio
import os
import tempfile
from pathlib import Path

import httpx
import pytest

from load_balancer.hand_over import HandOver
from load_balancer.notify import Notifier
from load_balancer.ports import reserve
from load_balancer.reloading import ReloadError
from load_balancer.serving import Operation
from load_balancer.single import SingleNode, read_place
from tests.live.asking import get
from tests.live.origin import Origin, Visit, answer, done
from tests.live.rig import settings_for
from tests.live.wire import Clients

pytestmark = pytest.mark.integration


async def backend(visit: Visit) -> None:
    while not await done(visit):
        await visit.request()
        visit.send(answer(b"{}"))


def operation() -> Operation:
    return Operation(None, Notifier({}, lambda: 0.0, 1))


async def test_before_it_has_started_it_can_be_asked_for_nothing() -> None:
    """A signal may come at any time."""
    node = SingleNode(settings_for(1), operation())
    node.hurry()
    node.reopen_logs()
    with pytest.raises(ReloadError, match="not ready"):
        await node.apply(settings_for(1))
    assert 0 == await node.stop()


async def test_it_takes_a_socket_that_listens_already() -> None:
    """Socket activation: the configured port is not looked at."""
    async with Origin(backend) as origin, Clients() as clients:
        (given,) = reserve("127.0.0.1", 0)
        given.listen()
        given.setblocking(False)
        port = given.getsockname()[1]
        node = SingleNode(settings_for(origin, port=1), operation(), [given])
        line = await node.start()
        assert line.startswith(f"ready slb http://127.0.0.1:{port} admin http://127.0.0.1:")
        client = await clients.connect(port)
        client.send(get("/work"))
        assert 200 == (await client.answer()).status
        client.close()
        assert 0 == await node.stop()


async def test_workers_share_a_port_and_serve_their_admin_on_a_socket() -> None:
    with tempfile.TemporaryDirectory() as folder, reserve("127.0.0.1", 0)[0] as held:
        port = held.getsockname()[1]
        settings = settings_for(1, port=port)
        nodes = [
            SingleNode(settings, operation(), (), HandOver(n, Path(folder, f"{n}"), settings))
            for n in (1, 2)
        ]
        for number, node in enumerate(nodes, 1):
            assert f"ready slb http://127.0.0.1:{port}" == await node.start()
            transport = httpx.AsyncHTTPTransport(uds=str(Path(folder, f"{number}")))
            async with httpx.AsyncClient(transport=transport) as client:
                assert 200 == (await client.get("http://anything/readyz")).status_code
                assert 404 == (await client.post("http://anything/drain")).status_code
        for node in nodes:
            assert 0 == await node.stop()


@pytest.mark.parametrize("sent", [b"one line\n", b"x" * 200_000 + b"\n", b"no end", b""])
async def test_a_place_is_the_first_line_of_standard_input(
    sent: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long, in whatever pieces."""
    reading, writing = os.pipe()
    kept = os.dup(0)
    os.dup2(reading, 0)
    try:

        def send() -> None:
            with os.fdopen(writing, "wb") as file:
                file.write(sent)

        sending = asyncio.create_task(asyncio.to_thread(send))
        assert sent == await asyncio.to_thread(read_place)
        await sending
    finally:
        os.dup2(kept, 0)
        os.close(kept)
        os.close(reading)
