"""Several workers on one port, with real processes behind a supervisor in the test's loop."""

from __future__ import annotations

import asyncio
import json
import random
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from config.balancer import Supervision
from config.schema import Settings
from load_balancer import fleet, workers
from load_balancer import supervisor as supervising
from load_balancer.hand_over import HandOver
from load_balancer.notify import Notifier
from load_balancer.reloading import ReloadError
from load_balancer.repertoire import Repertoire
from load_balancer.serving import Operation, StartError
from load_balancer.supervisor import Supervisor, backoff_seconds
from load_balancer.workers import Worker, WorkerError
from tests.live.asking import get
from tests.live.origin import Origin, Visit, answer, done
from tests.live.rig import settings_for
from tests.live.wire import Clients
from tests.load_balancer.fakes import until
from tests.load_balancer.test_repertoire import settings as learning_settings
from tests.load_balancer.test_repertoire import teach

pytestmark = pytest.mark.integration


async def backend(visit: Visit) -> None:
    while not await done(visit):
        await visit.request()
        visit.send(answer(b"{}"))


def settings(*origins: Origin | int, **load_balancer: Any) -> Settings:
    return settings_for(*origins, **{"workers": 2, **load_balancer})


class Running:
    """A supervisor that runs, and what its ready line says."""

    def __init__(self, made: Supervisor, operation: Operation, line: str) -> None:
        self.supervisor = made
        self.operation = operation
        _, _, url, _, self.admin = line.split()
        self.port = int(url.rpartition(":")[2])

    def pids(self) -> list[int]:
        return sorted(child.pid for child in psutil.Process().children())

    async def ask(self, method: str, path: str, **rest: Any) -> httpx.Response:
        async with httpx.AsyncClient(trust_env=False, timeout=20) as client:
            return await client.request(method, self.admin + path, **rest)

    async def work(self, times: int) -> None:
        """Requests on connections of their own, so that the kernel deals them out."""
        async with Clients() as clients:
            for _ in range(times):
                client = await clients.connect(self.port)
                client.send(get("/work"))
                assert 200 == (await client.answer()).status
                client.close()


@asynccontextmanager
async def running(*origins: Origin | int, **load_balancer: Any) -> AsyncIterator[Running]:
    operation = Operation(None, Notifier({}, lambda: 0.0, 1))
    made = Supervisor(settings(*origins, **load_balancer), operation)
    line = await made.start()
    try:
        yield Running(made, operation, line)
    finally:
        await made.stop()


async def test_it_is_one_node_to_whoever_asks(tmp_path: Path) -> None:
    """One port, one view, one change for all, one memory; and nothing is left of it."""
    state = tmp_path / "state.json"
    before = Repertoire(learning_settings(), random.Random(0), lambda name, learner: None)
    teach(before, 5, "a")
    state.write_text(json.dumps(before.learned()))
    learning = {"state_file": str(state), "merge_interval_seconds": 0.05}
    async with Origin(backend) as origin:
        async with running(origin, strategy="q_learning", learning=learning) as made:
            folder = made.supervisor._directory
            pids = made.pids()
            assert (2, 0o700) == (len(pids), folder.stat().st_mode & 0o777)
            await made.work(30)
            stats = (await made.ask("GET", "/stats")).json()
            answered = [each["answers"]["200"] for each in stats["workers"].values()]
            assert (2, 30) == (len(answered), sum(answered))
            assert {"200": 30} == stats["answers"]
            rows = (await made.ask("GET", "/q?format=json")).json()["rows"]
            assert 35 == sum(sum(row["visits"].values()) for row in rows)
            metrics = (await made.ask("GET", "/metrics")).text
            assert 'slb_answers_total{code="200"} 30.0' in metrics
            assert "slb_workers 2.0" in metrics
            changed = await made.ask("POST", "/strategy", json={"strategy": "random"})
            assert {"routing_strategy": "random"} == changed.json()
            workers_say = (await made.ask("GET", "/stats")).json()["workers"].values()
            assert ["random"] * 2 == [each["routing_strategy"] for each in workers_say]
        assert [] == made.pids()
        assert not folder.exists()
        # What they learned outlives them.
        stored = json.loads(state.read_text())["q_learning"]["tables"]
        visits = [state["visits"] for table in stored for state in table["states"]]
        assert 35 == sum(map(sum, visits))


