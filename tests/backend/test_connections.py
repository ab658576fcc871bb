"""A backend that cuts its connections, as whoever is connected sees it."""

import asyncio
import contextlib
import socket
import time

import httpx
import pytest

from backend.connections import Connections
from backend.processes import Process

pytestmark = pytest.mark.integration

REQUEST = b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n"


def connected(server: Process) -> socket.socket:
    host, port = server.url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=10)


async def test_an_answer_cut_in_its_middle_ends_in_a_reset(
    server: Process, client: httpx.AsyncClient
) -> None:
    """Head and half of the body, then RST and not an end of stream, which could be taken for the
    body's; with share 0 all is well again."""
    assert (await client.post("/behaviour", json={"reset_share": 1})).status_code == 200
    received = b""

    def read() -> None:
        nonlocal received
        with connected(server) as connection:
            connection.sendall(REQUEST)
            while piece := connection.recv(1 << 16):
                received += piece

    with pytest.raises(ConnectionResetError):
        await asyncio.to_thread(read)
    head, _, body = received.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ")
    assert b"content-length: %d" % (2 * len(body)) in head.lower()
    assert body
    assert (await client.post("/behaviour", json={"reset_share": 0})).status_code == 200
    assert (await client.get("/x")).status_code == 200


async def test_it_refuses_connections_for_a_while_and_then_is_back_on_the_same_port(
    server: Process, client: httpx.AsyncClient
) -> None:
    """Kept connections are cut too, and the process lives on."""
    with connected(server) as kept:
        answer = await client.post("/behaviour", json={"refuse_seconds": 0.6})
        assert answer.status_code == 200
        began = time.monotonic()
        with pytest.raises(ConnectionResetError):
            await asyncio.to_thread(kept.recv, 100)
    with pytest.raises(ConnectionRefusedError):
        connected(server)
    while time.monotonic() - began < 5:
        with contextlib.suppress(ConnectionRefusedError), connected(server):
            break
        await asyncio.sleep(0.02)
    assert 0.3 < time.monotonic() - began < 3
    assert (await client.get("/x")).status_code == 200


def test_to_cut_a_connection_that_is_gone_is_nothing() -> None:
    connections = Connections()
    connections.reset(("127.0.0.1", 9))
    connections.reset_all()
    assert len(connections) == 0
