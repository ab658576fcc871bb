"""Response heads: what is not believed, what the client gets, and how the body ends."""

import pytest

from load_balancer.forwarding.fields import Fields
from load_balancer.forwarding.heads import (
    BY_LENGTH,
    CHUNKED,
    NO_BODY,
    UNTIL_CLOSE,
    RequestHead,
    read_request,
)
from load_balancer.forwarding.peer import Peer
from load_balancer.forwarding.responses import (
    BadUpstream,
    ResponseHead,
    interim_response,
    last_chunk,
    read_response,
)
from tests.load_balancer.forwarding.parsing import responses

pytestmark = pytest.mark.unit

DATE = b"Thu, 01 Jan 2026 00:00:00 GMT"
LENGTH = (b"Content-Length", b"5")
CHUNKS = (b"Transfer-Encoding", b"chunked")


def asked(method: bytes = b"GET", version: str = "1.1", connection: bytes = b"") -> RequestHead:
    fields: Fields = [(b"Host", b"h")]
    if connection:
        fields.append((b"Connection", connection))
    return read_request(method, b"/", version, fields, Peer("192.0.2.7", "slb"), b"id")


GET = asked()
HEAD = asked(b"HEAD")
OLD = asked(version="1.0")
OLD_STAYING = asked(version="1.0", connection=b"keep-alive")


def read(
    *fields: tuple[bytes, bytes],
    status: int = 200,
    reason: bytes = b"OK",
    version: str = "1.1",
    request: RequestHead = GET,
    keep_alive: bool | None = None,
) -> ResponseHead:
    """A response judged; the client's connection stays if the client wants it."""
    stays = request.keep_alive if keep_alive is None else keep_alive
    return read_response(status, reason, version, [*fields], request, b"slb", DATE, stays)


def wire_fields(wire: bytes) -> Fields:
    reading = responses(wire)
    assert "" == reading.error
    return reading.messages[0].fields


def sent_values(head: ResponseHead, name: bytes) -> list[bytes]:
    return [value for key, value in wire_fields(head.wire) if key.lower() == name.lower()]


def test_a_plain_response_goes_on_in_one_clean_form() -> None:
    head = read((b"Date", b"yesterday"), (b"Server", b"nginx"), LENGTH)

    assert (
        b"HTTP/1.1 200 OK\r\n"
        b"Date: yesterday\r\n"
        b"Server: nginx\r\n"
        b"Content-Length: 5\r\n"
        b"Via: 1.1 slb\r\n"
        b"\r\n"
    ) == head.wire
    assert (200, BY_LENGTH, False, b"") == (
        head.status,
        head.body,
        head.chunk_out,
        head.load_report,
    )
    assert (False, False) == (head.close_upstream, head.close_downstream)


# Version, status, reason.


@pytest.mark.parametrize("version", ["0.9", "1.2", "2.0", ""])
def test_only_two_versions_are_understood(version: str) -> None:
    """httptools lets 0.9 and 2.0 pass."""
    with pytest.raises(BadUpstream, match="version"):
        read(LENGTH, version=version)


@pytest.mark.parametrize("version", ["1.1", "1.0"])
def test_our_own_version_goes_down_and_theirs_stands_in_via(version: str) -> None:
    """RFC 9110 sections 2.5 and 7.6.3."""
    head = read(LENGTH, version=version)

    assert head.wire.startswith(b"HTTP/1.1 200 OK\r\n")
    assert [f"{version} slb".encode()] == sent_values(head, b"via")


def test_we_are_the_last_of_several_proxies() -> None:
    assert [b"1.1 a, 1.0 b", b"1.1 slb"] == sent_values(
        read((b"Via", b"1.1 a, 1.0 b"), LENGTH), b"via"
    )


@pytest.mark.parametrize("status", [0, 99, 100, 101, 103, 199, 1000, -1])
def test_what_is_no_final_status_is_not_passed_on(status: int) -> None:
    """Least of all 101: nobody asked for another protocol."""
    with pytest.raises(BadUpstream, match="status"):
        read(LENGTH, status=status)


@pytest.mark.parametrize("status", [200, 299, 300, 404, 418, 503, 599, 600, 999])
def test_any_final_status_is_passed_on(status: int) -> None:
    assert responses(read(LENGTH, status=status).wire).messages[0].status == status


