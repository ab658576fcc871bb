"""The collector: asks every endpoint how it is, all at once, each on its own clock.

Every endpoint has its own loop, with jitter from the first poll on, so that a dead one delays no
other and a fleet is not polled in one instant. Endpoints may come and go meanwhile. What is learned
goes into the table; who is healthy is told to the node.
"""

from __future__ import annotations

import asyncio
import json
import random
import ssl
from collections.abc import Callable
from typing import Any, Literal, Protocol

import httpx

from metrics.probes import Probes
from metrics.table import EndpointTable, Report
from rl.vocabulary import Endpoint, EndpointStats

LARGEST_REPORT_BYTES = 64 * 1024
"""Ours has some 300 bytes. What is longer is not a report, and is not read to its end."""

LARGEST_NUMBER = 1e9
"""What no per cent, count of requests or millisecond of a living server reaches."""


class PollingSettings(Protocol):
    """How to poll; the ``metrics`` section of the configuration is one."""

    @property
    def check(self) -> Literal["http", "tcp", "off"]: ...
    @property
    def polling_interval_seconds(self) -> float: ...
    @property
    def unhealthy_interval_seconds(self) -> float | None: ...
    @property
    def timeout_seconds(self) -> float: ...
    @property
    def jitter(self) -> float: ...
    @property
    def health_path(self) -> str: ...
    @property
    def lowest_status(self) -> int: ...
    @property
    def highest_status(self) -> int: ...
    @property
    def fall(self) -> int: ...
    @property
    def rise(self) -> int: ...


class Security(Protocol):
    """How an endpoint is reached over TLS."""

    @property
    def context(self) -> ssl.SSLContext: ...
    @property
    def server_name(self) -> str:
        """What its certificate must be valid for."""
        ...


