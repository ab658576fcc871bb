"""The backend behind the measured proxies where there is no nginx: 1 KB at once, on some ports.

As little work as Python can do for an answer, so that the proxy stays the one that is measured.
Beside 1 KB for every path: /large has 10 MB, /missing is 404, /health what a healthy backend says,
and what is below /cached/ may be stored.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import re
import signal
import sys
from collections.abc import Sequence
from typing import cast

from backend.processes import when_stdin_closes
from evaluation.bench.cases import CACHED_PATH, LARGE_BYTES, LARGE_PATH, MADE
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


MISSING_PATH = "/missing"
_CHUNKED = re.compile(rb"\r\ntransfer-encoding:[ \t]*chunked", re.IGNORECASE)
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d+)", re.IGNORECASE)


def answer(body: bytes, kind: str, status: str = "200 OK", more: str = "") -> bytes:
    """A whole response, made once."""
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n{more}\r\n"
    return head.encode("ascii") + body


WORK_ANSWER = answer(BODY, "text/plain")
ANSWERS = {
    b"/health": answer(HEALTH, "application/json"),
    LARGE_PATH.encode(): answer(b"x" * LARGE_BYTES, "application/octet-stream"),
    MISSING_PATH.encode(): answer(b"nothing here\n", "text/plain", "404 Not Found"),
}
CACHED = CACHED_PATH.encode()
CACHED_ANSWER = answer(BODY, "text/plain", more=f"Cache-Control: max-age=3600\r\n{MADE}: %016x\r\n")
_made = itertools.count()


class Origin(asyncio.Protocol):
    """Answers every request at its head's end; its body is passed over."""

    def __init__(self) -> None:
        self._held = b""
        self._body_left = 0
        self._chunked = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        answers = []
        held = self._held + data
        while held:
            if self._body_left:
                passed = min(self._body_left, len(held))
                self._body_left -= passed
                held = held[passed:]
                continue
            if self._chunked:
                line, end, rest = held.partition(b"\r\n")
                if not end:
                    break
                size = int(line.partition(b";")[0], 16)
                # Of a last chunk without trailers only the empty line is left.
                self._body_left = size + 2
                self._chunked = size > 0
                held = rest
                continue
            head, end, rest = held.partition(b"\r\n\r\n")
            if not end:
                break
            held = rest
            self._chunked = _CHUNKED.search(head) is not None
            length = None if head.startswith(b"GET ") else _LENGTH.search(head)
            self._body_left = 0 if length is None else int(length[1])
            answers.append(self._answer(head))
        self._held = held
        if answers:
            self._transport.write(b"".join(answers))

    @staticmethod
    def _answer(head: bytes) -> bytes:
        target = head.split(b" ", 2)[1]
        whole = ANSWERS.get(target, WORK_ANSWER)
        if target.startswith(CACHED):
            whole = CACHED_ANSWER % next(_made)
        return whole if not head.startswith(b"HEAD ") else whole[: whole.index(b"\r\n\r\n") + 4]


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
