"""A small HTTP server whose answers a test writes byte by byte; it notes what it was asked."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Reply:
    """``early``, after ``wait`` seconds ``data``, and then perhaps the end of the connection."""

    data: bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Server-Id: here\r\n\r\nok"
    wait: float = 0.0
    close: bool = False
    early: bytes = b""


@dataclass
class Server:
    """What it was asked, and when; ``reply`` decides what it says to each request's head."""

    reply: Callable[[str], Reply]
    url: str = ""
    heads: list[str] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    arrivals: list[float] = field(default_factory=list)
    connections: int = 0
    open: int = 0
    in_flight: int = 0
    most_in_flight: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open += 1
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                self.arrivals.append(time.perf_counter())
                length = [line for line in head.lower().split("\r\n") if "content-length" in line]
                body = await reader.readexactly(int(length[0].split(":")[1])) if length else b""
                self.heads.append(head)
                self.bodies.append(body)
                self.in_flight += 1
                self.most_in_flight = max(self.most_in_flight, self.in_flight)
                reply = self.reply(head)
                writer.write(reply.early)
                await asyncio.sleep(reply.wait)
                self.in_flight -= 1
                writer.write(reply.data)
                await writer.drain()
                if reply.close:
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.open -= 1
            writer.close()
