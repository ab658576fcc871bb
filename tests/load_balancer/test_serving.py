"""A service from its start to its end, with a service that only notes what happens."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from config.loading import ConfigError
from config.schema import Settings
from load_balancer.notify import Notifier
from load_balancer.reloading import Applied, ReloadError
from load_balancer.serving import BAD_CONFIG, FAULT, Operation, StartError, url
from tests.load_balancer.fakes import until

pytestmark = pytest.mark.integration

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1)


class Noted:
    """A service that notes what it is asked for."""

    def __init__(self, problem: Exception | None = None, waits: bool = False) -> None:
        self.log: list[str] = []
        self.problem = problem
        self.wanted: list[Settings] = []
        self._cut = asyncio.Event()
        if not waits:
            self._cut.set()

    async def start(self) -> str:
        self.log.append("start")
        if isinstance(self.problem, StartError):
            raise self.problem
        return "ready slb http://127.0.0.1:1 admin http://127.0.0.1:2"

    async def stop(self) -> int:
        self.log.append("stop")
        await self._cut.wait()
        return 2 if "hurry" in self.log else 0

    def hurry(self) -> None:
        self.log.append("hurry")
        self._cut.set()

    async def apply(self, settings: Settings) -> Applied:
        if self.problem is not None:
            raise self.problem
        self.wanted.append(settings)
        return Applied(("a.b",), ("c",))

    def reopen_logs(self) -> None:
        self.log.append("reopen")


@pytest.fixture(autouse=True)
def _signals_as_before() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in SIGNALS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def notifier(environ: dict[str, str] | None = None) -> Notifier:
    return Notifier(environ or {}, lambda: 1.0, os.getpid())


def operation(read: Callable[[], Settings] | None = Settings) -> Operation:
    return Operation(read, notifier())


async def running(
    made: Operation, service: Noted, capsys: pytest.CaptureFixture[str]
) -> asyncio.Task[int]:
    task = asyncio.create_task(made.run(service, until_stdin_closes=False))
    await until(lambda: "start" in service.log)
    await asyncio.sleep(0)
    assert capsys.readouterr().out.startswith("ready slb ")
    return task


def kick(number: signal.Signals) -> None:
    os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_drains_and_a_second_one_cuts(
    number: signal.Signals, capsys: pytest.CaptureFixture[str]
) -> None:
    """A drain that had to cut says how many; it ended as it was asked to all the same."""
    service = Noted(waits=True)
    task = await running(operation(), service, capsys)
    kick(number)
    await until(lambda: "stop" in service.log)
    assert not task.done()
    kick(number)
    assert 0 == await task
    assert ["start", "stop", "hurry"] == service.log
    assert "drain: 2 connections had to be cut\n" == capsys.readouterr().err


async def test_a_clean_end_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    service, made = Noted(), operation()
    task = await running(made, service, capsys)
    made.drain()
    assert 0 == await task
    assert ("", "") == tuple(capsys.readouterr())


async def test_hangup_reloads_and_says_what_it_did(capsys: pytest.CaptureFixture[str]) -> None:
    service, made = Noted(), operation()
    task = await running(made, service, capsys)
    kick(signal.SIGHUP)
    await until(lambda: made.counts.reloads["success"])
    assert 1 == len(service.wanted)
    assert "reloaded, changed: a.b; needs a restart: c\n" == capsys.readouterr().err
    kick(signal.SIGUSR1)
    await until(lambda: "reopen" in service.log)
    made.drain()
    await task


@pytest.mark.parametrize(
    ("read", "problem", "said"),
    [
        (None, ReloadError("not now"), "not now"),
        (ConfigError(["a: wrong", "b: wrong"]), None, "a: wrong; b: wrong"),
    ],
)
async def test_a_reload_that_fails_is_said_counted_and_survived(
    read: Exception | None,
    problem: Exception | None,
    said: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def again() -> Settings:
        if read is not None:
            raise read
        return Settings()

    service, made = Noted(problem), operation(again)
    task = await running(made, service, capsys)
    kick(signal.SIGHUP)
    await until(lambda: made.counts.reloads["failure"])
    assert f"reload failed, nothing has changed: {said}\n" == capsys.readouterr().err
    assert not made.counts.last_reload_succeeded
    with pytest.raises((ReloadError, ConfigError)):
        await made.reload()
    assert not task.done()
    made.drain()
    await task


async def test_a_worker_leaves_reloading_to_its_supervisor(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A hangup does not end it either."""
    service, made = Noted(), operation(None)
    task = await running(made, service, capsys)
    kick(signal.SIGHUP)
    await asyncio.sleep(0.02)
    with pytest.raises(ReloadError, match="supervisor"):
        await made.reload()
    assert ([], False) == (service.wanted, task.done())
    made.drain()
    await task


