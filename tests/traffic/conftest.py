"""A server in a thread, and an address without one."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator

import pytest

from tests.traffic.serving import Reply, Server


@pytest.fixture
def server() -> Iterator[Server]:
    """Listens until the test ends; a test sets ``server.reply`` to what it wants."""
    it = Server(lambda head: Reply())
    loop = asyncio.new_event_loop()
    listening = loop.run_until_complete(asyncio.start_server(it.serve, "127.0.0.1", 0, backlog=500))
    it.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield it

    async def end() -> None:
        listening.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await asyncio.sleep(0)  # the last connections are closed in the next turn

    asyncio.run_coroutine_threadsafe(end(), loop).result(5)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(5)
    loop.close()


@pytest.fixture
def unused_url() -> str:
    """Where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return f"http://127.0.0.1:{listening.getsockname()[1]}"
