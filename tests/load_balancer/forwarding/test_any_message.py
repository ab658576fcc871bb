"""Laws that hold for any message that httptools delivers, however hostile: it is refused, or what
goes on is read by others as what came.

Real bytes go through httptools in random pieces, as on a connection; what is written goes through
httptools and h11, two parsers that know nothing of each other.
"""

from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from load_balancer.forwarding.heads import (
    BY_LENGTH,
    CHUNKED,
    NO_BODY,
    UNTIL_CLOSE,
    Refusal,
    RequestHead,
    read_request,
)
from load_balancer.forwarding.peer import Peer
from load_balancer.forwarding.responses import (
    BadUpstream,
    interim_response,
    last_chunk,
    read_response,
)
from tests.load_balancer.forwarding.parsing import (
    Fields,
    Message,
    cut,
    h11_request,
    h11_response,
    requests,
    responses,
)

pytestmark = pytest.mark.unit

PEER = Peer("192.0.2.7", "slb")
ID = b"0123456789abcdef"
DATE = b"Thu, 01 Jan 2026 00:00:00 GMT"
NEXT_REQUEST = b"GET /next HTTP/1.1\r\nHost: next\r\n\r\n"
NEXT_RESPONSE = b"HTTP/1.1 299 Next\r\nContent-Length: 0\r\n\r\n"

# Never passed on, by either side (RFC 9110 section 7.6.1, and our own), and by the client's side.
HOP_BY_HOP = {
    b"connection",
    b"keep-alive",
    b"proxy-connection",
    b"te",
    b"transfer-encoding",
    b"upgrade",
    b"q",
    b"qreward",
}
CLIENTS = {*HOP_BY_HOP, b"http2-settings"}
WRITTEN_ANEW = {
    b"host",
    b"content-length",
    b"expect",
    b"x-request-id",
    b"x-forwarded-for",
    b"x-forwarded-host",
    b"x-forwarded-proto",
    b"x-forwarded-port",
    b"forwarded",
}
LOAD_REPORTS = {
    b"endpoint-load-metrics",
    b"endpoint-load-metrics-bin",
    b"endpoint-load-metrics-json",
}
NOT_TO_BE_LISTED = {
    b"host",
    b"content-length",
    b"transfer-encoding",
    b"date",
    b"cache-control",
    b"via",
    b"expect",
}
NOT_IN_TRAILERS = (
    CLIENTS
    | WRITTEN_ANEW
    | LOAD_REPORTS
    | {b"date", b"via", b"accept", b"cache-control", b"cookie", b"set-cookie"}
)

TOKENS = st.text("abcXYZ019-_.!#$%&'*+^`|~", min_size=1, max_size=8).map(str.encode)
VISIBLE = [*range(0x21, 0x7F), *range(0x80, 0x100)]
CONTENTS = st.lists(st.sampled_from([*VISIBLE, 0x20, 0x09]), max_size=12).map(bytes)
SPACES = st.sampled_from([b"", b" ", b"\t", b"  "])
NAMES = st.one_of(
    TOKENS,
    st.sampled_from(
        [
            *sorted(CLIENTS - {b"transfer-encoding"}),
            *sorted(WRITTEN_ANEW - {b"content-length", b"host"}),
            *sorted(LOAD_REPORTS),
            b"via",
            b"accept",
            b"date",
            b"cache-control",
            b"cookie",
            b"set-cookie",
            b"x-end",
        ]
    ),
)
VALUES = st.one_of(
    CONTENTS,
    st.sampled_from(
        [
            b"",
            b"close",
            b"keep-alive",
            b"Upgrade",
            b"close, x-end",
            b"x-end, cookie,set-cookie",
            b"host, content-length",
            b"Transfer-Encoding, via",
            b"date",
            b"100-continue",
            b"chunked",
            b"h2c",
            b"1.1 a, 1.0 b",
            b"text/html, application/json",
            b"example.com",
            b"0",
            b"5",
        ]
    ),
)


@st.composite
def spelled(draw: st.DrawFn, name: bytes) -> bytes:
    return draw(st.sampled_from([name, name.title(), name.upper()]))


@st.composite
def field_lines(draw: st.DrawFn) -> bytes:
    name = draw(NAMES.flatmap(spelled))
    return name + b":" + draw(SPACES) + draw(VALUES) + draw(SPACES) + b"\r\n"


