"""A name server on loopback for one service, whose backends can be changed: SRV and A over UDP.

As much of RFC 1035 and RFC 2782 as a resolver needs that asks for one service: one question, the
answers, and the addresses of their targets as additional records.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Sequence
from typing import cast

A = 1
SRV = 33
INTERNET = 1
RESPONSE = 0x8180  # an answer, recursion desired and available
NO_SUCH_NAME = 3
TTL = 1
SERVICE = "_http._tcp.backends.test"


class NameServer(asyncio.DatagramProtocol):
    """Answers for ``SERVICE``, and for the names ``pPORT.backends.test``, which are 127.0.0.1.

    Attributes:
        ports: of the backends, now.
        asked: questions that were answered.
    """

    def __init__(self, ports: Sequence[int]) -> None:
        self.ports = tuple(ports)
        self.asked = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        answer = self.answer(data)
        if answer:
            self.asked += 1
            self.transport.sendto(answer, addr)

    def answer(self, query: bytes) -> bytes:
        """The answer to one question; nothing to what is none."""
        if len(query) < 17:
            return b""
        number, _, questions = struct.unpack_from("!HHH", query)
        name, end = _name(query, 12)
        if questions != 1 or len(query) < end + 4:
            return b""
        kind, _ = struct.unpack_from("!HH", query, end)
        question = query[12 : end + 4]
        answers: list[bytes] = []
        more: list[bytes] = []
        if kind == SRV and name == SERVICE:
            for port in self.ports:
                target = _written(_host(port))
                answers.append(_record(SERVICE, SRV, struct.pack("!HHH", 0, 1, port) + target))
                more.append(_record(_host(port), A, bytes((127, 0, 0, 1))))
        elif kind == A and name in {_host(port) for port in self.ports}:
            answers.append(_record(name, A, bytes((127, 0, 0, 1))))
        flags = RESPONSE | (0 if name.endswith("backends.test") else NO_SUCH_NAME)
        head = struct.pack("!HHHHHH", number, flags, 1, len(answers), 0, len(more))
        return head + question + b"".join(answers) + b"".join(more)


async def serve(ports: Sequence[int]) -> tuple[NameServer, int]:
    """A name server in the running loop and its port; it ends with its ``transport``."""
    transport, server = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: NameServer(ports), local_addr=("127.0.0.1", 0)
    )
    return server, int(transport.get_extra_info("sockname")[1])


def _host(port: int) -> str:
    return f"p{port}.backends.test"


def _name(data: bytes, start: int) -> tuple[str, int]:
    """The name at ``start``, lower case, and where it ends. Questions are not compressed."""
    labels = []
    while start < len(data) and data[start]:
        length = data[start]
        labels.append(data[start + 1 : start + 1 + length].decode("latin-1").lower())
        start += 1 + length
    return ".".join(labels), start + 1


def _written(name: str) -> bytes:
    labels = (label.encode("ascii") for label in name.split("."))
    return b"".join(bytes((len(label),)) + label for label in labels) + b"\0"


def _record(name: str, kind: int, data: bytes) -> bytes:
    return _written(name) + struct.pack("!HHIH", kind, INTERNET, TTL, len(data)) + data
