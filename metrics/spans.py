"""Spans for OpenTelemetry, made from access records after the fact (extra ``otel``).

The data path knows nothing of spans: a record that bears a sampled ``traceparent`` becomes one span
for the request and one for each of its tries, in a thread, and goes to a collector by OTLP over
HTTP. Names and attributes follow OpenTelemetry's semantic conventions for HTTP (1.27); ours begin
with ``slb.``.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from metrics.access_record import (
    CLIENT_READ,
    COMPLETE,
    ENDPOINT_BODY,
    TUNNEL,
    AccessRecord,
    Request,
)
from metrics.line_file import Background

if TYPE_CHECKING:
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import SpanContext, SpanKind
    from opentelemetry.util.types import AttributeValue

TOGETHER = 32
"""Requests whose spans are told in one message. To encode one request takes some 60 µs, during
which the event loop may have to wait."""

LONGEST = 2048
"""Characters of one attribute."""

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH"})

# The endpoint answered, whatever became of its answer.
_ANSWERED = frozenset((COMPLETE, CLIENT_READ, ENDPOINT_BODY, TUNNEL))


class MissingExtra(Exception):
    """The packages of the extra ``otel`` are not installed."""


class ExportSettings(Protocol):
    """The ``tracing`` section of the configuration is one."""

    @property
    def export_timeout_seconds(self) -> float: ...
    @property
    def queue_requests(self) -> int: ...


def connect(url: str, node_name: str, settings: ExportSettings, wall_offset: float) -> SpanExport:
    """An export to the collector at this address.

    Raises:
        MissingExtra: the packages that it needs are not there.
    """
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
    except ImportError:
        raise MissingExtra("needs the extra otel, which is not installed") from None
    return SpanExport(
        OTLPSpanExporter(endpoint=url, timeout=settings.export_timeout_seconds),
        Spans(Resource.create({"service.name": node_name}), wall_offset, random.Random()),
        settings.queue_requests,
    )


class SpanExport:
    """Tells a collector of the requests that belong to sampled traces.

    Attributes:
        flush: hands what has gathered to the thread; a timer calls it.
    """

    __slots__ = ("_append", "_exporter", "_queue", "_spans", "flush")

    def __init__(self, exporter: SpanExporter, spans: Spans, queue_requests: int) -> None:
        self._exporter = exporter
        self._spans = spans
        self._queue: Background[AccessRecord] = Background(
            self._export, queue_requests, "span-export"
        )
        self._append = self._queue.append
        self.flush = self._queue.flush

    @property
    def dropped(self) -> int:
        """Requests that found the queue full or that the collector did not take."""
        return self._queue.dropped

    def append(self, record: AccessRecord) -> None:
        """Queue one request, if its trace is sampled."""
        traceparent = record[19]
        # The flags' last digit: we send 0 to 3, and of these digits the odd ones are odd in ASCII.
        if traceparent is not None and traceparent[-1] & 1:
            self._append(record)

    def close(self) -> None:
        """Tell what is left, as far as the collector takes it in time."""
        self._queue.close()
        self._exporter.shutdown()

    def _export(self, records: Sequence[AccessRecord]) -> int:
        from opentelemetry.sdk.trace.export import SpanExportResult

        lost = 0
        for start in range(0, len(records), TOGETHER):
            some = records[start : start + TOGETHER]
            spans = [span for record in some for span in self._spans.of(record)]
            if self._exporter.export(spans) is not SpanExportResult.SUCCESS:
                lost += len(some)
        return lost


class Spans:
    """Makes a record's spans."""

    def __init__(self, resource: Resource, wall_offset: float, rng: random.Random) -> None:
        """
        Args:
            wall_offset: unix time minus the monotonic clock's.
            rng: for the ids of the requests' own spans, which are never sent on.
        """
        from opentelemetry.sdk.util.instrumentation import InstrumentationScope

        self._resource = resource
        self._offset = wall_offset
        self._rng = rng
        self._scope = InstrumentationScope("smart-load-balancer")

    def of(self, record: AccessRecord) -> list[ReadableSpan]:
        """The request's span, then its tries' in their order.

        Each try's id is the parent that its endpoint was told, so that the endpoint's own span
        hangs below the right one.
        """
        from opentelemetry.trace import SpanKind

        request = Request._make(record)
        traceparent = request.traceparent
        assert traceparent is not None
        parent = None if request.parent is None else _context(request.parent)
        own = _context(traceparent, self._rng.getrandbits(64) or 1)
        known = request.method in _METHODS
        method = request.method if known else "_OTHER"
        name = method if known else "HTTP"
        status = request.status
        failed = status >= 500 or status == 0 or request.termination == ENDPOINT_BODY
        spans = [
            self._span(
                name, own, parent, SpanKind.SERVER, _request_attributes(request, method),
                request.started, request.ended, (request.reason or str(status)) if failed else None,
            )
        ]  # fmt: skip
        for number, (endpoint, decided, gave_up, label, sent) in enumerate(request.tries):
            attributes: dict[str, AttributeValue] = {
                "http.request.method": method,
                "slb.endpoint": endpoint,
            }
            if number:
                attributes["http.request.resend_count"] = number
            context = _context(sent or traceparent)
            spans.append(
                self._span(name, context, own, SpanKind.CLIENT, attributes, decided, gave_up, label)
            )
        if request.endpoint is not None:
            spans.append(
                self._span(
                    name, _context(traceparent), own, SpanKind.CLIENT,
                    _try_attributes(request, method), request.decided_at, request.ended,
                    _try_error(request),
                )
            )  # fmt: skip
        return spans

    def _span(
        self,
        name: str,
        context: SpanContext,
        parent: SpanContext | None,
        kind: SpanKind,
        attributes: dict[str, AttributeValue],
        started: float,
        ended: float,
        error: str | None,
    ) -> ReadableSpan:
        from opentelemetry.sdk.trace import ReadableSpan
        from opentelemetry.trace import Status, StatusCode

        if error is not None:
            attributes["error.type"] = error
        return ReadableSpan(
            name,
            context,
            parent,
            self._resource,
            attributes,
            kind=kind,
            status=Status(StatusCode.UNSET if error is None else StatusCode.ERROR),
            start_time=int((started + self._offset) * 1e9),
            end_time=int((ended + self._offset) * 1e9),
            instrumentation_scope=self._scope,
        )


