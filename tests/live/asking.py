"""Requests as bytes, and endpoints that do not answer."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager


def get(target: str = "/", *lines: str, method: str = "GET", version: str = "1.1") -> bytes:
    """A request without a body."""
    more = "".join(f"{line}\r\n" for line in lines)
    return f"{method} {target} HTTP/{version}\r\nHost: origin.test\r\n{more}\r\n".encode("latin-1")


def post(body: bytes, target: str = "/", *lines: str, method: str = "POST") -> bytes:
    """A request with a Content-Length."""
    return get(target, f"Content-Length: {len(body)}", *lines, method=method) + body


def chunks(*parts: bytes, trailers: str = "") -> bytes:
    """A whole chunked body."""
    framed = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts)
    return framed + b"0\r\n" + trailers.encode("latin-1") + b"\r\n"


def chunked(*parts: bytes, target: str = "/", trailers: str = "", method: str = "POST") -> bytes:
    """A request whose body comes in chunks."""
    head = get(target, "Transfer-Encoding: chunked", method=method)
    return head + chunks(*parts, trailers=trailers)


@contextmanager
def refusing() -> Iterator[int]:
    """A port of this machine that refuses connections, and is nobody else's meanwhile."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


@contextmanager
def unaccepting() -> Iterator[int]:
    """A port where connecting never ends: its queue is full and nobody accepts."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        port = listening.getsockname()[1]
        waiting = []
        try:
            # The system rounds the length of the queue up, each in its own way.
            for _ in range(16):
                waiting.append(socket.socket())
                waiting[-1].settimeout(0.1)
                try:
                    waiting[-1].connect(("127.0.0.1", port))
                except TimeoutError:
                    break
            yield port
        finally:
            for each in waiting:
                each.close()


async def forever() -> None:
    """Until the test ends."""
    await asyncio.Event().wait()
