"""One process of a network's nodes."""

from __future__ import annotations

import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from load_balancer import workers
from load_balancer.hand_over import GroupHandOver
from load_balancer.network.group_service import GroupService
from load_balancer.reloading import ReloadError
from load_balancer.serving import StartError
from load_balancer.workers import WorkerError
from tests.load_balancer.network.test_group import named

pytestmark = pytest.mark.integration


@pytest.fixture
def folder() -> Iterator[Path]:
    """With a name that is short enough for a unix socket."""
    with tempfile.TemporaryDirectory() as made:
        yield Path(made)


async def test_it_serves_the_nodes_it_was_handed(folder: Path) -> None:
    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    place = GroupHandOver(3, folder / "3.sock", ((named("a", 1), (listening.detach(),)),))
    service = GroupService(place)
    assert await service.start() == f"ready group-3 http://127.0.0.1:{port}"
    transport = httpx.AsyncHTTPTransport(uds=str(place.admin))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        assert list((await client.get("/nodes")).json()["nodes"]) == ["a"]
    with pytest.raises(ReloadError, match="admin port"):
        await service.apply(named("a", 1))
    service.reopen_logs()
    service.hurry()
    assert await service.stop() == 0


async def test_one_that_cannot_start_leaves_nothing(folder: Path) -> None:
    nodes = ((named("a", 1), ()), (named("b", 1, host="192.0.2.1"), ()))
    service = GroupService(GroupHandOver(1, folder / "1.sock", nodes))
    with pytest.raises(StartError, match="cannot listen"):
        await service.start()


async def test_as_a_process_it_ends_with_its_parent(folder: Path) -> None:
    place = GroupHandOver(1, folder / "1.sock", ((named("a", 1), ()),))
    worker = await workers.start(place, 20, "group")
    assert (await worker.ask("GET", "/nodes/a/readyz")).json() == {"status": "ready"}
    worker.close()
    assert await worker.ended() == 0


async def test_as_a_process_it_says_why_it_cannot(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    place = GroupHandOver(1, folder / "1.sock", ((named("a", 1, host="192.0.2.1"), ()),))
    with pytest.raises(WorkerError, match="group 1 ended with exit code 2"):
        await workers.start(place, 20, "group")
    assert "cannot listen on 192.0.2.1" in capfd.readouterr().err
