"""A balancer's life as an operator sees it: reloads, drains and deaths, while requests come in."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from backend.processes import Process, Processes
from tests.live.asking import get
from tests.live.origin import Origin, Visit, answer, done
from tests.live.test_process import SCRIPT, command, port_of
from tests.live.wire import PATIENCE, Clients, Ended, Wire

pytestmark = pytest.mark.integration

RATE = 150.0


@pytest.fixture
def processes() -> Iterator[Processes]:
    with Processes() as started:
        yield started


async def backend(visit: Visit) -> None:
    """Answers at once, but for ``/slow``."""
    while not await done(visit):
        request = await visit.request()
        if request.target == "/slow":
            await asyncio.sleep(0.5)
        visit.send(answer(b"{}"))


async def start(
    processes: Processes, folder: Path, origin: Origin, **load_balancer: object
) -> Process:
    arguments = command(folder, [origin.port], **load_balancer)
    return await asyncio.to_thread(processes.start, arguments)


def rewrite(folder: Path, origin: Origin, **load_balancer: object) -> None:
    """The same configuration file with other settings."""
    command(folder, [origin.port], **load_balancer)


@asynccontextmanager
async def under_load(port: int) -> AsyncIterator[Counter[str]]:
    """Requests at a steady rate on kept connections; what came of them."""
    seen: Counter[str] = Counter()
    idle: list[Wire] = []
    asking: list[asyncio.Task[None]] = []
    stopped = asyncio.Event()

    async def ask(clients: Clients) -> None:
        try:
            client = idle.pop() if idle else await clients.connect(port)
            client.send(get("/work"))
            got = await client.answer()
        except (Ended, OSError):
            seen["lost"] += 1
            return
        seen[str(got.status)] += 1
        if not closes(got.fields):
            idle.append(client)

    async def keep_asking(clients: Clients) -> None:
        begun = time.monotonic()
        while not stopped.is_set():
            await asyncio.sleep(max(0.0, begun + len(asking) / RATE - time.monotonic()))
            asking.append(asyncio.create_task(ask(clients)))

    async with Clients() as clients:
        keeping = asyncio.create_task(keep_asking(clients))
        await asyncio.sleep(0.1)
        yield seen
        await asyncio.sleep(0.1)
        stopped.set()
        await keeping
        await asyncio.gather(*asking)


def closes(fields: Any) -> bool:
    return any(n.lower() == "connection" and v.lower() == "close" for n, v in fields)


def admin(process: Process) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=str(process.admin_url), trust_env=False, timeout=PATIENCE)


async def text(client: httpx.AsyncClient, path: str) -> str:
    return (await client.get(path)).text


async def metric(client: httpx.AsyncClient, name: str) -> float:
    lines = (await text(client, "/metrics")).splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith(name))


async def until_metric(client: httpx.AsyncClient, name: str, wanted: float) -> None:
    async with asyncio.timeout(PATIENCE):
        while await metric(client, name) != wanted:  # noqa: ASYNC110
            await asyncio.sleep(0.005)


def cli(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, SCRIPT, *arguments], capture_output=True, text=True, timeout=PATIENCE
    )


@pytest.mark.asyncio(loop_factories=["asyncio"])
@pytest.mark.parametrize("workers", [1, 2])
async def test_reloads_under_load_lose_nothing(
    tmp_path: Path, processes: Processes, workers: int
) -> None:
    """By signal, by POST, by command; a broken file changes nothing and says why."""
    async with Origin(backend) as origin:
        process = await start(processes, tmp_path, origin, workers=workers)
        async with admin(process) as client, under_load(port_of(process.url)) as seen:
            rewrite(tmp_path, origin, workers=workers, strategy="q_learning", limits={"hops": 5})
            os.kill(process.pid, signal.SIGHUP)
            await until_metric(client, 'slb_config_reloads_total{result="success"}', 1.0)
            assert '"q_learning"' in await text(client, "/stats")

            rewrite(tmp_path, origin, workers=workers, strategy="none", limits={"hops": 6})
            refused = await client.post("/reload")
            assert 422 == refused.status_code
            assert "unknown strategy 'none'" in refused.json()["detail"]
            assert 0.0 == await metric(client, "slb_config_last_reload_success")
            assert '"q_learning"' in await text(client, "/stats")

            rewrite(tmp_path, origin, workers=workers, strategy="random", node_name="other")
            config = str(tmp_path / "config.yaml")
            done = await asyncio.to_thread(
                cli, "reload", "--config", config, "--admin", str(process.admin_url)
            )
            assert (0, "") == (done.returncode, done.stderr)
            assert "load_balancer.strategy" in done.stdout
            assert "needs a restart: load_balancer.node_name" in done.stdout
            assert '"random"' in await text(client, "/stats")
            assert 1.0 == await metric(client, "slb_config_last_reload_success")
        await asyncio.to_thread(process.stop)
    assert {"200"} == set(seen)
    assert seen["200"] > 20
    assert 0 == process.exit_code
    first, second, third = process.last_lines
    assert first.startswith("reloaded, changed: ")
    assert second.startswith("reload failed, nothing has changed: ")
    assert third.startswith("reloaded, changed: ")


@pytest.mark.asyncio(loop_factories=["asyncio"])
async def test_a_drain_is_announced_before_the_port_closes(
    tmp_path: Path, processes: Processes
) -> None:
    """Unready at once, while it still answers whoever comes and tells them to go elsewhere; what
    runs is finished. A balancer in front that stops in time loses nothing."""
    async with Origin(backend) as origin, Clients() as clients:
        process = await start(processes, tmp_path, origin, workers=2, drain={"delay_seconds": 1.0})
        port = port_of(process.url)
        async with admin(process) as client, under_load(port) as seen:
            assert 202 == (await client.post("/drain")).status_code
            assert 503 == (await client.get("/readyz")).status_code
            assert 200 == (await client.get("/livez")).status_code
            late = await clients.connect(port)
            late.send(get("/slow"))
            async with asyncio.timeout(PATIENCE):
                while not any(each.target == "/slow" for each in origin.requests):
                    origin.arrived.clear()
                    await origin.arrived.wait()
        assert closes((await late.answer()).fields)
        late.close()
        assert 0 == await asyncio.to_thread(process.wait, PATIENCE)
    assert {"200"} == set(seen)
    assert () == process.last_lines


@pytest.mark.asyncio(loop_factories=["asyncio"])
async def test_what_does_not_finish_is_cut_and_counted(
    tmp_path: Path, processes: Processes
) -> None:
    """At the deadline, or at once by a second signal."""

    async def never(visit: Visit) -> None:
        await visit.request()
        await visit.end()

    async with Origin(never) as origin, Clients() as clients:
        process = await start(processes, tmp_path, origin, deadlines={"drain_seconds": 60})
        for _ in range(3):
            client = await clients.connect(port_of(process.url))
            client.send(get("/for-ever"))
        async with asyncio.timeout(PATIENCE):
            while sum(each.target == "/for-ever" for each in origin.requests) < 3:
                origin.arrived.clear()
                await origin.arrived.wait()
        os.kill(process.pid, signal.SIGTERM)
        await asyncio.sleep(0.1)
        assert process.exit_code is None
        os.kill(process.pid, signal.SIGTERM)
        assert 0 == await asyncio.to_thread(process.wait, PATIENCE)
        await asyncio.to_thread(process.stop)
    assert ("drain: 3 connections had to be cut",) == process.last_lines


SERVE_GIVEN = """
import os, socket, sys
given = socket.create_server(("127.0.0.1", int(sys.argv[1])))
os.dup2(given.fileno(), 3)
os.set_inheritable(3, True)
os.environ |= {"LISTEN_FDS": "1", "LISTEN_PID": str(os.getpid())}
os.execv(sys.executable, [sys.executable, *sys.argv[2:]])
"""


@pytest.mark.asyncio(loop_factories=["asyncio"])
async def test_a_socket_of_the_service_managers_is_served_until_the_end(
    tmp_path: Path, processes: Processes
) -> None:
    """As systemd hands it over; workers share it, and none of them outlives the supervisor."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    async with Origin(backend) as origin:
        arguments = command(tmp_path, [origin.port], workers=2)
        process = await asyncio.to_thread(
            processes.start, [sys.executable, "-c", SERVE_GIVEN, str(port), *arguments[1:]]
        )
        assert port == port_of(process.url)
        async with under_load(port) as seen:
            await asyncio.sleep(0.1)
        assert {"200"} == set(seen)
        # No worker outlives its supervisor, killed as it may be: they see their standard input
        # end, finish, and clean up.
        workers = psutil.Process(process.pid).children()
        sockets = {
            Path(str(each.laddr))
            for worker in workers
            for each in worker.net_connections("unix")
            if each.laddr and str(each.laddr).endswith(".sock")
        }
        (folder,) = {each.parent for each in sockets}
        assert 2 == len(workers) == len(sockets)
        os.kill(process.pid, signal.SIGKILL)
        gone, alive = await asyncio.to_thread(psutil.wait_procs, workers, PATIENCE)
        assert (2, 0) == (len(gone), len(alive))
        assert not folder.exists()


def test_the_commands_speak_to_a_running_node(tmp_path: Path, processes: Processes) -> None:
    """With the token from the environment, and by the exit codes that scripts ask for."""
    arguments = command(tmp_path, [1])
    token = {"SLB_LOAD_BALANCER__ADMIN_TOKEN": "correct-horse"}
    process = processes.start(arguments, env=token)
    config = ["--config", str(tmp_path / "config.yaml"), "--admin", str(process.admin_url)]

    refused = cli("endpoints", *config)
    assert (1, 1) == (refused.returncode, len(refused.stderr.splitlines()))
    assert "token" in refused.stderr
    shown = cli("endpoints", *config, "--set", "load_balancer.admin_token=correct-horse")
    assert (0, "") == (shown.returncode, shown.stderr)
    assert "server1  127.0.0.1:1" in shown.stdout
    drained = cli("drain", *config, "--set", "load_balancer.admin_token=correct-horse")
    assert (0, "the node drains\n") == (drained.returncode, drained.stdout)
    assert 0 == process.wait(PATIENCE)
    assert 1 == cli("healthcheck", *config).returncode
