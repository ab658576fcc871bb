"""Probes: asks endpoints how they are right now, for a policy that decides by it.

A probe is a small request to the health path over a connection of its own, which is kept. It is
made beside the requests that are forwarded: nobody waits for it, and under load the probes that
would be too many are left out, not queued.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from httptools import HttpParserError, HttpResponseParser

from rl.vocabulary import Endpoint, EndpointStats, Prober

if TYPE_CHECKING:
    from metrics.collector import PollingSettings, Security
    from metrics.table import Report

MOST_AT_ONCE = 64
"""Probes under way; one more is left out."""

LONGEST_SECONDS = 1.0
"""An answer that comes later says nothing of now. Polls may wait longer."""

MOST_LINES = 1024
"""Connections that are kept; the one used longest ago makes place."""

LARGEST_ANSWER_BYTES = 64 * 1024
PIECE_BYTES = 16 * 1024


class Probes:
    """Asks, and tells the policy that wanted to know. At most one probe an endpoint is under way:
    a second one would be told the same.

    Attributes:
        answered, failed: probes that were made.
        left_out: probes that were not, because one or many were under way.
    """

    def __init__(
        self,
        settings: Callable[[], PollingSettings],
        security: Callable[[Endpoint], Security | None],
        read: Callable[[bytes], Report | None],
        clock: Callable[[], float],
    ) -> None:
        """
        Args:
            settings: those in force; which path is asked and which status is good.
            security: how an endpoint is reached, None in clear text; raises ValueError.
            read: an answer's content; None if it reports nothing; raises ValueError.
        """
        self._settings = settings
        self._security = security
        self._read = read
        self._clock = clock
        # By endpoint id, the one used longest ago first.
        self._lines: dict[str, _Line] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self.answered = self.failed = self.left_out = 0

    def ask(self, policy: Prober, asked: Sequence[EndpointStats]) -> None:
        """Begin to probe these endpoints; returns at once."""
        tasks = self._tasks
        for stats in asked:
            if stats.id in tasks or len(tasks) >= MOST_AT_ONCE:
                self.left_out += 1
            else:
                tasks[stats.id] = asyncio.create_task(
                    self._probe(policy, stats), name=f"probe {stats.id}"
                )

    def remove(self, id: str) -> None:
        """This endpoint is no more."""
        task = self._tasks.pop(id, None)
        if task is not None:
            task.cancel()
        line = self._lines.pop(id, None)
        if line is not None:
            line.close()

    async def stop(self) -> None:
        """End every probe and its connection."""
        tasks = [*self._tasks.values()]
        for id in [*self._tasks, *self._lines]:
            self.remove(id)
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _probe(self, policy: Prober, stats: EndpointStats) -> None:
        id = stats.id
        line = self._lines.pop(id, None)
        if line is None or line.endpoint is not stats.endpoint:
            if line is not None:
                line.close()
            line = _Line(stats.endpoint)
        try:
            settings = self._settings()
            async with asyncio.timeout(min(LONGEST_SECONDS, settings.timeout_seconds)):
                status, content = await line.ask(
                    settings.health_path, self._security(stats.endpoint)
                )
            if not settings.lowest_status <= status <= settings.highest_status:
                raise ValueError(f"status {status}")
            report = self._read(content)
            self.answered += 1
            if report is not None:
                policy.probed(stats, report.active, report.next_latency, self._clock())
        except (OSError, ValueError, EOFError, HttpParserError):
            self.failed += 1
            line.close()
        except BaseException:
            line.close()
            raise
        finally:
            if self._tasks.get(id) is asyncio.current_task():
                del self._tasks[id]
        if line.writer is not None:
            self._keep(id, line)

    def _keep(self, id: str, line: _Line) -> None:
        lines = self._lines
        lines[id] = line
        while len(lines) > MOST_LINES:
            lines.pop(next(iter(lines))).close()


class _Line:
    """The connection to one endpoint, and the answer that it brings.

    Attributes:
        writer: None while there is no connection.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.writer: asyncio.StreamWriter | None = None
        self._reader: asyncio.StreamReader | None = None
        self._parser: HttpResponseParser | None = None
        self._content = bytearray()
        self._whole = self._goes_on = False

    async def ask(self, path: str, security: Security | None) -> tuple[int, bytes]:
        """The status and the content of an answer; once more if a kept connection turns out to have
        been closed.

        Raises:
            OSError, EOFError, HttpParserError, ValueError: there is none, or it is none.
        """
        kept = self.writer is not None
        try:
            return await self._ask(path, security)
        except (OSError, EOFError):
            self.close()
            if not kept:
                raise
        return await self._ask(path, security)

    async def _ask(self, path: str, security: Security | None) -> tuple[int, bytes]:
        endpoint = self.endpoint
        if self.writer is None:
            if security is None:
                opened = await asyncio.open_connection(endpoint.host, endpoint.port)
            else:
                opened = await asyncio.open_connection(
                    endpoint.host,
                    endpoint.port,
                    ssl=security.context,
                    server_hostname=security.server_name,
                )
            self._reader, self.writer = opened
        reader = self._reader
        assert reader is not None
        host = f"[{endpoint.host}]" if ":" in endpoint.host else endpoint.host
        self.writer.write(
            f"GET {path} HTTP/1.1\r\nHost: {host}:{endpoint.port}\r\n"
            "User-Agent: slb-probe\r\nAccept: application/json\r\n\r\n".encode("ascii")
        )
        self._content = bytearray()
        self._whole = self._goes_on = False
        parser = self._parser = HttpResponseParser(self)
        while not self._whole:
            piece = await reader.read(PIECE_BYTES)
            if not piece:
                raise EOFError("the connection closed before the answer was whole")
            parser.feed_data(piece)
            if len(self._content) > LARGEST_ANSWER_BYTES:
                raise ValueError(f"the answer has more than {LARGEST_ANSWER_BYTES} bytes")
        status: int = parser.get_status_code()
        self._parser = None
        if not self._goes_on:
            self.close()
        return status, bytes(self._content)

    # httptools callbacks

    def on_body(self, data: bytes) -> None:
        """A piece of the answer's content."""
        self._content += data

    def on_message_complete(self) -> None:
        """The answer is whole."""
        assert self._parser is not None
        self._whole = True
        self._goes_on = self._parser.should_keep_alive()  # it does not know any more later

    def close(self) -> None:
        """End the connection, if there is one."""
        writer, self.writer, self._reader = self.writer, None, None
        if writer is not None:
            writer.transport.abort()
