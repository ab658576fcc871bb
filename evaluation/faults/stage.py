"""Where a fault is played: backends, one balancer, all processes of their own, and the strings.

Knows how to do things to processes, not when, nor what it is good for.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import httpx
import psutil
import yaml

from backend.processes import Process, Processes
from evaluation.bench.launch import free_ports
from evaluation.faults import nameserver
from evaluation.faults.nameserver import NameServer
from evaluation.settings_known import known, nested
from rl.vocabulary import JSON

ROOT = Path(__file__).resolve().parents[2]
HOST = "127.0.0.1"
BACKENDS = ("server1", "server2", "server3")
SPARE = "server4"
DELAY_MS = 10.0
RESPONSE_BYTES = 1024
READY_SECONDS = 20.0

SETTINGS: Mapping[str, JSON] = {
    "load_balancer.retries.attempts": 3,
    "load_balancer.retries.try_seconds": 0.5,
    "load_balancer.retries.conditions": [
        "connect_failure",
        "reset",
        "invalid_answer",
        "try_timeout",
        "status",
    ],
    "load_balancer.retries.statuses": [500, 502, 503, 504],
    "load_balancer.deadlines.connect_seconds": 0.5,
    "metrics.polling_interval_seconds": 0.5,
    "metrics.timeout_seconds": 0.5,
}
"""Beyond the defaults, as one would set them before backends that answer in 10 ms."""


class StageError(Exception):
    """Something that a fault needs is not there, or did not do as it was told."""


class Stage:
    """Backends and a balancer. ``open`` starts them; they end with ``processes``.

    Attributes:
        strategy: that the balancer began with.
        fault_seconds: how long a fault lasts that has an end.
        balancer: the one in service.
        names: the name server, where the endpoints come from one.
    """

    def __init__(
        self,
        processes: Processes,
        folder: Path,
        *,
        strategy: str,
        settings: Mapping[str, JSON],
        fault_seconds: float,
        workers: int = 1,
        dns: bool = False,
    ) -> None:
        self.strategy = strategy
        self.fault_seconds = fault_seconds
        self._processes = processes
        self._folder = folder
        self._settings = {**SETTINGS, **settings, "load_balancer.strategy": strategy}
        if workers > 1:
            self._settings["load_balancer.workers"] = workers
        self._dns = dns
        self._ports: dict[str, int] = {}
        self._backends: dict[str, Process] = {}
        self._client = httpx.AsyncClient(timeout=10.0, trust_env=False)
        self.balancer: Process
        self.names: NameServer | None = None
        self._name_port = 0

    async def open(self) -> None:
        """Raises ProcessError if a process does not come up, StageError if it does not answer."""
        ids = (*BACKENDS, SPARE)
        ports = free_ports(len(ids) + 2)
        self._ports = dict(zip(ids, ports, strict=False))
        self._port, self._admin_port = ports[-2:]
        if self._dns:
            self.names, self._name_port = await nameserver.serve(
                [self._ports[id] for id in BACKENDS]
            )
        started = await asyncio.to_thread(
            self._processes.start_all, [self._backend_command(id) for id in ids], READY_SECONDS
        )
        self._backends = dict(zip(ids, started, strict=True))
        self.write_config(BACKENDS)
        self.balancer = await self._start_balancer()
        await self._until_ready()

    async def close(self) -> None:
        await self._client.aclose()
        if self.names is not None:
            self.names.transport.close()

    @property
    def url(self) -> str:
        """Where clients ask."""
        return f"http://{HOST}:{self._port}"

    # to backends

    def kill(self, id: str) -> None:
        self._backends[id].kill()

    def freeze(self, id: str) -> None:
        self._backends[id].freeze()

    def thaw(self, id: str) -> None:
        self._backends[id].thaw()

    async def stop(self, id: str) -> None:
        """Asks it to end, and waits."""
        await asyncio.to_thread(self._backends[id].stop)

    async def start(self, id: str) -> None:
        """Starts it anew where it was."""
        self._backends[id] = await asyncio.to_thread(
            self._processes.start, self._backend_command(id), READY_SECONDS
        )

    async def behave(self, id: str, **change: JSON) -> None:
        """Has a backend behave differently from now on."""
        await self._posted(f"{self._backends[id].url}/behaviour", change)

    # to the balancer

    def write_config(self, ids: Sequence[str]) -> None:
        """The balancer's configuration, with these backends."""
        written = nested(
            {
                **self._settings,
                "load_balancer.host": HOST,
                "load_balancer.port": self._port,
                "load_balancer.admin_port": self._admin_port,
            }
        )
        written["servers"] = [
            {"id": id, "host": HOST, "port": self._ports[id], "base_delay_ms": DELAY_MS}
            for id in (() if self._dns else ids)
        ]
        if self._dns:
            written["discovery"] = {
                "dns": [
                    {
                        "id": "backends",
                        "name": nameserver.SERVICE,
                        "type": "srv",
                        "nameserver": f"{HOST}:{self._name_port}",
                        "interval_seconds": 1.0,
                    }
                ]
            }
        file = self._folder / "config.yaml"
        half = file.with_suffix(".new")
        half.write_text(yaml.safe_dump(written), encoding="utf-8")
        half.replace(file)

    def reload(self, ids: Sequence[str]) -> None:
        """SIGHUP, with another configuration."""
        self.write_config(ids)
        os.kill(self.balancer.pid, signal.SIGHUP)

    def rename(self, ids: Sequence[str]) -> None:
        """The name has other backends from now on."""
        assert self.names is not None
        self.names.ports = tuple(self._ports[id] for id in ids)

    async def switch_to(self, strategy: str) -> None:
        await self._posted(f"http://{HOST}:{self._admin_port}/strategy", {"strategy": strategy})

    def signal_worker(self, number: signal.Signals) -> None:
        """Sends a signal to one worker. Raises StageError if there are none."""
        os.kill(self._listening_workers()[0], number)

    async def replace_workers(self) -> None:
        """Asks one worker after the other to end, each once the one before has been replaced.

        Raises:
            StageError: one was not replaced in time.
        """
        old = self._listening_workers()
        for pid in old:
            os.kill(pid, signal.SIGTERM)
            deadline = time.monotonic() + READY_SECONDS
            while True:
                await asyncio.sleep(0.1)
                now = await asyncio.to_thread(self._listening_workers)
                if pid not in now and len(now) == len(old):
                    break
                if time.monotonic() > deadline:
                    raise StageError("a worker that was asked to end was not replaced in time")

    def _listening_workers(self) -> list[int]:
        """Processes below the balancer that accept clients. Raises StageError if there are none."""
        found = []
        for process in psutil.Process(self.balancer.pid).children():
            try:
                sockets = process.net_connections(kind="tcp")
            except psutil.Error:
                continue
            if any(each.status == "LISTEN" and each.laddr[1] == self._port for each in sockets):
                found.append(process.pid)
        if not found:
            raise StageError("the balancer has no worker processes that accept clients")
        return found

    async def stats(self) -> dict[str, JSON]:
        """What the balancer counts; empty if it does not say."""
        try:
            answer = await self._client.get(f"http://{HOST}:{self._admin_port}/stats")
            found: dict[str, JSON] = answer.json()
        except (httpx.HTTPError, ValueError):
            return {}
        return found

    def _backend_command(self, id: str) -> list[str]:
        script = str(ROOT / "backend" / "server.py")
        return [
            *(sys.executable, script, id, str(self._ports[id]), str(DELAY_MS)),
            *("--host", HOST, "--until-stdin-closes"),
        ]

    async def _start_balancer(self) -> Process:
        command = [sys.executable, str(ROOT / "load_balancer" / "main.py"), "run"]
        command += ["--config", str(self._folder / "config.yaml"), "--until-stdin-closes"]
        return await asyncio.to_thread(self._processes.start, command, READY_SECONDS)

    async def _until_ready(self) -> None:
        """Until requests are answered by backends."""
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            try:
                answer = await self._client.get(f"{self.url}/")
                if answer.status_code == 200:
                    return
            except httpx.HTTPError:
                pass
            await asyncio.sleep(0.05)
        last = self.balancer.last_lines[-1:] or ("it said nothing",)
        raise StageError(f"the balancer does not answer: {last[0]}")

    async def _posted(self, url: str, body: Mapping[str, JSON]) -> None:
        try:
            answer = await self._client.post(url, json=dict(body))
        except httpx.HTTPError as error:
            raise StageError(f"{url}: {error}") from None
        if answer.status_code != 200:
            raise StageError(f"{url}: {answer.status_code} {answer.text.strip()}")


def lacking(settings: Mapping[str, JSON], *, workers: int, dns: bool) -> str:
    """The first setting that a fault needs and this version lacks; empty if none."""
    wanted = [*settings, *(["load_balancer.workers"] if workers > 1 else [])]
    wanted += ["discovery.dns"] if dns else []
    return next((path for path in wanted if not known(path)), "")
