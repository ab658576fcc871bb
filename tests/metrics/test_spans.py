"""Records as OpenTelemetry's spans, up to the bytes that a collector gets."""

import random
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import SimpleNamespace
from typing import Any, cast

import pytest

from metrics import spans
from metrics.access_record import AccessRecord, Request

pytest.importorskip("opentelemetry.exporter.otlp.proto.http")  # of the extra otel

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import SpanKind, StatusCode

pytestmark = pytest.mark.integration

TRACE = "0af7651916cd43dd8448eb211c80319c"
SENT = f"00-{TRACE}-00f067aa0ba902b7-01".encode()
CAME = f"00-{TRACE}-b7ad6b7169203331-01".encode()
EARLIER = f"00-{TRACE}-00000000000000aa-01".encode()
USUAL = Request(
    started=10.0,
    ended=10.5,
    queue=0.0,
    connect=0.0,
    first_byte_at=10.25,
    status=200,
    bytes_in=3,
    bytes_out=300,
    head_bytes=100,
    client="192.0.2.1",
    method="GET",
    target="/a?b=c",
    host="example.com",
    request_id="r1",
    traceparent=SENT,
    parent=CAME,
    attempts=1,
    endpoint="server1",
    strategy="q_learning",
    decided_at=10.125,
    explored=True,
    propensity=0.25,
    agent=b"curl/8.5.0",
)


def plain(request: Request) -> AccessRecord:
    return cast(AccessRecord, tuple(request))


@pytest.fixture
def made() -> spans.Spans:
    return spans.Spans(Resource.create({"service.name": "slb"}), 1000.0, random.Random(1))