async def test_one_failure_of_a_periodic_task_is_not_its_end() -> None:
    problems: list[str] = []
    asyncio.get_running_loop().set_exception_handler(
        lambda _, context: problems.append(f"{context['message']}: {context['exception']}")
    )

    async def merge() -> None:
        raise ValueError("a fault")

    await supervising._once(merge)
    assert ["merge failed: a fault"] == problems


async def test_a_worker_that_dies_is_followed_by_one_like_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It decides by what the others were switched and reloaded to. A reload that one part refuses
    has changed nothing."""
    async with Origin(backend) as origin, running(origin) as made:
        await made.ask("POST", "/strategy", json={"strategy": "random"})
        wanted = settings(origin, strategy="random", limits={"hops": 5}, admin_port=1)
        applied = await made.supervisor.apply(wanted)
        assert ("load_balancer.limits.hops",) == applied.changed
        assert ("load_balancer.admin_port",) == applied.restart
        victim = made.pids()[0]
        psutil.Process(victim).kill()
        await until(lambda: made.operation.counts.restarts == 1)
        await made.work(10)
        told = (await made.ask("GET", "/stats")).json()["workers"]
        assert ["random", "random"] == [each["routing_strategy"] for each in told.values()]
        assert "was ended by SIGKILL; another one is started" in capsys.readouterr().err
        before = made.supervisor.settings
        missing = str(tmp_path / "none")
        for broken in ({"admin_token_file": missing}, {"strategy": "none"}):
            with pytest.raises(ReloadError, match=r"admin_token_file|unknown strategy"):
                await made.supervisor.apply(settings(origin, **{"limits": {"hops": 6}, **broken}))
            assert before == made.supervisor.settings
        again = await made.supervisor.apply(wanted)
        assert ((), ("load_balancer.admin_port",)) == (again.changed, again.restart)


@pytest.mark.parametrize(
    ("load_balancer", "code", "said"),
    [
        ({"host": "192.0.2.1"}, 2, r"load_balancer\.port: cannot listen on 192\.0\.2\.1:0"),
        ({"admin_host": "0.0.0.0"}, 2, r"load_balancer\.admin_host: 0\.0\.0\.0 can be reached"),
        ({"request_log": {"path": "."}}, 2, "^$"),
        ({"supervision": {"start_seconds": 0.001}}, 1, "worker 1 was not ready in 0"),
        ({"learning": {"state_file": f"{__file__}/x"}}, 2, r"learning\.state_file"),
    ],
)
async def test_what_cannot_start_leaves_nothing(
    load_balancer: dict[str, Any], code: int, said: str
) -> None:
    """One reason, with its exit code; a worker that has said it is not repeated."""
    made = Supervisor(settings(1, **load_balancer), Operation(None, Notifier({}, lambda: 0.0, 1)))
    with pytest.raises(StartError, match=said) as raised:
        await made.start()
    assert code == raised.value.exit_code
    assert [] == psutil.Process().children()
    assert not made._directory.name or not made._directory.exists()


async def test_when_none_can_be_started_any_more_it_gives_up(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With exit code 1, so that the service manager starts all of it anew."""

    async def fails(place: HandOver, seconds: float) -> Worker:
        raise WorkerError("worker cannot")

    supervision = {"backoff_seconds": 0.01, "max_backoff_seconds": 1.0}
    async with running(1, workers=1, supervision=supervision) as made:
        monkeypatch.setattr(workers, "start", fails)
        (pid,) = made.pids()
        psutil.Process(pid).kill()
        async with asyncio.timeout(20):
            await made.operation._stop.wait()
        assert 1 == made.operation._exit_code
        assert 503 == (await made.ask("GET", "/readyz")).status_code
        assert "no worker can be started any more" in capsys.readouterr().err


def test_each_start_waits_twice_as_long_as_the_one_before() -> None:
    supervision = Supervision(backoff_seconds=0.5, max_backoff_seconds=3.0)
    assert [0.0, 0.5, 1.0, 2.0, 3.0, 3.0] == [backoff_seconds(supervision, n) for n in range(6)]
    assert 3.0 == backoff_seconds(supervision, 10_000)


async def test_a_worker_that_does_not_end_is_killed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Frozen, it cannot hold up the end."""
    monkeypatch.setattr(supervising, "SPARE_SECONDS", 0.1)
    monkeypatch.setattr(fleet, "READ_SECONDS", 0.1)
    async with running(1, workers=1, deadlines={"drain_seconds": 0.1}) as made:
        (pid,) = made.pids()
        psutil.Process(pid).send_signal(signal.SIGSTOP)
    assert [] == made.pids()
    assert "workers did not end and are killed" in capsys.readouterr().err