@pytest.mark.parametrize("reason", [b"", b"Not\tso OK", b"\xe4\xf6"])
def test_the_reason_is_passed_on_as_it_is(reason: bytes) -> None:
    assert reason == responses(read(LENGTH, reason=reason).wire).messages[0].reason


# Framing.


@pytest.mark.parametrize(
    ("request_", "fields", "body", "framing"),
    [
        (GET, [LENGTH], BY_LENGTH, b"Content-Length: 5"),
        (GET, [(b"content-length", b" 005\t")], BY_LENGTH, b"Content-Length: 5"),
        (GET, [(b"Content-Length", b"0")], BY_LENGTH, b"Content-Length: 0"),
        (GET, [CHUNKS], CHUNKED, b"Transfer-Encoding: chunked"),
        (GET, [(b"transfer-encoding", b" CHUNKED")], CHUNKED, b"Transfer-Encoding: chunked"),
        (GET, [], UNTIL_CLOSE, b"Transfer-Encoding: chunked"),
        (OLD, [LENGTH], BY_LENGTH, b"Content-Length: 5"),
        (OLD, [CHUNKS], CHUNKED, b""),
        (OLD, [], UNTIL_CLOSE, b""),
        (OLD_STAYING, [LENGTH], BY_LENGTH, b"Content-Length: 5"),
        (OLD_STAYING, [CHUNKS], CHUNKED, b""),
        (OLD_STAYING, [], UNTIL_CLOSE, b""),
    ],
)
def test_how_a_body_ends_coming_and_going(
    request_: RequestHead, fields: Fields, body: int, framing: bytes
) -> None:
    """What has no length gets chunks, for who understands them; else the connection ends it."""
    head = read(*fields, request=request_)
    lines = [
        line
        for line in head.wire.split(b"\r\n")
        if line.startswith((b"Content-Length", b"Transfer-Encoding"))
    ]

    assert (body, [framing] if framing else []) == (head.body, lines)
    assert (framing == b"Transfer-Encoding: chunked") == head.chunk_out
    assert (body == UNTIL_CLOSE) == head.close_upstream
    assert head.close_downstream == (not framing or request_ is OLD)


@pytest.mark.parametrize(
    ("request_", "status"),
    [(HEAD, 200), (HEAD, 404), (HEAD, 204), (HEAD, 304), (GET, 204), (GET, 304)],
)
@pytest.mark.parametrize("fields", [[], [LENGTH], [CHUNKS]], ids=["none", "length", "chunks"])
def test_what_has_no_body_by_its_status_or_method(
    request_: RequestHead, status: int, fields: Fields
) -> None:
    """RFC 9110 sections 6.4.1 and 8.6: the length is the one that GET would have; 204 has none."""
    head = read(*fields, status=status, request=request_)
    length = [b"5"] if fields == [LENGTH] and status != 204 else []

    assert (NO_BODY, False) == (head.body, head.chunk_out)
    assert (False, False) == (head.close_upstream, head.close_downstream)
    assert length == sent_values(head, b"content-length")
    assert [] == sent_values(head, b"transfer-encoding")


@pytest.mark.parametrize("status", [200, 204, 304])
@pytest.mark.parametrize(
    ("fields", "match"),
    [
        ([LENGTH, LENGTH], "more than one Content-Length"),
        ([LENGTH, (b"content-length", b"6")], "more than one Content-Length"),
        ([CHUNKS, CHUNKS], "more than one Transfer-Encoding"),
        ([LENGTH, CHUNKS], "both"),
        ([CHUNKS, LENGTH], "both"),
        ([(b"Transfer-Encoding", b"gzip, chunked")], "other than chunked"),
        ([(b"Transfer-Encoding", b"chunked, gzip")], "other than chunked"),
        ([(b"Transfer-Encoding", b"identity")], "other than chunked"),
        ([(b"Transfer-Encoding", b"")], "other than chunked"),
        ([(b"Content-Length", b"")], "not a number"),
        ([(b"Content-Length", b"-1")], "not a number"),
        ([(b"Content-Length", b"+5")], "not a number"),
        ([(b"Content-Length", b"5, 5")], "not a number"),
        ([(b"Content-Length", b"0x5")], "not a number"),
        ([(b"Content-Length", b"1_0")], "not a number"),
        ([(b"Content-Length", b"0" * 5000)], "not a number"),
    ],
)
def test_a_framing_that_can_be_read_in_two_ways_is_not_passed_on(
    status: int, fields: Fields, match: str
) -> None:
    """Whether there is a body or not: a server that is wrong here is wrong elsewhere."""
    with pytest.raises(BadUpstream, match=match):
        read(*fields, status=status)


