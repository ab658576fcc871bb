"""What a node writes down and tells: request log, access log, agents' steps, spans. Each is there
only if the settings ask for it.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path

from config.balancer import LoadBalancer
from load_balancer.adaptive.agents_log import AgentsLog
from load_balancer.serving import StartError
from metrics import spans
from metrics.access_log import AccessLog, Sink, Tee
from metrics.request_log import RequestLog
from metrics.spans import SpanExport

AGENTS_LOG = "shaping.adaptive.log"


class Logs:
    """All of them together.

    Attributes:
        request_log: one line an attempt; the node writes it.
        access_log: one line a client request.
        agents_log: one line a step of an agent of adaptive shaping.
        spans: the export of sampled traces.
        sink: takes the record of a client request that is over; None if nobody wants one.
    """

    __slots__ = ("access_log", "agents_log", "request_log", "sink", "spans")

    def __init__(self, balancer: LoadBalancer, wall_offset: float, output: int = 1) -> None:
        """
        Args:
            wall_offset: unix time minus the monotonic clock's.
            output: descriptor of the service's standard output.

        Raises:
            StartError: a file or a package cannot be had; nothing is left open.
        """
        self.request_log: RequestLog | None = None
        self.access_log: AccessLog | None = None
        self.agents_log: AgentsLog | None = None
        self.spans: SpanExport | None = None
        try:
            self._open(balancer, wall_offset, output)
        except StartError:
            self.close()
            raise
        self.sink: Sink | None = self.access_log or self.spans
        if self.access_log is not None and self.spans is not None:
            self.sink = Tee(self.access_log, self.spans)

    def _open(self, balancer: LoadBalancer, wall_offset: float, output: int) -> None:
        request_log, access_log, tracing = (
            balancer.request_log,
            balancer.access_log,
            balancer.tracing,
        )
        if request_log.path is not None:
            try:
                self.request_log = RequestLog(
                    Path(request_log.path), request_log.queue_lines, wall_offset
                )
            except OSError as error:
                raise StartError(_problem("request_log.path", request_log.path, error)) from None
        if access_log.path is not None:
            try:
                # Dice of its own: it is used in a thread, and policies' choices must not depend
                # on what is logged.
                self.access_log = AccessLog(
                    Path(access_log.path), access_log, wall_offset, random.Random(), output
                )
            except OSError as error:
                raise StartError(_problem("access_log.path", access_log.path, error)) from None
        path = balancer.shaping.adaptive.log
        if path is not None:
            try:
                self.agents_log = AgentsLog(Path(path), wall_offset)
            except OSError as error:
                raise StartError(_problem(AGENTS_LOG, path, error)) from None
        if tracing.export_url is not None:
            try:
                self.spans = spans.connect(
                    tracing.export_url, balancer.node_name, tracing, wall_offset
                )
            except spans.MissingExtra as error:
                raise StartError(f"load_balancer.tracing.export_url: {error}") from None

    @property
    def dropped_lines(self) -> int:
        """Of the request log."""
        return 0 if self.request_log is None else self.request_log.dropped

    @property
    def access_log_dropped(self) -> int:
        """Lines of the access log."""
        return 0 if self.access_log is None else self.access_log.dropped

    @property
    def spans_dropped(self) -> int:
        """Requests whose spans were not told."""
        return 0 if self.spans is None else self.spans.dropped

    def flush(self) -> None:
        """Let their threads write what has gathered."""
        for each in (self.request_log, self.access_log, self.agents_log, self.spans):
            if each is not None:
                each.flush()

    def reopen(self) -> None:
        """Write to the files that have the names now; one that cannot be opened is said, and its
        old one kept."""
        for key, log in (
            ("request_log.path", self.request_log),
            ("access_log.path", self.access_log),
            (AGENTS_LOG, self.agents_log),
        ):
            if log is None:
                continue
            try:
                log.reopen()
            except OSError as error:
                kept = "; the file that was open is kept"
                print(f"{_problem(key, str(error.filename), error)}{kept}", file=sys.stderr)

    def close(self) -> None:
        """Write and tell what is left."""
        for each in (self.request_log, self.access_log, self.agents_log, self.spans):
            if each is not None:
                each.close()


def _problem(key: str, path: str, error: OSError) -> str:
    return f"load_balancer.{key}: {path} cannot be written: {error.strerror}"