# Where they do not belong: behind the body.
FRAMINGS = st.sampled_from(
    [b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n", b"Host: evil\r\n"]
)


@dataclass
class Framed:
    """A body on the wire, with the field lines that frame it."""

    lines: bytes
    wire: bytes


@st.composite
def chunked(draw: st.DrawFn) -> bytes:
    pieces = draw(st.lists(st.binary(min_size=1, max_size=20), max_size=3))
    extension = draw(st.sampled_from([b"", b";a=b", b';a="b"']))
    trailers = b"".join(draw(st.lists(st.one_of(field_lines(), FRAMINGS), max_size=3)))
    body = b"".join(b"%x%b\r\n%b\r\n" % (len(each), extension, each) for each in pieces)
    return body + b"0\r\n" + trailers + b"\r\n"


@st.composite
def bodies(draw: st.DrawFn) -> Framed:
    """Mostly right; now and then with a framing that is hard to read or stands twice."""
    kind = draw(st.sampled_from(["none", "length", "chunked"] * 2 + ["odd"]))
    if kind == "none":
        odd = [b"", b"", b"", b"Content-Length: 0\r\n", b"Content_Length: 3\r\n"]
        return Framed(draw(st.sampled_from(odd)), b"")
    if kind == "length":
        content = draw(st.binary(max_size=30))
        zeros = draw(st.sampled_from([b"", b"0", b"000"]))
        return Framed(b"Content-Length: %b%d\r\n" % (zeros, len(content)), content)
    if kind == "chunked":
        coding = draw(st.sampled_from([b"chunked", b"Chunked", b"chunked "]))
        return Framed(b"Transfer-Encoding: " + coding + b"\r\n", draw(chunked()))
    line = draw(
        st.sampled_from(
            [
                b"Transfer-Encoding: gzip, chunked",
                b"Transfer-Encoding: gzip",
                b"Transfer-Encoding: , chunked",
                b"Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked",
                b"Transfer-Encoding: chunked\r\nContent-Length: 3",
                b"Content-Length: 3\r\nContent-Length: 3",
                b"Content-Length: " + b"0" * 5000 + b"3",
                b"Content-Length: 99999999999999999999",
                b"Content-Length : 3",
                b"Content-Length: 3, 3",
            ]
        )
    )
    return Framed(line + b"\r\n", draw(st.one_of(chunked(), st.just(b"abc"))))


UPGRADES = st.sampled_from(
    [[]] * 8
    + [
        [b"Connection: Upgrade\r\n", b"Upgrade: h2c\r\n"],
        [b"Proxy-Connection: keep-alive, upgrade\r\n", b"Upgrade: x\r\n"],
    ]
)


@st.composite
def heads(draw: st.DrawFn, start: bytes, fixed: list[bytes]) -> bytes:
    lines = draw(st.lists(field_lines(), max_size=6)) + fixed + draw(UPGRADES)
    return start + b"\r\n" + b"".join(draw(st.permutations(lines))) + b"\r\n"


@dataclass
class Sent:
    """Bytes as they come, and where they are cut."""

    data: bytes
    cuts: list[int]


CUTS = st.lists(st.integers(min_value=0, max_value=300), max_size=4)
METHODS = st.sampled_from(
    [b"GET", b"POST", b"PUT"] * 3 + [b"HEAD", b"OPTIONS", b"M-SEARCH", b"CONNECT"]
)
TARGETS = st.one_of(
    st.just(b"/"),
    st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=12).map(
        lambda text: b"/" + text.encode()
    ),
    st.sampled_from(
        [
            b"*",
            b"//evil/",
            b"/%00",
            b"http://other",
            b"http://other/a?b",
            b"HTTPS://other:81?b",
            b"http://u:p@other/",
            b"http://[::1]/",
            b"http://:80/",
            b"http:///x",
            b"ftp://other/",
        ]
    ),
)
HOSTS = st.sampled_from(
    [b"Host: example.com\r\n"] * 20
    + [b"", b"Host:\r\n", b"host:\texample.com:80 \r\n", b"Host: a b\r\n", b"Host: a\xff\r\n"]
    + [b"Host: a\r\nHost: a\r\n", b"Host: [::1]:80\r\n", b"Host: u@a\r\n", b"Host: :80\r\n"]
)
VERSIONS = st.sampled_from([b"HTTP/1.1"] * 10 + [b"HTTP/1.0"] * 3 + [b"HTTP/2.0", b"RTSP/1.0"])


@st.composite
def client_bytes(draw: st.DrawFn) -> Sent:
    start = b"%b %b %b" % (draw(METHODS), draw(TARGETS), draw(VERSIONS))
    body = draw(bodies())
    head = draw(heads(start, [draw(HOSTS), body.lines]))
    return Sent(head + body.wire + NEXT_REQUEST, draw(CUTS))


def listed(message: Message) -> set[bytes]:
    """What the sender says is for this hop only, as far as it may say so."""
    connection = message.values(b"connection") + message.values(b"proxy-connection")
    tokens = b",".join(connection).lower().split(b",")
    return {token.strip(b" \t") for token in tokens} - NOT_TO_BE_LISTED


