"""Workers that run in the test itself, and whoever operates a service."""

from __future__ import annotations

import asyncio
import random
import signal
from pathlib import Path

import httpx
from fastapi import FastAPI

from config.loading import ConfigError
from config.schema import Settings
from load_balancer.guard import Application
from load_balancer.hand_over import HandOver
from load_balancer.reloading import Applied, ReloadError
from load_balancer.repertoire import Repertoire
from load_balancer.worker_routes import add_worker_routes
from load_balancer.workers import NoAnswer, Worker
from metrics.life_cycle import LifeCycle


class FakeWorker(Worker):
    """Answers by an application instead of a process.

    Attributes:
        hangs: nothing is answered.
        signals: that it was sent.
        wants: what its settings are now; ``refuses`` makes it take no others.
    """

    def __init__(self, number: int, application: FastAPI | None = None) -> None:
        self.number = number
        self.hangs = False
        self.refuses = ""
        self.signals: list[signal.Signals] = []
        self.wants = Settings()
        self.repertoire = Repertoire(
            Settings.model_validate({"load_balancer": {"strategy": "q_learning"}}),
            random.Random(number),
            lambda name, learner: None,
        )
        app = application or FastAPI()
        add_worker_routes(app, self._apply, self.repertoire)
        self._application: Application = app

    def _apply(self, settings: Settings) -> Applied:
        if self.refuses:
            raise ReloadError(self.refuses)
        self.wants = settings
        return Applied(("load_balancer.limits.hops",), ("load_balancer.port",))

    async def ask(
        self,
        method: str,
        target: str,
        content: bytes = b"",
        headers: dict[str, str] | None = None,
        seconds: float = 10.0,
    ) -> httpx.Response:
        if self.hangs:
            raise NoAnswer(f"worker {self.number}: does not answer")
        transport = httpx.ASGITransport(self._application)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.request(method, target, content=content, headers=headers)

    def signal(self, number: signal.Signals) -> None:
        self.signals.append(number)


class FakeOperator:
    """Notes what it is asked for."""

    def __init__(self, problem: Exception | None = None) -> None:
        self.counts = LifeCycle()
        self.problem = problem
        self.drained = 0

    async def reload(self) -> Applied:
        if self.problem is not None:
            raise self.problem
        return Applied(("a",), ("b",))

    def drain(self) -> None:
        self.drained += 1


PROBLEMS = (ConfigError(["a: wrong", "b: wrong"]), ReloadError("cannot"))


def place(folder: Path, settings: Settings, number: int = 1) -> HandOver:
    return HandOver(number, folder / f"{number}.sock", settings)


async def until(condition: object, seconds: float = 20.0) -> None:
    """Wait for what nobody is told of."""
    async with asyncio.timeout(seconds):
        while not condition():  # type: ignore[operator]  # noqa: ASYNC110
            await asyncio.sleep(0.01)
