"""How exactly rules hold, and what they cost who is not held.

Starts a balancer for each case, with an origin and clients that always want more in this process.
Accuracy: what was delivered in a window, begun when the first burst is gone, over what the rule
allows. Cost: processor time of the balancer per request of a client that no rule is for, without
shaping and with it, in turn; then of one that a rule is for, without and beside an agent of
adaptive shaping for somebody else, and with an agent of its own. What the load and the origin use
is not in it.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import re
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any, cast

import httpx
import yaml

from backend.processes import Process, Processes
from evaluation.bench.processor import Tree

ROOT = Path(__file__).resolve().parents[2]
BURST_SECONDS = 1.0
"""Until what a rule lets pass at first is gone."""

REQUEST = b"GET /2 HTTP/1.1\r\nHost: bench.test\r\nUser-Agent: bench/1\r\n\r\n"
ENDLESS = 1 << 40
CONNECTIONS = 16
PIECE = bytes(64 << 10)
LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)

REQUESTS = (1.0, 10.0, 100.0, 1000.0)
BYTES = (10e3, 100e3, 1e6, 10e6, 50e6)
ELSEWHERE: tuple[dict[str, Any], ...] = (
    {"name": "there", "match": {"networks": ["192.0.2.0/24"]}, "requests_per_second": 1},
)
BY_KEY: tuple[dict[str, Any], ...] = (
    {
        "name": "keyed",
        "match": {"api_key_sha256": ["ab" * 32]},
        "client_by": "api_key",
        "requests_per_second": 1,
    },
    {"name": "below", "match": {"paths": ["/elsewhere"]}, "in_flight": 1},
)
HELD: tuple[dict[str, Any], ...] = (*BY_KEY, {"name": "held", "requests_per_second": 1e6})
ELSE_IN_MODE, SELF_IN_MODE = "keyed/key:" + "ab" * 8, "held/127.0.0.1"
ADAPTIVE: dict[str, Any] = {
    "enabled": True,
    "envelopes": [
        {"rule": "keyed", "requests_per_second": {"least": 1, "most": 10, "step": 2}},
        # Above what can be asked for: what is measured is the agent, not its rule.
        {"rule": "held", "requests_per_second": {"least": 1e5, "most": 1e6, "step": 2}},
    ],
}
COSTS: dict[str, tuple[Sequence[dict[str, Any]] | None, str]] = {
    "without": (None, ""),
    "another's rule": (ELSEWHERE, ""),
    "keys and paths": (BY_KEY, ""),
    "beside an agent": (HELD[:2], ELSE_IN_MODE),
    "a rule": (HELD, ""),
    "a rule, beside an agent": (HELD, ELSE_IN_MODE),
    "an agent": (HELD, SELF_IN_MODE),
}
"""By name: the rules, and who is in the adaptive mode. The first four are of a client that no rule
is for."""

OVER = {"a rule": "without", "a rule, beside an agent": "a rule", "an agent": "a rule"}
"""Beside what a case is measured, if not beside the first."""


class Sending(asyncio.Protocol):
    """Writes as much as is taken."""

    transport: asyncio.Transport

    def __init__(self) -> None:
        self._left = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def send(self, head: bytes, size: int) -> None:
        """A head and a body of so many bytes."""
        self._left = size
        self.transport.write(head)
        self._more()

    def _more(self) -> None:
        transport = self.transport
        while self._left and not (transport.is_closing() or transport.get_write_buffer_size()):
            size = min(self._left, len(PIECE))
            self._left -= size
            transport.write(PIECE[:size])

    def resume_writing(self) -> None:
        self._more()


class Origin(Sending):
    """Answers ``GET /N`` with N bytes, and takes bodies.

    Attributes:
        taken: bytes of bodies, of all connections.
    """

    taken = 0

    def __init__(self) -> None:
        super().__init__()
        self._body = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.transport.set_write_buffer_limits(0)

    def data_received(self, data: bytes) -> None:
        if not self._body:
            head, _, data = data.partition(b"\r\n\r\n")
            if head.startswith(b"GET"):
                size = int(head[5 : head.index(b" ", 5)])
                self.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size, size)
                return
            found = LENGTH.search(head)
            self._body = int(found[1]) if found else 0
        Origin.taken += len(data)
        self._body -= len(data)


class Asking(Sending):
    """A client.

    Attributes:
        answers, received: so far, and bytes.
    """

    def __init__(self, again: bool = False) -> None:
        super().__init__()
        self.answers = self.received = 0
        self._again = again

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.transport.set_write_buffer_limits(0)
        if self._again:
            self.transport.write(REQUEST)

    def data_received(self, data: bytes) -> None:
        self.received += len(data)
        if self._again:
            self.answers += data.startswith(b"HTTP/1.1 200")
            self.transport.write(REQUEST)


@contextlib.asynccontextmanager
async def balancer(
    rules: Sequence[dict[str, Any]] | None, adaptive: bool = False
) -> AsyncIterator[tuple[str, int, Process]]:
    """A balancer with these rules, or without shaping: its host, port and process.

    Args:
        adaptive: agents may move those rules that ADAPTIVE has envelopes for.
    """
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Origin, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    shaping: dict[str, Any] = {"enabled": rules is not None, "rules": list(rules or ())}
    if adaptive:
        names = {rule["name"] for rule in rules or ()}
        within = [each for each in ADAPTIVE["envelopes"] if each["rule"] in names]
        shaping["adaptive"] = {**ADAPTIVE, "envelopes": within}
    settings = {
        "servers": [{"id": "origin", "host": "127.0.0.1", "port": port}],
        "load_balancer": {
            "host": "127.0.0.1",
            "port": 0,
            "admin_port": 0,
            "limits": {"idle_connections_per_endpoint": 1000},
            "deadlines": {"drain_seconds": 0.1},
            "shaping": shaping,
        },
        "metrics": {"check": "off"},
    }
    with tempfile.TemporaryDirectory() as folder, Processes() as children:
        config = Path(folder) / "shaping.yaml"
        config.write_text(yaml.safe_dump(settings))
        command = [sys.executable, str(ROOT / "load_balancer" / "main.py"), "--config", str(config)]
        started = await asyncio.to_thread(children.start, [*command, "--until-stdin-closes"])
        host, _, number = started.url.removeprefix("http://").rpartition(":")
        try:
            yield host, int(number), started
        finally:
            server.close()


async def _clients(host: str, port: int, count: int, again: bool) -> list[Asking]:
    loop = asyncio.get_running_loop()
    found = []
    for _ in range(count):
        _, client = await loop.create_connection(lambda: Asking(again), host, port)
        found.append(client)
    return found


async def delivered(kind: str, rate: float, seconds: float) -> float:
    """What passed in the window, a second.

    Args:
        kind: ``requests``, ``download`` or ``upload``.
    """
    key = f"{kind}_per_second" if kind == "requests" else f"{kind}_bytes_per_second"
    async with balancer([{"name": "held", key: rate}]) as (host, port, _):
        again = kind == "requests"
        clients = await _clients(host, port, CONNECTIONS if again else 1, again)
        if kind == "download":
            clients[0].transport.write(REQUEST.replace(b"/2", b"/%d" % ENDLESS))
        elif kind == "upload":
            head = b"POST / HTTP/1.1\r\nHost: bench.test\r\nContent-Length: %d\r\n\r\n" % ENDLESS
            # The first read of a connection comes before anybody knows whose it is.
            clients[0].transport.write(head)
            await asyncio.sleep(0.2)
            clients[0].send(b"", ENDLESS)

        def count() -> int:
            if kind == "requests":
                return sum(client.answers for client in clients)
            return clients[0].received if kind == "download" else Origin.taken

        await asyncio.sleep(BURST_SECONDS)
        began, before = time.monotonic(), count()
        await asyncio.sleep(seconds)
        found = (count() - before) / (time.monotonic() - began)
        for client in clients:
            client.transport.abort()
    return found


async def cost(rules: Sequence[dict[str, Any]] | None, seconds: float, in_mode: str = "") -> float:
    """Processor seconds of the balancer per request.

    Args:
        in_mode: the client that is in the adaptive mode; without one nobody can be.
    """
    async with balancer(rules, bool(in_mode)) as (host, port, process):
        clients = await _clients(host, port, CONNECTIONS, again=True)
        await asyncio.sleep(BURST_SECONDS)
        if in_mode:
            url = f"{process.admin_url}/shaping/adaptive/clients/{in_mode}/adaptive"
            async with httpx.AsyncClient(trust_env=False) as asks:
                (await asks.post(url, json={"enabled": True})).raise_for_status()
        tree = Tree(process.pid)
        before, count = tree.cpu(), sum(client.answers for client in clients)
        await asyncio.sleep(seconds)
        used, done = tree.cpu() - before, sum(client.answers for client in clients) - count
        for client in clients:
            client.transport.abort()
    return used / max(1, done)


async def measure(seconds: float, rounds: int, quick: bool) -> dict[str, Any]:
    """Everything: deviations from each rule, and microseconds per request."""
    rows = []
    cases = [("requests", rate) for rate in REQUESTS]
    cases += [(way, rate) for way in ("download", "upload") for rate in BYTES]
    for kind, rate in cases[:: 7 if quick else 1]:
        found = await delivered(kind, rate, seconds)
        rows.append({"kind": kind, "rule": rate, "delivered": found, "off": found / rate - 1})
        print(f"{kind:9} {rate:>12,.0f}/s {found:>15,.2f}/s {found / rate - 1:+8.2%}", flush=True)
    costs: dict[str, list[float]] = {name: [] for name in COSTS}
    for _ in range(rounds):
        for name, (rules, in_mode) in COSTS.items():
            costs[name].append(await cost(rules, seconds / 2, in_mode) * 1e6)
    for name, each in costs.items():
        if each:
            beside = OVER.get(name, "without")
            more = statistics.median(a - b for a, b in zip(each, costs[beside], strict=True))
            print(
                f"{name:23} {statistics.median(each):8.1f} µs/request, {more:+.1f} µs to {beside}"
            )
    return {"accuracy": rows, "microseconds_per_request": costs}


def main(argv: Sequence[str] | None = None) -> int:
    """Measure; 1 if a rate was missed by more than 2 %."""
    parser = argparse.ArgumentParser(prog="shaping", description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0, help="of each window")
    parser.add_argument("--rounds", type=int, default=5, help="of the cost; 0 leaves it out")
    parser.add_argument("--quick", action="store_true", help="a case of each kind only")
    arguments = parser.parse_args(argv)
    if not 0.1 <= arguments.seconds <= 600 or not 0 <= arguments.rounds <= 1000:
        parser.error("--seconds must lie between 0.1 and 600, --rounds between 0 and 1000")
    found = asyncio.run(measure(arguments.seconds, arguments.rounds, arguments.quick))
    print(json.dumps(found))
    # One request more or less is what a window's ends make of it.
    missed = [
        row
        for row in found["accuracy"]
        if abs(row["delivered"] - row["rule"]) * arguments.seconds
        > max(0.02 * row["rule"] * arguments.seconds, 1.0 if row["kind"] == "requests" else 1024.0)
    ]
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
