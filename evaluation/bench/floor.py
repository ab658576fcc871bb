"""The floor: a byte relay that knows no HTTP, on the event loop that ours runs on.

It is what any proxy on that loop must at least spend: two reads and two writes a request, with
backpressure. Each client connection is paired with one connection to a backend, backends in turn.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import signal
import sys
from collections.abc import Sequence
from typing import cast

from backend.processes import when_stdin_closes
from traffic.client import new_event_loop


class Side(asyncio.Protocol):
    """One of two connections whose bytes go to the other."""

    __slots__ = ("_other", "transport")

    transport: asyncio.Transport

    def __init__(self, other: Side | None = None) -> None:
        self._other = other

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        assert self._other is not None
        self._other.transport.write(data)

    def pause_writing(self) -> None:
        if self._other is not None:
            self._other.transport.pause_reading()

    def resume_writing(self) -> None:
        if self._other is not None and not self._other.transport.is_closing():
            self._other.transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        other, self._other = self._other, None
        if other is not None:
            other.transport.abort() if exc else other.transport.close()


class Relay:
    """The listening side. ``backends`` are ports of loopback."""

    def __init__(self, backends: Sequence[int]) -> None:
        self._turn = itertools.cycle(backends)
        self._connecting: set[asyncio.Task[None]] = set()

    def accept(self) -> Side:
        """The protocol of one more client connection."""
        return Client(self)

    def connect(self, client: Client) -> None:
        """Gives a client its backend; at most one piece is read from it before."""
        task = asyncio.create_task(self._connect(client))
        self._connecting.add(task)
        task.add_done_callback(self._connecting.discard)

    async def _connect(self, client: Client) -> None:
        loop = asyncio.get_running_loop()
        try:
            _, backend = await loop.create_connection(
                lambda: Side(client), "127.0.0.1", next(self._turn)
            )
        except OSError:
            client.transport.abort()
            return
        if client.transport.is_closing():
            backend.transport.abort()
            return
        client.pair(backend)


class Client(Side):
    """The client's side of a pair, before and after it has the other."""

    __slots__ = ("_early", "_relay")

    def __init__(self, relay: Relay) -> None:
        super().__init__()
        self._relay = relay
        # uvloop's transports cannot be paused before their first read.
        self._early: list[bytes] = []

    def pair(self, other: Side) -> None:
        """What came before the backend was there goes first."""
        self._other = other
        other.transport.write(b"".join(self._early))
        self._early.clear()
        self.transport.resume_reading()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._relay.connect(self)

    def data_received(self, data: bytes) -> None:
        if self._other is None:
            self._early.append(data)
            self.transport.pause_reading()
        else:
            self._other.transport.write(data)


async def serve(port: int, backends: Sequence[int]) -> None:
    """Serves until SIGTERM, SIGINT or the end of stdin. Raises OSError if the port is taken."""
    loop = asyncio.get_running_loop()
    over = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, over.set)

    def end() -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(over.set)

    when_stdin_closes(end)
    server = await loop.create_server(Relay(backends).accept, "127.0.0.1", port, backlog=1024)
    print(f"ready floor http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await over.wait()
    server.close()


def main(argv: Sequence[str] | None = None) -> int:
    it = argparse.ArgumentParser(description="Relays bytes to some ports of loopback, in turn.")
    it.add_argument("port", type=int, help="0 lets the system choose")
    it.add_argument("backends", type=int, nargs="+")
    options = it.parse_args(argv)
    try:
        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            runner.run(serve(options.port, options.backends))
    except OSError as error:
        print(f"floor: cannot listen: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