def end_to_end(fields: Fields, gone: set[bytes]) -> Fields:
    return [(name, value.rstrip(b" \t")) for name, value in fields if name.lower() not in gone]


def undisguised(fields: Fields, known: set[bytes]) -> Fields:
    """Without those that servers may take for a known one, because they write _ for -."""
    return [
        (name, value)
        for name, value in fields
        if b"_" not in name or name.lower().replace(b"_", b"-") not in known
    ]


def in_chunks(body: bytes, trailers: Fields) -> bytes:
    return (b"%x\r\n%b\r\n" % (len(body), body) if body else b"") + last_chunk(trailers)


@settings(max_examples=300)
@given(client_bytes())
def test_any_request_is_refused_or_read_alike_by_all(sent: Sent) -> None:
    reading = requests(*cut(sent.data, sent.cuts))
    if not reading.messages or not reading.messages[0].head_read:
        return
    came = reading.messages[0]
    try:
        head = read_request(came.method, came.target, came.version, came.fields, PEER, ID)
    except Refusal as refusal:
        assert refusal.status in (400, 417, 501, 505)
        return
    _check_request_head(came, head)
    if not came.over:
        return
    named = {name.lower() for name, _ in came.trailers}
    if (
        head.keep_alive
        and not reading.upgraded
        and not named & {b"connection", b"proxy-connection"}
    ):
        # The client's next request is where the body's end was taken to be. (httptools believes a
        # Connection field even among the trailers, and then reads no further.)
        assert [b"/next"] == [message.target for message in reading.messages[1:]]
    body = in_chunks(came.body, came.trailers) if head.body == CHUNKED else came.body
    again = requests(head.wire + body + NEXT_REQUEST)
    assert "" == again.error
    assert [head.path.encode(), b"/next"] == [message.target for message in again.messages]
    allowed = end_to_end(came.trailers, NOT_IN_TRAILERS)
    assert came.body == again.messages[0].body
    assert allowed == end_to_end(again.messages[0].trailers, set())

    request, content, trailers = h11_request(head.wire + body)
    assert (came.method, head.path.encode()) == (request.method, request.target)
    assert came.body == content
    assert [(name.lower(), value) for name, value in allowed] == trailers


