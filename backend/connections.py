"""What lies below the application: its connections, so that one can be cut as a crash would.

An ASGI application cannot cut its own connection. This notes every connection as uvicorn makes it,
by the address of its client, which is what the application knows of it.
"""

from __future__ import annotations

import asyncio
import os
import socket
import struct
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

LINGER_NOT = struct.pack("ii", 1, 0)


class Connections:
    """The open connections of one server, by their clients' host and port."""

    def __init__(self) -> None:
        self._open: dict[tuple[str, int], asyncio.BaseTransport] = {}

    def __len__(self) -> int:
        return len(self._open)

    def opened(self, transport: asyncio.BaseTransport) -> None:
        self._open[_client(transport)] = transport

    def closed(self, transport: asyncio.BaseTransport) -> None:
        self._open.pop(_client(transport), None)

    def reset(self, client: tuple[str, int]) -> None:
        """Cuts a client's connection with a TCP reset; nothing if it is gone already."""
        transport = self._open.get(client)
        if transport is not None:
            _reset(transport)

    def reset_all(self) -> None:
        """Cuts every connection."""
        for transport in list(self._open.values()):
            _reset(transport)


def noting(connections: Connections) -> type[HttpToolsProtocol]:
    """uvicorn's protocol, whose connections are noted there."""

    class Noting(HttpToolsProtocol):
        """HTTP over one connection, which is noted."""

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            connections.opened(transport)

        def connection_lost(self, exc: Exception | None) -> None:
            connections.closed(self.transport)
            super().connection_lost(exc)

    return Noting


def _client(transport: asyncio.BaseTransport) -> tuple[str, int]:
    name = transport.get_extra_info("peername") or ("", 0)
    return str(name[0]), int(name[1])


def _reset(transport: asyncio.BaseTransport) -> None:
    # Without lingering, closing discards what is unsent and sends a reset (socket(7)).
    with socket.socket(fileno=os.dup(transport.get_extra_info("socket").fileno())) as same:
        same.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NOT)
    transport.abort()  # type: ignore[attr-defined]
