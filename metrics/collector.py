"""The collector: asks every endpoint how it is, all at once, each on its own clock.

Every endpoint has its own loop, with jitter, so that a dead one delays no other and a fleet is not
polled in one instant. What is learned goes into the table; who is healthy is told to the node.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable
from typing import Protocol

import httpx

from metrics.table import EndpointTable, Report
from rl.vocabulary import EndpointStats

LARGEST_REPORT_BYTES = 64 * 1024
"""Ours has some 300 bytes. What is longer is not a report, and is not read to its end."""

LARGEST_NUMBER = 1e9
"""What no per cent, count of requests or millisecond of a living server reaches."""


class PollingSettings(Protocol):
    """How to poll; the ``metrics`` section of the configuration is one."""

    @property
    def polling_interval_seconds(self) -> float: ...
    @property
    def timeout_seconds(self) -> float: ...
    @property
    def jitter(self) -> float: ...
    @property
    def health_path(self) -> str: ...
    @property
    def fall(self) -> int: ...
    @property
    def rise(self) -> int: ...


class PollCounts:
    """Polls of one endpoint.

    Attributes:
        succeeded, failed: since the start.
        last_error: why the last one failed, or "" if it did not.
    """

    __slots__ = ("failed", "failed_in_a_row", "last_error", "succeeded", "succeeded_in_a_row")

    def __init__(self) -> None:
        self.succeeded = 0
        self.failed = 0
        self.failed_in_a_row = 0
        self.succeeded_in_a_row = 0
        self.last_error = ""


class Collector:
    """Polls until it is stopped.

    Attributes:
        counts: by endpoint id.
    """

    def __init__(
        self,
        settings: PollingSettings,
        table: EndpointTable,
        set_healthy: Callable[[EndpointStats, bool], None],
        rng: random.Random,
        clock: Callable[[], float],
    ) -> None:
        self._settings = settings
        self._table = table
        self._set_healthy = set_healthy
        self._rng = rng
        self._clock = clock
        self._tasks: list[asyncio.Task[None]] = []
        self._client: httpx.AsyncClient | None = None
        self.counts = {stats.id: PollCounts() for stats in table.all}

    def start(self) -> None:
        """Begin polling on the running loop."""
        # Limits as large as the fleet: a poll must never wait for another one's connection.
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
        self._client = httpx.AsyncClient(
            timeout=self._settings.timeout_seconds,
            limits=limits,
            follow_redirects=False,
            trust_env=False,
        )
        self._tasks = [
            asyncio.create_task(self._keep_polling(self._client, stats), name=f"poll {stats.id}")
            for stats in self._table.all
        ]

    async def stop(self) -> None:
        """End every poll and its connection."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._client is not None:
            await self._client.aclose()

    async def _keep_polling(self, client: httpx.AsyncClient, stats: EndpointStats) -> None:
        interval = self._settings.polling_interval_seconds
        jitter = self._settings.jitter
        due = self._clock()
        while True:
            try:
                async with asyncio.timeout(self._settings.timeout_seconds):
                    report = await self._ask(client, stats)
            except Exception as error:  # whatever a server answers, the next poll is made
                self._failed(stats, str(error) or type(error).__name__)
            else:
                self._succeeded(stats, report)
            due += interval * (1.0 + jitter * self._rng.uniform(-1.0, 1.0))
            now = self._clock()
            due = max(due, now)
            await asyncio.sleep(due - now)

    async def _ask(self, client: httpx.AsyncClient, stats: EndpointStats) -> Report | None:
        endpoint = stats.endpoint
        host = f"[{endpoint.host}]" if ":" in endpoint.host else endpoint.host
        url = f"http://{host}:{endpoint.port}{self._settings.health_path}"
        async with client.stream("GET", url) as answer:
            if answer.status_code != 200:
                raise ValueError(f"status {answer.status_code}")
            content = bytearray()
            async for piece in answer.aiter_bytes():
                content += piece
                if len(content) > LARGEST_REPORT_BYTES:
                    raise ValueError(f"the report has more than {LARGEST_REPORT_BYTES} bytes")
        client.cookies.clear()  # one client asks them all: what one server sets is not for others
        return read_report(bytes(content))

    def _succeeded(self, stats: EndpointStats, report: Report | None) -> None:
        counts = self.counts[stats.id]
        counts.succeeded += 1
        counts.succeeded_in_a_row += 1
        counts.failed_in_a_row = 0
        counts.last_error = ""
        if report is not None:
            self._table.reported(stats, report, self._clock())
        if counts.succeeded_in_a_row >= self._settings.rise:
            self._set_healthy(stats, True)

    def _failed(self, stats: EndpointStats, error: str) -> None:
        counts = self.counts[stats.id]
        counts.failed += 1
        counts.failed_in_a_row += 1
        counts.succeeded_in_a_row = 0
        counts.last_error = _shortened(error)
        if counts.failed_in_a_row >= self._settings.fall:
            self._set_healthy(stats, False)


def read_report(content: bytes) -> Report | None:
    """A backend's ``/health`` answer; None from a server that reports nothing, which is healthy.

    Raises:
        ValueError: it says that it is unhealthy, or what it says is not a number.
    """
    try:
        data = json.loads(content)
    except (ValueError, RecursionError):
        data = None
    if not isinstance(data, dict):
        return None
    if data.get("health_status") == "unhealthy":
        raise ValueError("the server says it is unhealthy")
    return Report(
        _number(data, "cpu_utilization") / 100.0,
        _number(data, "memory") / 100.0,
        int(_number(data, "active_requests")),
        _number(data, "avg_response_time") / 1000.0,
    )


def _number(data: dict[str, object], key: str) -> float:
    value = data.get(key, 0.0)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{key} is not a number: {_shortened(repr(value))}")
    if not 0 <= value < LARGEST_NUMBER:  # neither is NaN
        raise ValueError(f"{key} cannot be {_shortened(repr(value))}")
    return float(value)


def _shortened(text: str) -> str:
    return text if len(text) <= 200 else f"{text[:200]}…"