def _check_request_head(came: Message, head: RequestHead) -> None:
    (message,) = requests(head.wire).messages
    names = [name.lower() for name, _ in message.fields]
    framing = [name for name in names if name in (b"content-length", b"transfer-encoding")]

    assert message.head_read
    assert (came.method, "1.1") == (message.method, message.version)
    assert 1 == names.count(b"host")
    assert len(framing) <= 1
    if head.body == CHUNKED:
        assert [b"chunked"] == message.values(b"transfer-encoding")
        assert [b"chunked"] == [
            value.strip(b" \t").lower() for value in came.values(b"transfer-encoding")
        ]
    elif head.body == BY_LENGTH:
        assert [b"%d" % head.length] == message.values(b"content-length")
        assert int(came.values(b"content-length")[0]) == head.length > 0
    else:
        assert NO_BODY == head.body
        assert framing in ([], [b"content-length"])
    assert not set(names) & (CLIENTS - {b"transfer-encoding"} | listed(came) - WRITTEN_ANEW)
    for name in (b"x-request-id", b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-host"):
        assert 1 == names.count(name)
    assert [b"192.0.2.7"] == message.values(b"x-forwarded-for")
    via = b"1.1 slb" if head.modern else b"1.0 slb"
    gone = CLIENTS | WRITTEN_ANEW
    fields = undisguised(came.fields, gone | {b"via", b"accept"})
    assert [*end_to_end(fields, gone | listed(came)), (b"Via", via)] == end_to_end(
        message.fields, gone
    )


REQUESTS = [
    read_request(method, b"/", version, [(b"Host", b"h"), *fields], PEER, ID)
    for method in (b"GET", b"HEAD", b"POST")
    for version in ("1.1", "1.0")
    for fields in ([(b"Connection", b"keep-alive")], [(b"Connection", b"close")])
]
STATUSES = st.sampled_from(
    [b"200 OK"] * 4
    + [b"204 No Content", b"304 Not Modified", b"404 \xe9\t", b"206", b"205 ", b"999 X", b"100 C"]
)


@st.composite
def server_bytes(draw: st.DrawFn) -> tuple[Sent, Framed]:
    version = draw(st.sampled_from([b"HTTP/1.1"] * 6 + [b"HTTP/1.0"] * 2 + [b"HTTP/2.0"]))
    body = draw(bodies())
    head = draw(heads(version + b" " + draw(STATUSES), [body.lines]))
    return Sent(head, draw(CUTS)), body


@settings(max_examples=300)
@given(server_bytes(), st.sampled_from(REQUESTS), st.booleans())
def test_any_response_is_refused_or_read_alike_by_all(
    given: tuple[Sent, Framed], request: RequestHead, keep_alive: bool
) -> None:
    sent, framed = given
    # An endpoint that knows its business sends no body here; a parser that is not told of the
    # request would look for one.
    bodiless = request.method == "HEAD" or b" 204 " in sent.data or b" 304 " in sent.data
    data = sent.data + (b"" if bodiless else framed.wire)
    reading = responses(*cut(data, sent.cuts))
    if not reading.messages or not reading.messages[0].head_read:
        return
    came = reading.messages[0]
    keep_alive = keep_alive and request.keep_alive
    try:
        head = read_response(
            came.status,
            came.reason,
            came.version,
            came.fields,
            request,
            b"slb",
            DATE,
            keep_alive,
        )
    except BadUpstream:
        return
    assert keep_alive or head.close_downstream
    assert head.body != UNTIL_CLOSE or head.close_upstream
    complete = bodiless or came.over or (head.body == UNTIL_CLOSE and not reading.error)
    if not complete:
        return
    body = b"" if bodiless else came.body
    wire = in_chunks(body, came.trailers) if head.chunk_out else body
    response, content, trailers = h11_response(
        head.wire + wire, request.method.encode(), head.close_downstream
    )
    fields = [(bytes(name), bytes(value)) for name, value in response.headers.raw_items()]
    names = [name.lower() for name, _ in fields]

    assert (came.status, came.reason) == (response.status_code, response.reason)
    assert body == content
    if head.chunk_out:
        allowed = end_to_end(came.trailers, NOT_IN_TRAILERS)
        assert [(name.lower(), value) for name, value in allowed] == trailers
    assert names.count(b"content-length") + names.count(b"transfer-encoding") <= 1
    assert head.chunk_out == (b"transfer-encoding" in names)
    assert request.modern or not head.chunk_out
    assert not set(names) & (HOP_BY_HOP - {b"connection", b"transfer-encoding"} | LOAD_REPORTS)
    assert 1 <= names.count(b"date") == max(1, len(came.values(b"date")))
    gone = HOP_BY_HOP | LOAD_REPORTS | {b"content-length"} | listed(came)
    via = b"1.1 slb" if came.version == "1.1" else b"1.0 slb"
    added: Fields = [] if came.values(b"date") else [(b"Date", DATE)]
    known = HOP_BY_HOP | LOAD_REPORTS | {b"content-length", b"date"}
    assert [*end_to_end(undisguised(came.fields, known), gone), *added, (b"Via", via)] == [
        each for each in fields if each[0].lower() not in gone - {b"date"}
    ]
    connection = [value for name, value in fields if name.lower() == b"connection"]
    if head.close_downstream:
        assert [b"close"] == connection
    else:
        assert ([] if request.modern else [b"keep-alive"]) == connection
        if request.method != "HEAD":
            again = responses(head.wire + wire + NEXT_RESPONSE)
            assert ("", 299) == (again.error, again.messages[-1].status)
            assert [body, b""] == [message.body for message in again.messages]


@given(st.integers(min_value=102, max_value=199), st.lists(field_lines(), max_size=6))
def test_any_interim_answer_goes_on_without_what_is_for_this_hop(
    status: int, lines: list[bytes]
) -> None:
    reading = responses(b"HTTP/1.1 %d Early\r\n" % status + b"".join(lines) + b"\r\n")
    if reading.error or not reading.messages[0].head_read:
        return
    came = reading.messages[0]
    wire = interim_response(came.status, came.reason, came.fields)
    again = responses(wire + NEXT_RESPONSE)
    names = {name.lower() for name, _ in again.messages[0].fields}

    assert ("", [status, 299]) == (again.error, [message.status for message in again.messages])
    assert not names & (HOP_BY_HOP | LOAD_REPORTS | listed(came) | {b"content-length"})


@given(st.lists(st.tuples(NAMES.flatmap(spelled), CONTENTS), max_size=6))
def test_any_trailers_end_a_body_once(trailers: Fields) -> None:
    stripped = [(name, value.strip(b" \t")) for name, value in trailers]
    end = last_chunk(stripped)
    head = b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
    reading = requests(head + b"1\r\nx\r\n" + end + NEXT_REQUEST)

    assert "" == reading.error
    assert [b"x", b""] == [message.body for message in reading.messages]
    assert end_to_end(stripped, NOT_IN_TRAILERS) == reading.messages[0].trailers