def attributes(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


def test_a_request_hangs_below_its_client_and_its_try_below_it(made: spans.Spans) -> None:
    """The try has the id that the endpoint was sent, so the endpoint's span hangs below the try."""
    request, attempt = made.of(plain(USUAL))
    assert request.context is not None and attempt.context is not None
    assert request.parent is not None and attempt.parent is not None

    assert {int(TRACE, 16)} == {
        each.trace_id for each in (request.context, attempt.context, request.parent)
    }
    assert 0xB7AD6B7169203331 == request.parent.span_id
    assert request.context.span_id == attempt.parent.span_id
    assert 0x00F067AA0BA902B7 == attempt.context.span_id
    assert request.context.span_id not in (0, request.parent.span_id, attempt.context.span_id)
    assert (SpanKind.SERVER, SpanKind.CLIENT) == (request.kind, attempt.kind)
    assert (True, False) == (request.parent.is_remote, attempt.parent.is_remote)


def test_the_times_are_those_of_the_wall(made: spans.Spans) -> None:
    """Nanoseconds of unix time."""
    request, attempt = made.of(plain(USUAL))

    assert (1_010_000_000_000, 1_010_500_000_000) == (request.start_time, request.end_time)
    assert (1_010_125_000_000, 1_010_500_000_000) == (attempt.start_time, attempt.end_time)


def test_the_attributes_are_those_of_the_conventions(made: spans.Spans) -> None:
    request, attempt = made.of(plain(USUAL))

    assert {
        "http.request.method": "GET",
        "url.scheme": "http",
        "url.path": "/a",
        "url.query": "b=c",
        "server.address": "example.com",
        "client.address": "192.0.2.1",
        "network.peer.address": "192.0.2.1",
        "network.protocol.version": "1.1",
        "http.request.body.size": 3,
        "http.response.body.size": 200,
        "http.response.status_code": 200,
        "user_agent.original": "curl/8.5.0",
        "slb.request_id": "r1",
        "slb.termination": "complete",
    } == attributes(request)
    assert {
        "http.request.method": "GET",
        "http.response.status_code": 200,
        "slb.endpoint": "server1",
        "slb.strategy": "q_learning",
        "slb.explored": True,
        "slb.propensity": 0.25,
    } == attributes(attempt)
    assert ("GET", "GET") == (request.name, attempt.name)


def test_what_is_unusual_is_told(made: spans.Spans) -> None:
    request = USUAL._replace(
        method="BREW", tls="TLSv1.3", forwarded_for=b"198.51.100.7", modern=False, queue=0.5,
        connect=0.25, target="/", agent=None,
    )  # fmt: skip
    found = made.of(plain(request))[0]
    told = attributes(found)

    assert ("HTTP", "_OTHER", "BREW") == (
        found.name, told["http.request.method"], told["http.request.method_original"],
    )  # fmt: skip
    assert ("https", "198.51.100.7", "192.0.2.1", "1.0") == tuple(
        told[each]
        for each in (
            "url.scheme", "client.address", "network.peer.address", "network.protocol.version",
        )
    )  # fmt: skip
    assert (0.5, 0.25) == (told["slb.queue"], told["slb.connect"])
    assert "url.query" not in told and "user_agent.original" not in told


def test_a_request_without_a_parent_begins_its_trace(made: spans.Spans) -> None:
    assert made.of(plain(USUAL._replace(parent=None)))[0].parent is None


def test_each_try_has_a_span(made: spans.Spans) -> None:
    request = USUAL._replace(
        attempts=3,
        tries=(
            ("a", 10.0, 10.05, "connect_failed", EARLIER),
            ("b", 10.05, 10.125, "connection_lost", b""),
        ),
    )
    whole, first, second, last = made.of(plain(request))
    assert first.context is not None and whole.context is not None

    assert 0xAA == first.context.span_id
    assert ["a", "b", "server1"] == [
        attributes(each)["slb.endpoint"] for each in (first, second, last)
    ]
    assert [None, 1, 2] == [
        attributes(each).get("http.request.resend_count") for each in (first, second, last)
    ]
    assert ["connect_failed", "connection_lost", None] == [
        attributes(each).get("error.type") for each in (first, second, last)
    ]
    assert {whole.context.span_id} == {
        each.parent.span_id for each in (first, second, last) if each.parent
    }


@pytest.mark.parametrize(
    ("change", "of_request", "of_try"),
    [
        ({}, None, None),
        ({"status": 404}, None, "404"),
        ({"status": 503}, "503", "503"),
        ({"status": 504, "termination": "endpoint_wait", "reason": "response_timeout"},
         "response_timeout", "response_timeout"),
        ({"termination": "endpoint_body"}, "200", "endpoint_body"),
        ({"termination": "client_read"}, None, None),
        ({"status": 0, "termination": "client_wait"}, "0", "client_wait"),
    ],
)  # fmt: skip
def test_errors_are_where_the_conventions_put_them(
    made: spans.Spans, change: Any, of_request: str | None, of_try: str | None
) -> None:
    """A server span errs from 500 on, a client span from 400 on, both if the answer was cut."""
    request, attempt = made.of(plain(USUAL._replace(**change)))

    assert of_request == attributes(request).get("error.type")
    assert of_try == attributes(attempt).get("error.type")
    for span, error in ((request, of_request), (attempt, of_try)):
        assert (StatusCode.UNSET if error is None else StatusCode.ERROR) == span.status.status_code


def test_a_refused_request_has_one_span(made: spans.Spans) -> None:
    request = Request(started=1.0, ended=1.0, termination="refused", status=400, traceparent=SENT)

    assert 1 == len(made.of(plain(request)))


class Collected(SpanExporter):
    """An exporter that keeps, or refuses."""

    def __init__(self, result: SpanExportResult = SpanExportResult.SUCCESS) -> None:
        self.lots: list[int] = []
        self.result = result
        self.ended = False

    def export(self, spans: Any) -> SpanExportResult:
        self.lots.append(len(spans))
        return self.result

    def shutdown(self) -> None:
        self.ended = True


@pytest.mark.parametrize(
    ("traceparent", "told"),
    [(None, 0), (SENT[:-2] + b"00", 0), (SENT[:-2] + b"02", 0), (SENT, 2), (SENT[:-2] + b"03", 2)],
)
def test_only_sampled_traces_are_told(
    made: spans.Spans, traceparent: bytes | None, told: int
) -> None:
    """The flag is the trace's, and holds for all who take part in it."""
    exporter = Collected()
    export = spans.SpanExport(exporter, made, 10)
    export.append(plain(USUAL._replace(traceparent=traceparent)))
    export.close()

    assert (told, 0, True) == (sum(exporter.lots), export.dropped, exporter.ended)


def test_what_finds_the_queue_full_is_counted(made: spans.Spans) -> None:
    exporter = Collected()
    export = spans.SpanExport(exporter, made, 300)
    for _ in range(310):
        export.append(plain(USUAL))
    export.close()

    assert ([64] * 9 + [24], 10) == (exporter.lots, export.dropped)


def test_what_the_collector_refuses_is_counted(made: spans.Spans) -> None:
    export = spans.SpanExport(Collected(SpanExportResult.FAILURE), made, 10)
    for _ in range(3):
        export.append(plain(USUAL))
    export.close()

    assert 3 == export.dropped


def test_a_missing_extra_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    with pytest.raises(spans.MissingExtra, match="extra otel"):
        spans.connect("http://localhost:1/", "slb", Settings(), 0.0)


class Settings:
    """The section ``tracing``."""

    export_timeout_seconds = 5.0
    queue_requests = 10


@pytest.fixture
def collector() -> Iterator[SimpleNamespace]:
    """A collector that keeps what it is sent."""
    bodies: list[tuple[str, bytes]] = []

    class Taking(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            bodies.append((self.path, body))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Taking)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield SimpleNamespace(url=f"http://127.0.0.1:{server.server_port}/v1/traces", bodies=bodies)
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_collector_gets_the_spans(
    collector: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OTLP over HTTP, read back by the protocol's own description."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    export = spans.connect(collector.url, "edge-1", Settings(), 1000.0)
    export.append(plain(USUAL))
    export.flush()
    export.close()
    ((path, body),) = collector.bodies
    (told,) = ExportTraceServiceRequest.FromString(body).resource_spans
    (scope,) = told.scope_spans

    assert ("/v1/traces", 0) == (path, export.dropped)
    assert "edge-1" in [
        each.value.string_value for each in told.resource.attributes if each.key == "service.name"
    ]
    assert [TRACE] * 2 == [each.trace_id.hex() for each in scope.spans]
    assert ["b7ad6b7169203331", scope.spans[0].span_id.hex()] == [
        each.parent_span_id.hex() for each in scope.spans
    ]
    assert "00f067aa0ba902b7" == scope.spans[1].span_id.hex()
    assert 500_000_000 == (scope.spans[0].end_time_unix_nano - scope.spans[0].start_time_unix_nano)
