"""evaluation.bench.floor: bytes pass unchanged both ways, and ends pass with them."""

import asyncio
import socket
from collections.abc import AsyncIterator
from typing import cast

import pytest

from evaluation.bench.floor import Relay, main

pytestmark = pytest.mark.integration


class Echo(asyncio.Protocol):
    """Says everything back; closes at a full stop."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._transport.write(data)
        if data.endswith(b"."):
            self._transport.close()


@pytest.fixture
async def relay() -> AsyncIterator[int]:
    """The port of a relay before one echo."""
    loop = asyncio.get_running_loop()
    echo = await loop.create_server(Echo, "127.0.0.1", 0)
    floor = await loop.create_server(
        Relay([echo.sockets[0].getsockname()[1]]).accept, "127.0.0.1", 0
    )
    async with echo, floor:
        yield floor.sockets[0].getsockname()[1]


async def test_bytes_pass_both_ways_from_the_first_on(relay: int) -> None:
    """The first may come before the backend is connected."""
    reader, writer = await asyncio.open_connection("127.0.0.1", relay)
    for piece in (b"one", b"two", b"three."):
        writer.write(piece)
        assert await reader.readexactly(len(piece)) == piece
    assert await reader.read() == b""
    writer.close()
    await writer.wait_closed()


async def test_much_passes_with_backpressure(relay: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", relay)
    whole = bytes(range(256)) * 20_000
    writer.write(whole)
    assert await asyncio.wait_for(reader.readexactly(len(whole)), 20) == whole
    writer.close()
    await writer.wait_closed()


async def test_without_a_backend_the_client_is_let_go() -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    floor = await asyncio.get_running_loop().create_server(Relay([port]).accept, "127.0.0.1", 0)
    async with floor:
        reader, writer = await asyncio.open_connection(*floor.sockets[0].getsockname()[:2])
        writer.write(b"x")
        with pytest.raises(ConnectionError):
            assert await asyncio.wait_for(reader.read(), 10) == b""
            raise ConnectionResetError
        writer.close()


def test_a_taken_port_is_one_line_and_exit_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert main([str(taken.getsockname()[1]), "9"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("floor: cannot listen")
    assert said.count("\n") == 1
