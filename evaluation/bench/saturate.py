"""Closed-loop load: so many connections, each sending its next request as soon as it has an answer.

A program of its own, so that it can have a processor core of its own. It finds out how much a proxy
can do, and is of no use for latencies. With ``--watch`` it also reads the processor time of a
process tree at the very edges of the measured window. Prints one JSON object. ``wrk.py`` does the
same where wrk is installed.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import cast
from urllib.parse import urlsplit

from evaluation.bench.processor import Tree
from traffic.client import new_event_loop

RETRY_SECONDS = 0.1
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d+)[ \t]*\r\n", re.IGNORECASE)


class Unreadable(ValueError):
    """An answer that this driver cannot tell the end of."""


class LoadFailed(Exception):
    """A load driver did not do its work; the message is one line."""


def answer_length(data: bytes) -> int:
    """Bytes of the answer that ``data`` begins with, head and body; 0 while its head is incomplete.

    Raises:
        Unreadable: it is no HTTP/1 answer, or says no length.
    """
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return 0
    if not data.startswith(b"HTTP/1."):
        raise Unreadable("not HTTP/1")
    found = _LENGTH.search(data, 0, end + 2)
    if found is None:
        raise Unreadable("an answer without Content-Length")
    return end + 4 + int(found[1])


@dataclass(slots=True)
class Load:
    """What was measured between the edges of the window.

    Attributes:
        errors: answers that were cut short or unreadable, and failed connects.
        reconnects: connections that were closed before the first byte of an answer.
        watched_cpu: processor seconds of the watched tree; None without one.
        own_cpu: processor seconds of this driver.
        problem: the first error in words.
        watched_user: the part of ``watched_cpu`` outside of the kernel.
        received_bytes: within the window, heads included.
    """

    completed: int
    seconds: float
    errors: int
    reconnects: int
    statuses: dict[str, int]
    watched_cpu: float | None
    own_cpu: float
    problem: str
    watched_user: float = 0.0
    received_bytes: int = 0


class Tally:
    """Counts; written by all connections."""

    __slots__ = ("completed", "errors", "problem", "received", "reconnects", "statuses")

    def __init__(self) -> None:
        self.completed = 0
        self.errors = 0
        self.received = 0
        self.reconnects = 0
        self.statuses: Counter[bytes] = Counter()
        self.problem = ""

    def error(self, problem: str) -> None:
        self.errors += 1
        self.problem = self.problem or problem


class Saturation:
    """The connections to one address and what they count.

    Attributes:
        request: makes the bytes of the next request.
    """

    def __init__(self, host: str, port: int, request: Callable[[], bytes]) -> None:
        self.request = request
        self.tally = Tally()
        self.open: set[Exchange] = set()
        self._address = (host, port)
        self._connecting: set[asyncio.Task[None]] = set()
        self._over = False

    def connect(self) -> None:
        """Adds a connection, which is replaced whenever it is lost."""
        task = asyncio.create_task(self._connect())
        self._connecting.add(task)
        task.add_done_callback(self._connecting.discard)

    async def stop(self) -> None:
        """Leaves no connection and no task."""
        self._over = True
        for task in self._connecting:
            task.cancel()
        for exchange in list(self.open):
            exchange.abort()
        await asyncio.gather(*self._connecting, return_exceptions=True)
        await asyncio.sleep(0)

    def lost(self, exchange: Exchange, problem: str) -> None:
        """A connection is gone; ``problem`` says what was wrong, nothing if it just closed."""
        self.open.discard(exchange)
        if self._over:
            return
        if problem:
            self.tally.error(problem)
        else:
            self.tally.reconnects += 1
        self.connect()

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                await loop.create_connection(lambda: Exchange(self), *self._address)
            except OSError as error:
                self.tally.error(f"cannot connect: {error}")
                await asyncio.sleep(RETRY_SECONDS)
            else:
                return


class Exchange(asyncio.Protocol):
    """One connection: request, answer, request … One answer is awaited at any time."""

    __slots__ = ("_held", "_left", "_load", "_problem", "_status", "_transport", "_write")

    def __init__(self, load: Saturation) -> None:
        self._load = load
        self._held = b""
        self._left = 0
        self._problem = ""
        self._status = b""

    def abort(self) -> None:
        self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._write = self._transport.write
        self._load.open.add(self)
        self._write(self._load.request())

    def data_received(self, data: bytes) -> None:
        tally = self._load.tally
        tally.received += len(data)
        if self._left:  # of a body whose head has been read; its bytes are not kept
            left = self._left - len(data)
        else:
            if self._held:
                data = self._held + data
            try:
                length = answer_length(data)
            except Unreadable as error:
                self._problem = str(error)
                self.abort()
                return
            if not length:
                self._held = data
                return
            self._held = b""
            self._status = data[9:12]
            left = length - len(data)
        self._left = max(0, left)
        if left < 0:
            self._problem = "more bytes than the answer has"
            self.abort()
        elif not left:
            tally.completed += 1
            tally.statuses[self._status] += 1
            self._write(self._load.request())

    def connection_lost(self, exc: Exception | None) -> None:
        if (self._held or self._left) and not self._problem:
            self._problem = "an answer was cut short"
        self._load.lost(self, self._problem)


def request_maker(
    host: str, path: str, headers: Sequence[tuple[str, str]], varied: bool, targets: int = 0
) -> Callable[[], bytes]:
    """What makes the bytes of each request: the same ones, or each time another path and id; with
    ``targets``, another id and one of so many paths in turn."""
    fields = "".join(f"{name}: {value}\r\n" for name, value in (("Host", host), *headers))
    if not varied:
        whole = f"GET {path} HTTP/1.1\r\n{fields}\r\n".encode("latin-1")
        return lambda: whole
    rest = f"{fields}\r\n".encode("latin-1")
    begin = f"GET {path}item/".encode("latin-1")
    numbers = itertools.count(1)

    def make() -> bytes:
        number = next(numbers)
        return b"%b%d?page=%d HTTP/1.1\r\nX-Request-ID: %016x\r\n%b" % (
            begin,
            number % targets if targets else number,
            (number % targets if targets else number) % 97,
            number,
            rest,
        )

    return make


async def saturate(
    url: str,
    *,
    connections: int,
    seconds: float,
    warm_up: float,
    headers: Sequence[tuple[str, str]] = (),
    varied: bool = False,
    targets: int = 0,
    watch: int | None = None,
) -> Load:
    """Loads ``url`` for ``warm_up`` seconds unmeasured and ``seconds`` measured."""
    parts = urlsplit(url)
    host, port = parts.hostname or "127.0.0.1", parts.port or 80
    make = request_maker(f"{host}:{port}", parts.path or "/", headers, varied, targets)
    load = Saturation(host, port, make)
    for _ in range(connections):
        load.connect()
    try:
        await asyncio.sleep(warm_up)
        tree = None if watch is None else Tree(watch)
        load.tally = Tally()
        began, own = time.perf_counter(), time.process_time()
        before = (0.0, 0.0) if tree is None else tree.times()
        await asyncio.sleep(seconds)
        after = (0.0, 0.0) if tree is None else tree.times()
        tally, ended = load.tally, time.perf_counter()
        return Load(
            completed=tally.completed,
            seconds=ended - began,
            errors=tally.errors,
            reconnects=tally.reconnects,
            statuses={status.decode("latin-1"): n for status, n in tally.statuses.items()},
            watched_cpu=None if tree is None else sum(after) - sum(before),
            own_cpu=time.process_time() - own,
            problem=tally.problem,
            watched_user=after[0] - before[0],
            received_bytes=tally.received,
        )
    finally:
        await load.stop()


def main(argv: Sequence[str] | None = None) -> int:
    it = argparse.ArgumentParser(description="Closed-loop load on one URL; prints JSON.")
    it.add_argument("url")
    it.add_argument("--connections", type=int, default=48)
    it.add_argument("--seconds", type=float, default=3.0)
    it.add_argument("--warm-up", type=float, default=1.0)
    it.add_argument("--watch", type=int, metavar="PID", help="measure this tree's processor time")
    it.add_argument("--headers", type=json.loads, default=[], help="pairs, as JSON")
    it.add_argument("--varied", action="store_true", help="each request another path and id")
    it.add_argument("--targets", type=int, default=0, help="varied: so many paths, in turn")
    options = it.parse_args(argv)
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        load = runner.run(
            saturate(
                options.url,
                connections=options.connections,
                seconds=options.seconds,
                warm_up=options.warm_up,
                headers=[(str(name), str(value)) for name, value in options.headers],
                varied=options.varied,
                targets=options.targets,
                watch=options.watch,
            )
        )
    print(json.dumps(asdict(load)), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