@pytest.mark.parametrize("value", [b"foo", b" X-Rot13 ", b"Transfer-Encoding-store-value"])
def test_behind_a_coding_that_nobody_knows_the_body_ends_with_its_connection(value: bytes) -> None:
    """RFC 9112 section 6.3. The client gets it in a framing of ours, without the field."""
    head = read((b"Transfer-Encoding", value))
    assert (UNTIL_CLOSE, True) == (head.body, head.close_upstream)
    assert [b"chunked"] == sent_values(head, b"transfer-encoding")


@pytest.mark.parametrize(
    "value",
    [b"gzip", b"deflate", b"identity", b"xchunked", b"chunked;a=b", b"foo, bar", b"", b"a b"],
)
def test_a_coding_that_somebody_could_know_is_not_passed_on(value: bytes) -> None:
    with pytest.raises(BadUpstream, match="other than chunked"):
        read((b"Transfer-Encoding", value))


def test_http_1_0_has_no_codings() -> None:
    """RFC 9112 section 6.1: such a message has a faulty framing."""
    with pytest.raises(BadUpstream, match=r"HTTP/1\.0"):
        read(CHUNKS, version="1.0")


# The connections.


@pytest.mark.parametrize(
    ("version", "connection", "ends"),
    [
        ("1.1", [], False),
        ("1.1", [b"close"], True),
        ("1.1", [b"x, Close"], True),
        ("1.1", [b"keep-alive", b"close"], True),
        ("1.0", [], True),
        ("1.0", [b"Keep-Alive"], False),
        ("1.0", [b"keep-alive, close"], True),
    ],
)
def test_whether_the_endpoints_connection_can_be_used_again(
    version: str, connection: list[bytes], ends: bool
) -> None:
    """RFC 9112 section 9.3. That is no matter to the client."""
    head = read(LENGTH, *((b"Connection", value) for value in connection), version=version)

    assert (ends, False) == (head.close_upstream, head.close_downstream)
    assert [] == sent_values(head, b"connection")


def test_proxy_connection_counts_as_connection() -> None:
    """httptools takes it for that and would read no second response."""
    head = read(LENGTH, (b"Proxy-Connection", b"close"))

    assert (True, []) == (head.close_upstream, sent_values(head, b"proxy-connection"))


@pytest.mark.parametrize(
    ("request_", "fields", "keep_alive", "connection"),
    [
        (GET, [LENGTH], True, []),
        (GET, [LENGTH], False, [b"close"]),
        (GET, [CHUNKS], True, []),
        (GET, [CHUNKS], False, [b"close"]),
        (OLD, [LENGTH], False, [b"close"]),
        (OLD_STAYING, [LENGTH], True, [b"keep-alive"]),
        (OLD_STAYING, [LENGTH], False, [b"close"]),
        (OLD_STAYING, [CHUNKS], True, [b"close"]),
        (OLD_STAYING, [], True, [b"close"]),
    ],
)
def test_what_the_client_is_told_of_its_connection(
    request_: RequestHead, fields: Fields, keep_alive: bool, connection: list[bytes]
) -> None:
    """HTTP/1.0 must be told that it stays, HTTP/1.1 that it ends."""
    head = read(*fields, request=request_, keep_alive=keep_alive)

    assert connection == sent_values(head, b"connection")
    assert (connection == [b"close"]) == head.close_downstream


def test_an_http_1_0_head_answer_may_stay() -> None:
    request = asked(b"HEAD", "1.0", b"keep-alive")
    head = read(LENGTH, request=request)

    assert (False, [b"keep-alive"]) == (head.close_downstream, sent_values(head, b"connection"))


# Fields.


@pytest.mark.parametrize(
    "name",
    [
        b"Connection",
        b"Keep-Alive",
        b"Proxy-Connection",
        b"TE",
        b"Upgrade",
        b"Q",
        b"QReward",
        b"endpoint-load-metrics-bin",
        b"Endpoint-Load-Metrics-JSON",
    ],
)
def test_what_is_for_this_hop_or_for_us_ends_here(name: bytes) -> None:
    head = read((name, b"x"), (name.lower(), b"y"), LENGTH)

    assert [] == sent_values(head, name)
    assert b"" == head.load_report


