"""The balancer as people run it: a process of its own before processes of backends."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest
import yaml

from backend.processes import Process, Processes
from tests.live.asking import get
from tests.live.origin import Origin, Visit, answer, done
from tests.live.wire import EOF, PATIENCE, Clients, Ended, Wire

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
SCRIPT = str(ROOT / "load_balancer" / "main.py")
BACKEND = str(ROOT / "backend" / "server.py")

REQUESTS = 300
RATE = 100.0


@pytest.fixture
def processes() -> Iterator[Processes]:
    with Processes() as started:
        yield started


@pytest.fixture(scope="module")
def backends() -> Iterator[list[Process]]:
    with Processes() as started:
        yield started.start_all([backend(f"server{number}") for number in (1, 2)])


def backend(id: str) -> list[str]:
    return [sys.executable, BACKEND, id, "0", "5", "--until-stdin-closes"]


def port_of(url: str) -> int:
    return int(url.rpartition(":")[2])


def command(folder: Path, ports: list[int], *arguments: str, **load_balancer: object) -> list[str]:
    """How to run a balancer before these ports."""
    config = folder / "config.yaml"
    servers = [
        {"id": f"server{number}", "host": "127.0.0.1", "port": port}
        for number, port in enumerate(ports, 1)
    ]
    balancer = {"host": "127.0.0.1", "port": 0, "admin_port": 0, **load_balancer}
    config.write_text(yaml.safe_dump({"servers": servers, "load_balancer": balancer}))
    return [sys.executable, SCRIPT, "--config", str(config), "--until-stdin-closes", *arguments]


async def ended(process: Process) -> int | None:
    return await asyncio.to_thread(process.wait, PATIENCE)


def test_it_says_that_it_is_ready_and_is(
    tmp_path: Path, processes: Processes, backends: list[Process]
) -> None:
    """One line with both addresses; the proxy forwards, its health is its own, admin answers."""
    process = processes.start(command(tmp_path, [port_of(each.url) for each in backends]))
    assert process.name == "slb"
    assert process.admin_url is not None
    with httpx.Client(trust_env=False, timeout=PATIENCE) as client:
        served = {client.get(f"{process.url}/work").json()["server_id"] for _ in range(4)}
        assert served == {"server1", "server2"}
        health = client.get(f"{process.url}/health").json()
        assert health["routing_strategy"] == "round_robin"
        assert "server_id" not in health
        assert client.get(f"{process.admin_url}/livez").status_code == 200
        assert client.post(
            f"{process.admin_url}/strategy", json={"strategy": "q_learning"}
        ).json() == {"routing_strategy": "q_learning"}
        assert client.get(f"{process.url}/work").status_code == 200
    process.stop()
    assert process.exit_code == 0
    assert process.last_lines == ()


def test_as_a_module_it_is_the_same(
    tmp_path: Path, processes: Processes, backends: list[Process]
) -> None:
    as_module = command(tmp_path, [port_of(backends[0].url)])
    as_module[1:2] = ["-m", "load_balancer.main"]
    process = processes.start(as_module)
    assert httpx.get(f"{process.url}/work", trust_env=False).status_code == 200


def test_check_says_what_is_wrong_or_what_holds(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"

    def check() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, SCRIPT, "check", "--config", str(config)],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )

    config.write_text("load_balancer: {port: 1234}\n")
    good = check()
    assert (good.returncode, good.stderr) == (0, "")
    assert yaml.safe_load(good.stdout)["load_balancer"]["port"] == 1234
    config.write_text("load_balancer: {prot: 1234, strategy: 7}\nservers: []\n")
    bad = check()
    assert (bad.returncode, bad.stdout) == (2, "")
    assert len(bad.stderr.splitlines()) == 3


def test_a_taken_port_ends_it_with_one_line(tmp_path: Path, backends: list[Process]) -> None:
    taken = port_of(backends[0].url)
    failed = subprocess.run(
        command(tmp_path, [taken], "--port", str(taken)),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert (failed.returncode, failed.stdout) == (2, "")
    (line,) = failed.stderr.splitlines()
    assert line.startswith(f"load_balancer.port: cannot listen on 127.0.0.1:{taken}: ")


@pytest.mark.asyncio(loop_factories=["asyncio"])
@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_lets_what_runs_finish(
    tmp_path: Path, processes: Processes, signum: signal.Signals
) -> None:
    """The request under way is answered, then it ends with exit code 0 and without a word."""
    gate = asyncio.Event()

    async def slow(visit: Visit) -> None:
        request = await visit.request()
        if request.target != "/health":
            await gate.wait()
        visit.send(answer(b"{}"))

    async with Origin(slow) as origin, Clients() as clients:
        process = await asyncio.to_thread(processes.start, command(tmp_path, [origin.port]))
        client = await clients.connect(port_of(process.url))
        idle = await clients.connect(port_of(process.url))
        client.send(get("/slow"))
        async with asyncio.timeout(PATIENCE):
            while not any(request.target == "/slow" for request in origin.requests):
                origin.arrived.clear()
                await origin.arrived.wait()
        psutil.Process(process.pid).send_signal(signum)
        assert await idle.end() == EOF
        with pytest.raises(OSError):
            await clients.connect(port_of(process.url))
        assert process.exit_code is None
        gate.set()
        assert (await client.answer()).body == b"{}"
        client.close()
        assert await ended(process) == 0
        assert process.last_lines == ()


def test_it_ends_with_its_parent(tmp_path: Path, backends: list[Process]) -> None:
    """Its stdin closes when the parent is gone, however that went."""
    child = subprocess.Popen(
        command(tmp_path, [port_of(backends[0].url)]),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert child.stdin and child.stdout and child.stderr
    try:
        assert child.stdout.readline().startswith(b"ready slb http://127.0.0.1:")
        child.stdin.write(b"what is said there does not matter\n")
        child.stdin.flush()
        child.stdin.close()
        assert child.wait(PATIENCE) == 0
        assert child.stderr.read() == b""
    finally:
        child.kill()
        child.wait()
        child.stdout.close()
        child.stderr.close()


def test_a_stdin_that_cannot_be_watched_is_one_that_has_ended(
    tmp_path: Path, backends: list[Process]
) -> None:
    """A file or the null device: no loop can wait for them."""
    ended_well = subprocess.run(
        command(tmp_path, [port_of(backends[0].url)]),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert (ended_well.returncode, ended_well.stderr) == (0, "")
    assert ended_well.stdout.startswith("ready slb ")


@pytest.mark.asyncio(loop_factories=["asyncio"])
async def test_nobody_notices_that_a_backend_is_killed(
    tmp_path: Path, processes: Processes
) -> None:
    """At 100 requests a second, one of three is killed: no idempotent request fails, besides those
    whose answer had begun; and the log has every attempt."""
    victims = await asyncio.to_thread(
        processes.start_all, [backend(f"server{number}") for number in (1, 2, 3)]
    )
    log = tmp_path / "log.jsonl"
    process = await asyncio.to_thread(
        processes.start,
        command(
            tmp_path,
            [port_of(each.url) for each in victims],
            request_log={"path": str(log)},
        ),
    )
    seen: Counter[str] = Counter()
    idle: list[Wire] = []

    async def ask(number: int) -> None:
        client = idle.pop() if idle else await clients.connect(port_of(process.url))
        before = client.count
        client.send(get("/work", f"X-Request-ID: r{number}"))
        try:
            got = await client.answer()
        except Ended:
            seen["cut" if client.count > before else "nothing"] += 1
            return
        seen[str(got.status)] += 1
        idle.append(client)

    asking = []
    start = time.monotonic()
    async with Clients() as clients:
        for number in range(REQUESTS):
            await asyncio.sleep(max(0.0, start + number / RATE - time.monotonic()))
            asking.append(asyncio.create_task(ask(number)))
            if number == REQUESTS // 3:
                await asyncio.to_thread(victims[0].kill)
        await asyncio.gather(*asking)

    assert seen.keys() <= {"200", "cut"}
    assert seen["200"] >= REQUESTS - 3
    await asyncio.to_thread(process.stop)
    assert process.exit_code == 0
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert {each["request_id"] for each in lines} == {f"r{n}" for n in range(REQUESTS)}
    assert sum(each["verdict"] == "success" for each in lines) == seen["200"]
    again = [each for each in lines if each["attempt"] == 2]
    failed = {each["request_id"] for each in lines if each["verdict"] == "failure"}
    assert {each["request_id"] for each in again} <= failed
    assert all(each["endpoint"] != "server1" for each in again)
    assert len(lines) == REQUESTS + len(again)


def test_what_was_learned_outlives_the_process(
    tmp_path: Path, processes: Processes, backends: list[Process]
) -> None:
    """And a file that cannot be read is told of in one line, and kept."""
    state = tmp_path / "state" / "learned.json"
    state.parent.mkdir()
    state.write_text("no JSON")
    arguments = command(
        tmp_path,
        [port_of(each.url) for each in backends],
        strategy="q_learning",
        learning={"state_file": str(state)},
    )

    def known(process: Process) -> list[object]:
        q = httpx.get(f"{process.admin_url}/q?format=json", trust_env=False).json()
        assert q["routing_strategy"] == "q_learning"
        rows: list[object] = q["rows"]
        return rows

    first = processes.start(arguments)
    assert known(first) == []
    for _ in range(5):
        assert httpx.get(f"{first.url}/work", trust_env=False).status_code == 200
    learned = known(first)
    assert learned
    first.stop()
    assert first.exit_code == 0
    (line,) = first.last_lines
    assert line.startswith(f"warning: {state}: what was learned cannot be read")
    assert (state.parent / "learned.json.unreadable").read_text() == "no JSON"

    second = processes.start(arguments)
    assert known(second) == learned
    second.stop()
    assert second.last_lines == ()


@pytest.mark.asyncio(loop_factories=["asyncio"])
async def test_large_bodies_do_not_pass_through_memory(
    tmp_path: Path, processes: Processes
) -> None:
    """50 MB down to a client that hardly reads, and 50 MB up to an origin that hardly reads: the
    process does not grow by a tenth of that."""
    total = 50 << 20
    piece = bytes(1 << 18)

    async def serve(visit: Visit) -> None:
        while not await done(visit):
            head = await visit.head()
            if head.method == "POST":
                visit.keep = False
                before = visit.count - len(visit.unread)
                for part in range(1, 6):
                    visit.stall()
                    await asyncio.sleep(0.05)
                    visit.go_on()
                    await visit.bytes_in_all(before + total // 5 * part)
                visit.send(answer(b"taken", "Connection: close"))
                return
            if head.target == "/large":
                visit.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % total)
                await visit.send_slowly(piece, total // len(piece))
            else:
                visit.send(answer(b"{}"))

    async with Origin(serve) as origin, Clients() as clients:
        process = await asyncio.to_thread(processes.start, command(tmp_path, [origin.port]))
        memory = psutil.Process(process.pid).memory_info
        client = await clients.connect(port_of(process.url))
        client.send(get("/small"))
        await client.answer()
        before = most = memory().rss

        client.keep = False
        client.send(get("/large"))
        for part in range(1, 6):
            client.stall()
            await asyncio.sleep(0.05)
            most = max(most, memory().rss)
            client.go_on()
            await client.bytes_in_all(total // 5 * part)
            most = max(most, memory().rss)
        client.close()

        client = await clients.connect(port_of(process.url))
        client.send(get("/", f"Content-Length: {total}", method="POST"))
        for _ in range(total // len(piece)):
            client.send(piece)
            await client.drained()
            most = max(most, memory().rss)
        assert (await client.answer("POST")).body == b"taken"
        client.close()
        assert most - before < total // 10
