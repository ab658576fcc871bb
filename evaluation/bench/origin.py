"""The backend behind the measured proxies where there is no nginx: 1 KB at once, on some ports.

As little work as Python can do for an answer, so that the proxy stays the one that is measured.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
from collections.abc import Sequence
from typing import cast

from backend.processes import when_stdin_closes
from traffic.client import new_event_loop

BODY = b"x" * 1024
HEALTH = json.dumps(
    {
        "server_id": "origin",
        "timestamp": 0,
        "cpu_utilization": 0.0,
        "memory": 0.0,
        "active_requests": 0,
        "avg_response_time": 0.0,
        "health_status": "healthy",
    }
).encode("ascii")


def answer(body: bytes, kind: str) -> bytes:
    """A whole response, made once."""
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode("ascii") + body


WORK_ANSWER = answer(BODY, "text/plain")
HEALTH_ANSWER = answer(HEALTH, "application/json")


class Origin(asyncio.Protocol):
    """Answers requests without a body; each head's end is a request."""

    def __init__(self) -> None:
        self._held = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        *heads, self._held = (self._held + data).split(b"\r\n\r\n")
        self._transport.write(
            b"".join(
                HEALTH_ANSWER if head.startswith(b"GET /health ") else WORK_ANSWER for head in heads
            )
        )


async def serve(ports: Sequence[int]) -> None:
    """Serves until SIGTERM, SIGINT or the end of stdin. Raises OSError if a port is taken."""
    loop = asyncio.get_running_loop()
    over = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, over.set)

    def end() -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(over.set)

    when_stdin_closes(end)
    servers = [await loop.create_server(Origin, "127.0.0.1", port) for port in ports]
    print(f"ready origin http://127.0.0.1:{servers[0].sockets[0].getsockname()[1]}", flush=True)
    await over.wait()
    for server in servers:
        server.close()


def main(argv: Sequence[str] | None = None) -> int:
    it = argparse.ArgumentParser(description="Answers 1 KB at once on some ports of loopback.")
    it.add_argument("ports", type=int, nargs="+")
    options = it.parse_args(argv)
    try:
        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            runner.run(serve(options.ports))
    except OSError as error:
        print(f"origin: cannot listen: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