async def test_two_reloads_at_once_happen_one_after_the_other(
    capsys: pytest.CaptureFixture[str],
) -> None:
    service, made = Noted(), operation()
    task = await running(made, service, capsys)
    await asyncio.gather(*(made.reload() for _ in range(5)))
    assert 5 == len(service.wanted) == made.counts.reloads["success"]
    made.drain()
    await task


async def test_a_storm_of_hangups_is_two_reloads(capsys: pytest.CaptureFixture[str]) -> None:
    """The one that runs, and one more that reads what is there afterwards."""
    service, made = Noted(), operation()
    task = await running(made, service, capsys)
    for _ in range(50):
        made._reload_signal()
    await until(lambda: not made._hangups)
    assert 2 == len(service.wanted)
    kick(signal.SIGHUP)
    await until(lambda: 3 == len(service.wanted))
    made.drain()
    await task


@pytest.mark.parametrize("code", [BAD_CONFIG, FAULT])
async def test_what_cannot_start_says_why(code: int, capsys: pytest.CaptureFixture[str]) -> None:
    made = operation()
    assert code == await made.run(Noted(StartError("port: taken", code)), False)
    assert ("", "port: taken\n") == tuple(capsys.readouterr())


async def test_who_has_said_why_already_is_not_repeated(capsys: pytest.CaptureFixture[str]) -> None:
    assert BAD_CONFIG == await operation().run(Noted(StartError("")), False)
    assert ("", "") == tuple(capsys.readouterr())


async def test_a_fault_of_its_own_is_another_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    """It still drains."""
    service, made = Noted(), operation()
    task = await running(made, service, capsys)
    made.fail("no worker can be started any more")
    assert FAULT == await task
    assert "stop" in service.log
    assert "no worker can be started any more\n" == capsys.readouterr().err


async def test_the_service_manager_is_told_of_each_turn(capsys: pytest.CaptureFixture[str]) -> None:
    """sd_notify(3): READY once it serves and after each reload, also one that failed."""
    with (
        tempfile.TemporaryDirectory() as folder,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager,
    ):
        path = str(Path(folder) / "notify")
        manager.bind(path)
        manager.setblocking(False)
        environ = {"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "40000"}
        service = Noted()
        made = Operation(Settings, notifier(environ))
        task = await running(made, service, capsys)
        await made.reload()
        service.problem = ReloadError("no")
        with pytest.raises(ReloadError):
            await made.reload()
        await asyncio.sleep(0.05)
        made.drain()
        await task
        told = []
        while True:
            try:
                told.append(manager.recv(4096).decode())
            except BlockingIOError:
                break
    words = [each.partition("=")[0] for each in told if not each.startswith("WATCHDOG")]
    assert ["READY", "RELOADING", "READY", "RELOADING", "READY", "STOPPING"] == words
    assert "STATUS=serves at http://127.0.0.1:1" in told[0]
    assert sum(each.startswith("WATCHDOG") for each in told) >= 2


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", "http://127.0.0.1:80"),
        ("0.0.0.0", "http://127.0.0.1:80"),
        ("::", "http://[::1]:80"),
        ("::1", "http://[::1]:80"),
        ("localhost", "http://localhost:80"),
    ],
)
def test_an_address_is_shown_as_it_can_be_reached(host: str, expected: str) -> None:
    assert expected == url(host, 80)
