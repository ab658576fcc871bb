"""The process of a network's origins."""

from __future__ import annotations

import os
import signal
import socket

import httpx
import pytest

from config.layout import Address
from load_balancer.network import origins
from load_balancer.serving import StartError
from tests.load_balancer.fakes import until

pytestmark = pytest.mark.integration


async def test_they_say_where_they_listen_and_end_when_asked() -> None:
    wanted = {name: Address("127.0.0.1", 0) for name in ("a.test", "b.test")}
    process, found = await origins.start(wanted, [], 20)
    assert list(found) == ["a.test", "b.test"]
    async with httpx.AsyncClient(trust_env=False) as client:
        for domain, address in found.items():
            page = await client.get(f"http://{address}/path-1/page.html", headers={"Host": domain})
            assert page.status_code == 200
    await process.stop()
    with socket.socket() as trying, pytest.raises(ConnectionRefusedError):
        trying.connect(found["a.test"])


async def test_that_they_died_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    process, _ = await origins.start({"a.test": Address("127.0.0.1", 0)}, [], 20)
    os.kill(process._process.pid, signal.SIGKILL)
    await until(process._watch.done)
    assert "the process of the origins was ended by SIGKILL" in capsys.readouterr().err
    await process.stop()


async def test_a_taken_port_is_said_by_themselves(capfd: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(StartError) as raised:
            await origins.start({"a.test": Address("127.0.0.1", port)}, [], 20)
    assert (str(raised.value), raised.value.exit_code) == ("", 2)
    assert f"port {port} is taken" in capfd.readouterr().err


async def test_late_ones_are_killed() -> None:
    with pytest.raises(StartError, match=r"were not ready in 0\.01 s"):
        await origins.start({"a.test": Address("127.0.0.1", 0)}, [], 0.01)
