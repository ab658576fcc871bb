"""Very many different URLs and domains through a node of a network: is its memory bounded?

Two real nodes, one before the other, each with a cache, Q headers and learned routes, before an
origin. Every request is for a URL and a domain that nobody has asked for before, so that whatever
is remembered by URL or by domain is remembered once more; what comes may be stored.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psutil
import yaml
from tqdm import tqdm

from backend.processes import Process, Processes
from evaluation.bench.cases import CACHED_PATH
from evaluation.bench.saturate import Saturation
from evaluation.faults.play import in_flight
from evaluation.settings_known import nested
from evaluation.soak.memory import Held, held
from evaluation.soak.page import Found, page
from evaluation.soak.start import HOST, START_SECONDS, CannotSoak, balancer, origin, quiet
from rl.vocabulary import JSON

OUTER, INNER = "outer", "inner"
SETTLE_SECONDS = 2.0
LOOK_SECONDS = 0.05
LAST_SECONDS = 0.5

SETTINGS: dict[str, JSON] = {
    "load_balancer.cache.enabled": True,
    "load_balancer.q_headers.enabled": True,
    # Nobody waits for a domain of its own to be learned; a node that is full declines nobody.
    "load_balancer.capacity": 100_000,
}
STRATEGY = "q_routing"
DISK_BYTES = 64 << 20


def request_maker() -> Callable[[], bytes]:
    """What makes the bytes of each request, for a URL and a domain of its own."""
    begin = f"GET {CACHED_PATH}item/".encode("ascii")
    numbers = itertools.count(1)

    def make() -> bytes:
        number = next(numbers)
        return b"%b%d HTTP/1.1\r\nHost: domain%d.example\r\n\r\n" % (begin, number, number)

    return make


class Distinct:
    """One run. ``found`` says what came of it, also after an interruption."""

    def __init__(self, options: argparse.Namespace, folder: Path) -> None:
        self._wanted: int = options.distinct
        self._connections: int = options.connections
        self._slice: float = options.slice
        self._disk: bool = options.disk
        self._folder = folder
        self._load: Saturation | None = None
        self._samples: dict[str, list[Held]] = {OUTER: [], INNER: []}
        self._before: dict[str, int] = {}
        self._after: dict[str, int] = {}
        self._in_flight: dict[str, int | None] = {}
        self._held: dict[str, str] = {}
        self._began = self._ended = 0.0

    @property
    def requests(self) -> int:
        return 0 if self._load is None else self._load.tally.completed

    async def run(self, processes: Processes) -> None:
        """Raises ProcessError, or CannotSoak."""
        nodes = await asyncio.to_thread(self._start, processes)
        await asyncio.sleep(SETTLE_SECONDS)
        self._before = {name: held(node.pid, 0, 0.0).descriptors for name, node in nodes.items()}
        parts = urlsplit(nodes[OUTER].url)
        self._began = time.monotonic()
        load = self._load = Saturation(parts.hostname or HOST, parts.port or 80, request_maker())
        for _ in range(self._connections):
            load.connect()
        try:
            await self._until_done(nodes)
        finally:
            self._ended = time.monotonic()
            await load.stop()
        await asyncio.sleep(LAST_SECONDS)
        for name, node in nodes.items():
            stats = await _stats(node)
            self._in_flight[name] = in_flight(stats)
            self._held[name] = _words(stats)
            self._after[name] = await quiet(node.pid, self._before[name])
        self._look(nodes)

    def found(self) -> dict[str, Found]:
        """By node."""
        tally = None if self._load is None else self._load.tally
        statuses: Counter[bytes] = Counter() if tally is None else tally.statuses
        wrong = {status.decode("latin-1"): n for status, n in statuses.items() if status != b"200"}
        errors = 0 if tally is None else tally.errors
        problems = [f"statuses: {wrong}"] if wrong else []
        if tally is not None and tally.problem:
            problems.append(tally.problem)
        return {
            name: Found(
                requests=self.requests,
                seconds=(self._ended or time.monotonic()) - self._began,
                baseline=self._wanted // 4,
                kinds={"different URLs and domains": self.requests},
                samples=samples,
                descriptors_before=self._before.get(name, 0),
                descriptors_after=self._after.get(name, sys.maxsize),
                in_flight=self._in_flight.get(name),
                surprises=errors + sum(wrong.values()),
                problems=problems,
            )
            for name, samples in self._samples.items()
        }

    def page(self, facts: Mapping[str, str]) -> str:
        """What came of it, for a person."""
        parts = []
        for name, found in self.found().items():
            more = {"node": name} | ({"it holds": self._held[name]} if name in self._held else {})
            parts.append(page(found, {**facts, **more}))
        return "\n".join(parts)

    def _start(self, processes: Processes) -> dict[str, Process]:
        ports = origin(processes, self._folder)
        servers: list[JSON] = [
            {"id": f"origin{number}", "host": HOST, "port": port}
            for number, port in enumerate(ports, start=1)
        ]
        inner = self._node(processes, INNER, servers)
        port = urlsplit(inner.url).port
        # Two ways for each domain, of which one tells what it is worth.
        ways: list[JSON] = [{"id": INNER, "host": HOST, "port": port, "proxy_node": True}]
        return {OUTER: self._node(processes, OUTER, ways + servers[:1]), INNER: inner}

    def _node(self, processes: Processes, name: str, servers: list[JSON]) -> Process:
        settings: dict[str, JSON] = {**SETTINGS, "load_balancer.node_name": name}
        if self._disk:
            settings["load_balancer.cache.disk"] = str(self._folder / f"{name}.db")
            settings["load_balancer.cache.disk_bytes"] = DISK_BYTES
        config = self._folder / f"{name}.yaml"
        config.write_text(yaml.safe_dump(nested(settings) | {"servers": servers}), "utf-8")
        return processes.start(balancer(config, STRATEGY), START_SECONDS)

    async def _until_done(self, nodes: Mapping[str, Process]) -> None:
        look_at = time.monotonic() + self._slice
        with tqdm(total=self._wanted, unit="req", file=sys.stderr, disable=None) as bar:
            while self.requests < self._wanted:
                await asyncio.sleep(LOOK_SECONDS)
                bar.update(self.requests - bar.n)
                if time.monotonic() < look_at:
                    continue
                look_at = time.monotonic() + self._slice
                self._look(nodes)
                if bar.disable:
                    print(self._line(), file=sys.stderr, flush=True)
        self._look(nodes)

    def _look(self, nodes: Mapping[str, Process]) -> None:
        seconds = time.monotonic() - self._began
        for name, node in nodes.items():
            try:
                self._samples[name].append(held(node.pid, self.requests, seconds))
            except psutil.NoSuchProcess:
                last = node.last_lines[-1:] or ("it said nothing",)
                raise CannotSoak(f"the {name} node has ended: {last[0]}") from None

    def _line(self) -> str:
        now = {name: samples[-1] for name, samples in self._samples.items()}
        rate = self.requests / max(now[OUTER].seconds, 1e-9)
        left = max(0, self._wanted - self.requests) / max(rate, 1e-9)
        memory = ", ".join(f"{name} {each.memory / 1e6:.1f} MB" for name, each in now.items())
        return (
            f"{self.requests:>10,} of {self._wanted:,} different URLs, {memory},"
            f" about {left:.0f} s left"
        )


async def _stats(node: Process) -> dict[str, JSON]:
    async with httpx.AsyncClient(timeout=10.0, trust_env=False) as client:
        try:
            found: dict[str, JSON] = (await client.get(f"{node.admin_url}/stats")).json()
            metrics = (await client.get(f"{node.admin_url}/metrics")).text
        except (httpx.HTTPError, ValueError):
            return {}
    kept = ("slb_cache_entries ", "slb_cache_bytes ", "process_resident_memory_bytes ")
    for line in metrics.splitlines():
        if line.startswith(kept):
            name, _, value = line.partition(" ")
            found[name] = float(value)
    return found


def _words(stats: Mapping[str, JSON]) -> str:
    """How much is stored, as the node itself says."""
    entries, size = stats.get("slb_cache_entries"), stats.get("slb_cache_bytes")
    if not isinstance(entries, float) or not isinstance(size, float):
        return "not known"
    return f"{entries:,.0f} responses that take {size / 1e6:.1f} MB"