def _in_clear(_: Endpoint) -> Security | None:
    return None


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
        probes: what is asked besides, for a policy.
    """

    def __init__(
        self,
        settings: PollingSettings,
        table: EndpointTable,
        set_healthy: Callable[[EndpointStats, bool, float], None],
        rng: random.Random,
        clock: Callable[[], float],
    ) -> None:
        """
        Args:
            set_healthy: takes the endpoint, whether it is healthy, and the time.
        """
        self._settings = settings
        self._table = table
        self._set_healthy = set_healthy
        self._rng = rng
        self._clock = clock
        self._watched = {stats.id: stats for stats in table.all}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        # Of endpoints that were removed, until they have ended.
        self._ending: set[asyncio.Task[None]] = set()
        self._client: httpx.AsyncClient | None = None
        self._security: Callable[[Endpoint], Security | None] = _in_clear
        self.counts = {stats.id: PollCounts() for stats in table.all}
        self.probes = Probes(
            lambda: self._settings,
            lambda endpoint: self._security(endpoint),
            read_report,
            clock,
        )

    def secure(self, security: Callable[[Endpoint], Security | None]) -> None:
        """Ask over TLS those that are reached so.

        Args:
            security: how an endpoint is reached, None in clear text; raises ValueError if it is
                not known.
        """
        self._security = security

    def start(self) -> None:
        """Begin polling on the running loop, unless ``check`` is off."""
        # Limits as large as the fleet: a poll must never wait for another one's connection.
        self._client = httpx.AsyncClient(
            timeout=self._settings.timeout_seconds,
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=None),
            follow_redirects=False,
            trust_env=False,
        )
        for stats in self._watched.values():
            self._begin(stats)

    def apply(self, settings: PollingSettings) -> None:
        """Other settings from now on; where checks are off, nobody is unhealthy by them."""
        self._settings = settings
        for stats in self._watched.values():
            self._end(stats.id)
            if settings.check == "off":
                self._set_healthy(stats, True, self._clock())
            self._begin(stats)

    def add(self, stats: EndpointStats) -> None:
        """Poll one more endpoint; one of the same id is no longer polled."""
        self.remove(stats.id)
        self.counts[stats.id] = PollCounts()
        self._watched[stats.id] = stats
        self._begin(stats)

    def remove(self, id: str) -> None:
        """This endpoint is no more; a poll that is under way tells nothing."""
        self.counts.pop(id, None)
        self._watched.pop(id, None)
        self.probes.remove(id)
        self._end(id)

    def _end(self, id: str) -> None:
        task = self._tasks.pop(id, None)
        if task is not None:
            task.cancel()
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)

    async def stop(self) -> None:
        """End every poll and its connection."""
        tasks = [*self._tasks.values(), *self._ending]
        self._tasks.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.probes.stop()
        if self._client is not None:
            client, self._client = self._client, None
            await client.aclose()

    def _begin(self, stats: EndpointStats) -> None:
        if self._client is not None and self._settings.check != "off":
            self._tasks[stats.id] = asyncio.create_task(
                self._keep_polling(self._client, stats), name=f"poll {stats.id}"
            )

    async def _keep_polling(self, client: httpx.AsyncClient, stats: EndpointStats) -> None:
        secured = _SecuredClient(self._settings.timeout_seconds)
        try:
            await self._poll(client, secured, stats)
        finally:
            await secured.close()

    async def _poll(
        self, client: httpx.AsyncClient, secured: _SecuredClient, stats: EndpointStats
    ) -> None:
        settings = self._settings
        counts = self.counts[stats.id]
        usual = settings.polling_interval_seconds
        unhealthy = settings.unhealthy_interval_seconds or usual
        # The first one too: balancers are often started together.
        due = self._clock() + usual * settings.jitter * self._rng.random()
        while True:
            now = self._clock()
            due = max(due, now)
            await asyncio.sleep(due - now)
            try:
                async with asyncio.timeout(settings.timeout_seconds):
                    report = None
                    if settings.check == "tcp":
                        await self._knock(stats)
                    else:
                        security = self._security(stats.endpoint)
                        asking = client if security is None else await secured.over(security)
                        report = await self._ask(asking, stats)
            except Exception as error:  # whatever a server answers, the next poll is made
                self.failed(stats, counts, str(error) or type(error).__name__)
            else:
                self.succeeded(stats, counts, report)
            interval = usual if stats.healthy else unhealthy
            due += interval * (1.0 + settings.jitter * self._rng.uniform(-1.0, 1.0))

    async def _knock(self, stats: EndpointStats) -> None:
        """A connection is enough."""
        endpoint = stats.endpoint
        security = self._security(endpoint)
        _, writer = await asyncio.open_connection(endpoint.host, endpoint.port)
        try:
            if security is not None:
                await writer.start_tls(security.context, server_hostname=security.server_name)
        finally:
            # How the other side takes the end is of no interest. A handshake that is given up just
            # as it begins would leave the connection open if asyncio had been asked for both.
            writer.transport.abort()

    async def _ask(self, client: httpx.AsyncClient, stats: EndpointStats) -> Report | None:
        settings = self._settings
        endpoint = stats.endpoint
        host = f"[{endpoint.host}]" if ":" in endpoint.host else endpoint.host
        scheme, extensions = "http", None
        security = self._security(endpoint)
        if security is not None:
            scheme, extensions = "https", {"sni_hostname": security.server_name}
        url = f"{scheme}://{host}:{endpoint.port}{settings.health_path}"
        async with client.stream("GET", url, extensions=extensions) as answer:
            if not settings.lowest_status <= answer.status_code <= settings.highest_status:
                raise ValueError(f"status {answer.status_code}")
            content = bytearray()
            async for piece in answer.aiter_bytes():
                content += piece
                if len(content) > LARGEST_REPORT_BYTES:
                    raise ValueError(f"the report has more than {LARGEST_REPORT_BYTES} bytes")
        client.cookies.clear()  # one client asks them all: what one server sets is not for others
        return read_report(bytes(content))

    def succeeded(self, stats: EndpointStats, counts: PollCounts, report: Report | None) -> None:
        """An endpoint answered as a healthy one does."""
        counts.succeeded += 1
        counts.succeeded_in_a_row += 1
        counts.failed_in_a_row = 0
        counts.last_error = ""
        now = self._clock()
        if report is not None:
            self._table.reported(stats, report, now)
        if counts.succeeded_in_a_row >= self._settings.rise:
            self._set_healthy(stats, True, now)

    def failed(self, stats: EndpointStats, counts: PollCounts, error: str) -> None:
        """It did not."""
        counts.failed += 1
        counts.failed_in_a_row += 1
        counts.succeeded_in_a_row = 0
        counts.last_error = _shortened(error)
        if counts.failed_in_a_row >= self._settings.fall:
            self._set_healthy(stats, False, self._clock())


class _SecuredClient:
    """The client of one endpoint over TLS, as long as its context stays the same."""

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._context: ssl.SSLContext | None = None
        self._client: httpx.AsyncClient | None = None
        self._opened: Any = None  # a stream of httpcore's

    async def over(self, security: Security) -> httpx.AsyncClient:
        """The client that speaks like this."""
        context = security.context
        if self._client is None or context is not self._context:
            await self.close()
            self._context = context
            self._client = httpx.AsyncClient(
                timeout=self._timeout,
                follow_redirects=False,
                trust_env=False,
                verify=context,
                event_hooks={"request": [self._follow]},
            )
        return self._client

    async def _follow(self, request: httpx.Request) -> None:
        request.extensions = {**request.extensions, "trace": self._trace}

    async def _trace(self, event: str, told: dict[str, Any]) -> None:
        """Ends a connection whose handshake was given up: httpcore leaves it open when cancelled,
        be it by the end of the polls or by their timeout."""
        if event == "connection.connect_tcp.complete":
            self._opened = told["return_value"]
        elif event == "connection.start_tls.failed" and self._opened is not None:
            opened, self._opened = self._opened, None
            await opened.aclose()
        elif event == "connection.start_tls.complete":
            self._opened = None

    async def close(self) -> None:
        """End its connections."""
        if self._client is not None:
            client, self._client = self._client, None
            await client.aclose()


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
        _number(data, "next_response_time") / 1000.0 if "next_response_time" in data else None,
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