def test_a_load_report_is_for_us() -> None:
    head = read((b"Endpoint-Load-Metrics", b"TEXT cpu_utilization=0.3"), LENGTH)

    assert b"TEXT cpu_utilization=0.3" == head.load_report
    assert [] == sent_values(head, b"endpoint-load-metrics")


def test_fields_that_connection_lists_end_here_but_for_what_the_message_rests_on() -> None:
    head = read(
        (b"X-Secret", b"1"),
        (b"Connection", b"x-secret, date, cache-control, via, content-length"),
        (b"Date", b"yesterday"),
        (b"Cache-Control", b"no-store"),
        (b"Via", b"1.1 a"),
        LENGTH,
    )

    assert [
        (b"Date", b"yesterday"),
        (b"Cache-Control", b"no-store"),
        (b"Via", b"1.1 a"),
        (b"Content-Length", b"5"),
        (b"Via", b"1.1 slb"),
    ] == wire_fields(head.wire)


def test_end_to_end_fields_keep_order_spelling_and_multiplicity() -> None:
    fields = [
        (b"Set-Cookie", b"a=1"),
        (b"set-cookie", b"b=2"),
        (b"X-A", b""),
        (b"Set-Cookie", b"a=1"),
        (b"WWW-Authenticate", b"Basic realm=\xe4"),
        (b"Date", DATE),
        (b"Content-Encoding", b"gzip"),
        (b"X-Forwarded-For", b"192.0.2.1"),
        (b"X-Request-ID", b"theirs"),
    ]

    assert fields == wire_fields(read(*fields, LENGTH).wire)[:-2]


def test_a_response_without_a_date_is_given_one() -> None:
    """RFC 9110 section 6.6.1."""
    assert [DATE] == sent_values(read(LENGTH), b"date")
    assert [b"then"] == sent_values(read((b"dATE", b"then"), LENGTH), b"date")


# 1xx.


def test_an_interim_answer_goes_on_without_what_is_for_this_hop() -> None:
    wire = interim_response(
        103,
        b"Early Hints",
        [
            (b"Link", b"</a.css>"),
            (b"Connection", b"x-hop"),
            (b"X-Hop", b"1"),
            (b"Keep-Alive", b"timeout=5"),
            (b"Content-Length", b"5"),
            (b"Transfer-Encoding", b"chunked"),
            (b"Q", b"1"),
            (b"endpoint-load-metrics", b"TEXT a=1"),
            (b"Link", b"</b.css>"),
        ],
    )

    assert (b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\nLink: </b.css>\r\n\r\n") == wire


def test_a_100_is_passed_on_as_it_is() -> None:
    assert b"HTTP/1.1 100 Continue\r\n\r\n" == interim_response(100, b"Continue", [])


# Trailers.


def test_a_body_ends_with_its_last_chunk() -> None:
    assert b"0\r\n\r\n" == last_chunk([])


def test_trailers_go_on_in_order() -> None:
    trailers = [(b"X-Sum", b"1"), (b"Server-Timing", b"a;dur=1"), (b"X-Sum", b"2")]

    assert b"0\r\nX-Sum: 1\r\nServer-Timing: a;dur=1\r\nX-Sum: 2\r\n\r\n" == last_chunk(trailers)


@pytest.mark.parametrize(
    "name",
    [
        b"Content-Length",
        b"Transfer-Encoding",
        b"Host",
        b"Connection",
        b"Expect",
        b"Upgrade",
        b"Via",
        b"Date",
        b"Q",
        b"QReward",
        b"X-Request-ID",
        b"X-Forwarded-For",
        b"Authorization",
        b"Cookie",
        b"Set-Cookie",
        b"Cache-Control",
        b"Content-Type",
        b"Content-Encoding",
        b"Content-Range",
        b"Max-Forwards",
        b"Trailer",
        b"TE",
        b"endpoint-load-metrics",
    ],
)
def test_what_must_be_known_before_the_body_does_not_come_behind_it(name: bytes) -> None:
    """RFC 9110 section 6.5.1: framing, routing, modifiers, authentication, content."""
    assert b"0\r\nX: y\r\n\r\n" == last_chunk([(name, b"5"), (b"X", b"y"), (name.lower(), b"6")])