def _try_error(request: Request) -> str | None:
    """Why the last try failed, as one word; None if it did not."""
    if request.termination not in _ANSWERED or request.termination == ENDPOINT_BODY:
        return request.reason or request.termination
    return str(request.status) if request.status >= 400 else None


def _try_attributes(request: Request, method: str) -> dict[str, AttributeValue]:
    attributes: dict[str, AttributeValue] = {
        "http.request.method": method,
        "slb.endpoint": request.endpoint or "",
        "slb.strategy": request.strategy or "",
        "slb.explored": request.explored,
        "slb.propensity": request.propensity,
    }
    if request.attempts > 1:
        attributes["http.request.resend_count"] = request.attempts - 1
    if request.termination in _ANSWERED:
        attributes["http.response.status_code"] = request.status
    return attributes


def _request_attributes(request: Request, method: str) -> dict[str, AttributeValue]:
    path, mark, query = request.target[:LONGEST].partition("?")
    believed = request.forwarded_for
    attributes: dict[str, AttributeValue] = {
        "http.request.method": method,
        "url.scheme": "https" if request.tls else "http",
        "url.path": path,
        "server.address": request.host,
        "client.address": request.client if believed is None else _shown(believed),
        "network.peer.address": request.client,
        "network.protocol.version": "1.1" if request.modern else "1.0",
        "http.request.body.size": request.bytes_in,
        "http.response.body.size": max(0, request.bytes_out - request.head_bytes),
        "slb.request_id": request.request_id,
        "slb.termination": request.termination,
    }
    if mark:
        attributes["url.query"] = query
    if method == "_OTHER":
        attributes["http.request.method_original"] = request.method[:LONGEST]
    if request.status:
        attributes["http.response.status_code"] = request.status
    if request.agent is not None:
        attributes["user_agent.original"] = _shown(request.agent)
    if request.queue > 0.0:
        attributes["slb.queue"] = request.queue
    if request.connect > 0.0:
        attributes["slb.connect"] = request.connect
    return attributes


def _shown(value: bytes) -> str:
    return value[:LONGEST].decode("latin-1")


def _context(traceparent: bytes, span_id: int | None = None) -> SpanContext:
    """What a ``traceparent`` names; with ``span_id``, another span of the same trace."""
    from opentelemetry.trace import SpanContext, TraceFlags

    return SpanContext(
        int(traceparent[3:35], 16),
        int(traceparent[36:52], 16) if span_id is None else span_id,
        is_remote=span_id is None,
        trace_flags=TraceFlags(int(traceparent[53:55], 16)),
    )
