"""Request heads: what is refused and why, and what goes on."""

import re
import time

import pytest

from load_balancer.forwarding.fields import Fields
from load_balancer.forwarding.heads import (
    BY_LENGTH,
    CHUNKED,
    IDEMPOTENT,
    NO_BODY,
    Refusal,
    RequestHead,
    read_request,
)
from load_balancer.forwarding.peer import Peer
from tests.load_balancer.forwarding.parsing import requests

pytestmark = pytest.mark.unit

PEER = Peer("192.0.2.7", "slb", port=8080)
TRUSTED = Peer("10.0.0.1", "slb", trusted=True, port=8080)
HOST = (b"Host", b"example.com")
ID = b"0123456789abcdef"


def read(
    *fields: tuple[bytes, bytes],
    method: bytes = b"GET",
    target: bytes = b"/",
    version: str = "1.1",
    peer: Peer = PEER,
    host: bool = True,
) -> RequestHead:
    """A request with a Host field and ``fields``, judged."""
    given: Fields = [HOST, *fields] if host else [*fields]
    return read_request(method, target, version, given, peer, ID)


def refusal(*fields: tuple[bytes, bytes], **rest: object) -> tuple[int, str]:
    with pytest.raises(Refusal) as caught:
        read(*fields, **rest)  # type: ignore[arg-type]
    assert caught.value.reason == str(caught.value) != ""
    return caught.value.status, caught.value.label


def sent(head: RequestHead) -> Fields:
    """The fields of the head that goes on."""
    reading = requests(head.wire)
    assert "" == reading.error
    return reading.messages[0].fields


def sent_values(head: RequestHead, name: bytes) -> list[bytes]:
    return [value for key, value in sent(head) if key.lower() == name.lower()]


def test_a_plain_request_goes_on_in_one_clean_form() -> None:
    head = read((b"User-Agent", b"curl/8"), (b"Accept", b"*/*"), target=b"/a?b=c")

    assert (
        b"GET /a?b=c HTTP/1.1\r\n"
        b"Host: example.com\r\n"
        b"User-Agent: curl/8\r\n"
        b"Accept: */*\r\n"
        b"Via: 1.1 slb\r\n"
        b"X-Forwarded-For: 192.0.2.7\r\n"
        b"X-Forwarded-Proto: http\r\n"
        b"X-Forwarded-Port: 8080\r\n"
        b"X-Forwarded-Host: example.com\r\n"
        b"X-Request-ID: 0123456789abcdef\r\n"
        b"\r\n"
    ) == head.wire
    assert ("GET", "/a?b=c", "example.com") == (head.method, head.path, head.domain)
    assert (NO_BODY, 0, True, True) == (head.body, head.length, head.keep_alive, head.modern)
    assert (False, 0, False) == (head.expects_continue, head.hops, head.accepts_json)
    assert ID.decode() == head.request_id


# Version and method.


@pytest.mark.parametrize("version", ["1.2", "2.0", "3.0", "", "1.10"])
def test_only_two_versions_are_spoken(version: str) -> None:
    """httptools lets 0.9 and 2.0 pass."""
    assert (505, "version") == refusal(version=version)


RTSP = [
    "DESCRIBE",
    "ANNOUNCE",
    "SETUP",
    "PLAY",
    "PAUSE",
    "TEARDOWN",
    "GET_PARAMETER",
    "SET_PARAMETER",
    "REDIRECT",
    "RECORD",
    "FLUSH",
]
HTTP = re.findall(
    r"\S+",
    "DELETE GET HEAD POST PUT OPTIONS TRACE COPY LOCK MKCOL MOVE PROPFIND PROPPATCH SEARCH UNLOCK "
    "BIND REBIND UNBIND ACL REPORT MKACTIVITY CHECKOUT MERGE M-SEARCH NOTIFY SUBSCRIBE "
    "UNSUBSCRIBE PATCH PURGE MKCALENDAR LINK UNLINK SOURCE QUERY",
)
"""Every method that httptools reads with HTTP."""


@pytest.mark.parametrize("method", ["CONNECT", *RTSP])
def test_methods_of_other_protocols_are_refused(method: str) -> None:
    """CONNECT asks for a tunnel; the others are RTSP's, whose version line httptools takes for
    HTTP/1.0."""
    assert (501, "method") == refusal(method=method.encode())


@pytest.mark.parametrize("method", RTSP)
def test_httptools_lets_those_methods_pass(method: str) -> None:
    """Should it stop to, the rule above may go."""
    reading = requests(f"{method} / RTSP/1.0\r\nHost: h\r\n\r\n".encode())

    assert ("", "1.0") == (reading.error, reading.messages[0].version)


@pytest.mark.parametrize("method", HTTP)
def test_other_methods_pass_as_sent(method: str) -> None:
    head = read(method=method.encode())

    assert method == head.method
    assert head.wire.startswith(f"{method} / HTTP/1.1\r\n".encode())
    assert method.encode() == requests(head.wire).messages[0].method


def test_what_a_second_try_repeats_without_harm() -> None:
    """RFC 9110 section 9.2.2."""
    assert {"GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"} == IDEMPOTENT


# Host and target.


@pytest.mark.parametrize(
    ("host", "domain"),
    [
        (b"example.com", "example.com"),
        (b"Example.COM", "example.com"),
        (b"example.com:8080", "example.com"),
        (b"example.com:", "example.com"),
        (b" example.com \t", "example.com"),
        (b"192.0.2.1:80", "192.0.2.1"),
        (b"[::1]", "[::1]"),
        (b"[::1]:8080", "[::1]"),
        (b"[FE80::1%25eth0]:80", "[fe80::1%25eth0]"),
        (b"[::ffff:192.0.2.1]", "[::ffff:192.0.2.1]"),
        (b"xn--bcher-kva.example", "xn--bcher-kva.example"),
        (b"a%20b", "a%20b"),
        (b"a_b~c!$&'()*+,;=", "a_b~c!$&'()*+,;="),
        (b"", ""),
    ],
)
def test_a_host_is_kept_and_its_domain_is_known(host: bytes, domain: str) -> None:
    head = read((b"Host", host), host=False)

    assert domain == head.domain
    assert [host.strip(b" \t")] == sent_values(head, b"host")
    assert [host.strip(b" \t")] == sent_values(head, b"x-forwarded-host")


@pytest.mark.parametrize(
    "host",
    [
        b"a b",
        b"a\tb",
        b"user@a",
        b"user:pass@a",
        b"http://a",
        b"a/b",
        b"a?b",
        b"a#b",
        b"a\\b",
        b"a:b",
        b"a:80:80",
        b"a:123456",
        b"a:-1",
        b"a: 80",
        b":80",
        b":",
        b"::1",
        b"[::1",
        b"::1]",
        b"[]",
        b"[a b]",
        b"[::1]x",
        b"[::1]:x",
        b"[fe80::1%eth0]",
        b"[v1.x]",
        b"a%",
        b"a%2",
        b"a%zz",
        b'a"b',
        b"<a>",
        b"a|b",
        b"a^b",
        b"a`b",
        b"{a}",
        b"b\xc3\xbccher",
        b"a\x7f",
        b"a\x00",
        b"a\r\nX: y",
        b"a\n",
        b"a" * 262,
        b"a" * 259 + b":80",
    ],
)
def test_what_is_no_host_and_port_is_refused(host: bytes) -> None:
    """RFC 9112 section 3.2: an invalid field value is answered with 400."""
    assert (400, "host") == refusal((b"Host", host), host=False)


def test_http_1_1_needs_a_host() -> None:
    assert (400, "host") == refusal(host=False)


@pytest.mark.parametrize("second", [b"example.com", b"other.example", b""])
def test_a_second_host_is_refused_even_if_it_is_the_same(second: bytes) -> None:
    assert (400, "host") == refusal((b"hOST", second))


def test_http_1_0_may_have_no_host() -> None:
    head = read(version="1.0", host=False)

    assert ("", [b""]) == (head.domain, sent_values(head, b"host"))


@pytest.mark.parametrize(
    "target",
    [
        b"/",
        b"//",
        b"//evil.example/path",
        b"/a/../b",
        b"/%00",
        b"/%2e%2e/",
        b"/?",
        b"/?a=b&c=d?e",
        b"/a:b@c",
        b"/http://x/",
        b"/a;b=c,d",
        b'/{id}|^`"<>\\',
    ],
)
def test_a_path_passes_untouched(target: bytes) -> None:
    """What it means is the origin's business: any repair would choose a meaning for it."""
    head = read(target=target)

    assert target.decode() == head.path
    assert head.wire.startswith(b"GET " + target + b" HTTP/1.1\r\n")


@pytest.mark.parametrize(
    ("target", "path", "host"),
    [
        (b"http://other.example/a?b", "/a?b", b"other.example"),
        (b"HTTP://Other.Example:81/a", "/a", b"Other.Example:81"),
        (b"https://other.example/", "/", b"other.example"),
        (b"http://other.example", "/", b"other.example"),
        (b"http://other.example?b", "/?b", b"other.example"),
        (b"http://[::1]:80/", "/", b"[::1]:80"),
        (b"http://other.example//a", "//a", b"other.example"),
        (b"http://other.example/a@b", "/a@b", b"other.example"),
    ],
)
def test_an_absolute_target_names_the_host_whatever_host_says(
    target: bytes, path: str, host: bytes
) -> None:
    """RFC 9112 section 3.2.2; the origin gets the origin form."""
    head = read(target=target)

    assert path == head.path
    assert [host] == sent_values(head, b"host") == sent_values(head, b"x-forwarded-host")
    assert head.wire.startswith(b"GET " + path.encode() + b" HTTP/1.1\r\n")


def test_an_absolute_target_excuses_neither_a_missing_nor_a_malformed_host() -> None:
    assert (400, "host") == refusal(target=b"http://a/", host=False)
    assert (400, "host") == refusal((b"Host", b"a b"), target=b"http://a/", host=False)


@pytest.mark.parametrize(
    ("target", "path"), [(b"*", "*"), (b"http://a", "*"), (b"http://a?b", "/?b"), (b"/", "/")]
)
def test_options_may_ask_about_the_server_itself(target: bytes, path: str) -> None:
    """RFC 9112 section 3.2.4."""
    assert path == read(method=b"OPTIONS", target=target).path


@pytest.mark.parametrize(
    "target",
    [
        b"",
        b"*",
        b"a",
        b"example.com:80",
        b"?a",
        b"/#a",
        b"/a?b#c",
        b"http://",
        b"http:///a",
        b"http://:80/",
        b"http://user@a/",
        b"http://user:pass@a/",
        b"http://a@b:80/",
        b"http://a:80:80/",
        b"http://a b/",
        b"http://a#b",
        b"http://a/#b",
        b"http://a%/",
        b"http://[::1/",
        b"http:/a",
        b"http:a",
        b"ftp://a/",
        b"ws://a/",
        b"javascript:alert(1)",
    ],
)
def test_what_is_neither_a_path_nor_an_http_url_is_refused(target: bytes) -> None:
    assert (400, "target") == refusal(target=target)


@pytest.mark.parametrize(
    "hostile", [b"a" * 30_000 + b"@", b"%aa" * 10_000 + b"@", b"[" + b":" * 30_000, b"a%" * 10_000]
)
def test_no_host_takes_long_to_refuse(hostile: bytes) -> None:
    """A pattern that tries every split of a name would run for years."""
    started = time.process_time()
    refusal((b"Host", hostile), host=False)
    refusal(target=b"http://" + hostile + b"/")

    assert time.process_time() - started < 0.5


# Framing.


@pytest.mark.parametrize(
    ("value", "length"),
    [
        (b"0", 0),
        (b"5", 5),
        (b"5 ", 5),
        (b" \t5", 5),
        (b"005", 5),
        (b"18446744073709551615", 2**64 - 1),
    ],
)
def test_a_length_is_read_and_written_in_its_plain_form(value: bytes, length: int) -> None:
    head = read((b"content-LENGTH", value), method=b"POST")

    assert (BY_LENGTH if length else NO_BODY, length) == (head.body, head.length)
    assert [b"%d" % length] == sent_values(head, b"content-length")
    assert [] == sent_values(head, b"transfer-encoding")


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b" ",
        b"-1",
        b"+1",
        b"1.0",
        b"0x5",
        b"1e3",
        b"5, 5",
        b"5,5",
        b"5 5",
        b"5;a",
        b"1_000",
        b"\xb2",
        b"0" * 21,
        b"0" * 5000 + b"5",
        b"9" * 5000,
    ],
)
def test_a_length_that_is_no_plain_number_is_refused(value: bytes) -> None:
    """Zeros in front without end pass httptools, and Python counts no more than 4300 digits."""
    assert (400, "length") == refusal((b"Content-Length", value), method=b"POST")


@pytest.mark.parametrize("second", [b"5", b"6"])
def test_a_second_length_is_refused_even_if_it_is_the_same(second: bytes) -> None:
    assert (400, "length") == refusal(
        (b"Content-Length", b"5"), (b"content-length", second), method=b"POST"
    )


@pytest.mark.parametrize("value", [b"chunked", b"Chunked", b"CHUNKED ", b"\tchunked"])
def test_chunks_stay_chunks(value: bytes) -> None:
    head = read((b"Transfer-Encoding", value), method=b"POST")

    assert (CHUNKED, 0) == (head.body, head.length)
    assert [b"chunked"] == sent_values(head, b"transfer-encoding")
    assert [] == sent_values(head, b"content-length")


@pytest.mark.parametrize(
    "value",
    [
        b"gzip",
        b"gzip, chunked",
        b"chunked, chunked",
        b"chunked, identity",
        b"identity",
        b", chunked",
        b"chunked,",
        b"chunked;a=b",
        b'"chunked"',
        b"xchunked",
        b"chunked\x0b",
        b"chun ked",
        b"",
    ],
)
def test_any_other_coding_is_refused(value: bytes) -> None:
    """RFC 9112 section 6.1. httptools lets gzip, chunked pass."""
    assert (501, "coding") == refusal((b"Transfer-Encoding", value), method=b"POST")


@pytest.mark.parametrize("second", [b"chunked", b"identity"])
def test_a_second_coding_field_is_refused(second: bytes) -> None:
    assert (400, "coding") == refusal(
        (b"Transfer-Encoding", b"chunked"), (b"transfer-encoding", second), method=b"POST"
    )


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("length", [b"0", b"5", b"x"])
def test_two_framings_are_refused_in_either_order(flip: bool, length: bytes) -> None:
    """RFC 9112 section 6.1: the mark of request smuggling."""
    fields = [(b"Content-Length", length), (b"Transfer-Encoding", b"chunked")]

    assert (400, "framing") == refusal(*(fields[::-1] if flip else fields), method=b"POST")


def test_http_1_0_has_no_codings() -> None:
    """httptools reads its chunks all the same; a server that does not sees other requests."""
    assert (400, "coding") == refusal(
        (b"Transfer-Encoding", b"chunked"), method=b"POST", version="1.0"
    )


@pytest.mark.parametrize("method", [b"GET", b"POST", b"DELETE", b"TRACE"])
def test_a_request_without_a_framing_has_no_body(method: bytes) -> None:
    head = read(method=method)

    assert (NO_BODY, 0) == (head.body, head.length)
    assert [] == sent_values(head, b"content-length") + sent_values(head, b"transfer-encoding")


@pytest.mark.parametrize(
    "framing", [(b"Content-Length", b"5"), (b"Transfer-Encoding", b"chunked")], ids=["CL", "TE"]
)
@pytest.mark.parametrize("connection", [b"Upgrade", b"keep-alive, upgrade", b"close,UPGRADE"])
def test_an_upgrade_with_a_body_is_refused(framing: tuple[bytes, bytes], connection: bytes) -> None:
    """httptools would hand over the body as the next request, in its sender's own words."""
    fields = ((b"Connection", connection), (b"Upgrade", b"h2c"), framing)

    assert (501, "upgrade") == refusal(*fields, method=b"POST")
    assert (501, "upgrade") == refusal(*fields[::-1], method=b"POST")


def test_proxy_connection_counts_as_connection() -> None:
    """httptools takes it for that, so that what it ends must end here: after Proxy-Connection:
    close it reads no second request, and its upgrade swallows a body."""
    close = read((b"Proxy-Connection", b"close"))
    keep = read((b"Proxy-Connection", b"keep-alive"), version="1.0")

    assert (False, True) == (close.keep_alive, keep.keep_alive)
    assert [] == sent_values(close, b"proxy-connection")
    assert (501, "upgrade") == refusal(
        (b"Proxy-Connection", b"Upgrade"),
        (b"Upgrade", b"h2c"),
        (b"Content-Length", b"5"),
        method=b"POST",
    )


@pytest.mark.parametrize(
    ("connection", "body"),
    [(b"Upgrade, HTTP2-Settings", b""), (b"Upgrade", b"0"), (b"close", b"5"), (b"x", b"5")],
)
def test_an_upgrade_that_httptools_reads_on_after_is_just_not_given(
    connection: bytes, body: bytes
) -> None:
    """RFC 9110 section 7.8: a server may ignore it."""
    fields = [(b"Upgrade", b"h2c"), (b"Connection", connection), (b"HTTP2-Settings", b"AAM")]
    if body:
        fields.append((b"Content-Length", body))
    head = read(*fields)

    assert [] == sent_values(head, b"upgrade") + sent_values(head, b"http2-settings")
    assert [] == sent_values(head, b"connection")


# The connection.


@pytest.mark.parametrize(
    ("version", "connection", "keep_alive"),
    [
        ("1.1", [], True),
        ("1.1", [b"keep-alive"], True),
        ("1.1", [b"close"], False),
        ("1.1", [b"Close"], False),
        ("1.1", [b"keep-alive, close"], False),
        ("1.1", [b"close", b"keep-alive"], False),
        ("1.1", [b"x,\tCLOSE ,y"], False),
        ("1.1", [b"closed"], True),
        ("1.1", [b""], True),
        ("1.0", [], False),
        ("1.0", [b"keep-alive"], True),
        ("1.0", [b"Keep-Alive, close"], False),
        ("1.0", [b"x"], False),
    ],
)
def test_whether_the_client_stays(version: str, connection: list[bytes], keep_alive: bool) -> None:
    """RFC 9112 section 9.3."""
    head = read(*((b"Connection", value) for value in connection), version=version)

    assert (keep_alive, version == "1.1") == (head.keep_alive, head.modern)
    assert [] == sent_values(head, b"connection")


HOP_BY_HOP = [
    (b"Connection", b"close"),
    (b"Keep-Alive", b"timeout=5"),
    (b"Proxy-Connection", b"keep-alive"),
    (b"TE", b"trailers"),
    (b"Upgrade", b"websocket"),
    (b"HTTP2-Settings", b"AAM"),
]


@pytest.mark.parametrize("field", HOP_BY_HOP, ids=[name.decode() for name, _ in HOP_BY_HOP])
def test_what_is_for_this_hop_ends_here(field: tuple[bytes, bytes]) -> None:
    """RFC 9110 section 7.6.1."""
    name, value = field

    assert [] == sent_values(read(field), name)
    assert [] == sent_values(read((name.upper(), value), (name.lower(), value)), name)


@pytest.mark.parametrize("name", [b"Q", b"QReward", b"q", b"QREWARD"])
def test_what_nodes_tell_each_other_is_not_taken_from_clients(name: bytes) -> None:
    assert [] == sent_values(read((name, b"-1.5")), name)


def test_fields_that_connection_lists_end_here_whatever_stands_first() -> None:
    head = read(
        (b"X-First", b"1"),
        (b"x-keep", b"2"),
        (b"Connection", b"x-FIRST ,close"),
        (b"X-Last", b"3"),
        (b"Connection", b"x-last,,"),
        (b"X-Last", b"4"),
    )

    assert [(b"x-keep", b"2")] == [each for each in sent(head) if each[0].lower() in ONES]
    assert not head.keep_alive


ONES = {b"x-first", b"x-keep", b"x-last"}


@pytest.mark.parametrize(
    "name",
    [
        b"Host",
        b"Content-Length",
        b"Via",
        b"X-Forwarded-For",
        b"X-Forwarded-Proto",
        b"X-Forwarded-Host",
        b"X-Request-ID",
        b"Cache-Control",
        b"Expect",
    ],
)
def test_connection_cannot_take_away_what_the_request_rests_on(name: bytes) -> None:
    """Else a client decides what the origin takes its request for."""
    fields = (
        (b"Content-Length", b"3"),
        (b"Via", b"1.1 a"),
        (b"Cache-Control", b"no-cache"),
        (b"Expect", b"100-continue"),
        (b"X-Forwarded-For", b"10.9.9.9"),
        (b"X-Request-ID", b"mine"),
    )
    plain = read(*fields, method=b"POST")
    attacked = read((b"Connection", name), *fields, method=b"POST")

    assert plain.wire == attacked.wire


def test_a_transfer_coding_cannot_be_taken_away() -> None:
    head = read(
        (b"Connection", b"transfer-encoding"), (b"Transfer-Encoding", b"chunked"), method=b"POST"
    )

    assert [b"chunked"] == sent_values(head, b"transfer-encoding")


# Other fields.


def test_end_to_end_fields_keep_order_spelling_and_multiplicity() -> None:
    fields = [
        (b"Cookie", b"a=1"),
        (b"X-B", b""),
        (b"cookie", b"b=2"),
        (b"Accept", b"text/html"),
        (b"X-b", b"\xc3\xa9 \t x"),
        (b"Trailer", b"X-Sum"),
        (b"Authorization", b"Basic eDp5"),
        (b"Max-Forwards", b"3"),
        (b"!#$%&'*+.^_`|~", b"token"),
    ]
    head = read(*fields)

    assert fields == sent(head)[1:-6]


@pytest.mark.parametrize(
    ("expect", "expected"),
    [([b"100-continue"], True), ([b" 100-Continue\t"], True), ([b"100-continue"] * 2, True)],
)
def test_who_waits_for_a_100_is_understood(expect: list[bytes], expected: bool) -> None:
    fields = [(b"Expect", value) for value in expect]
    head = read(*fields, (b"Content-Length", b"5"), method=b"POST")

    assert expected == head.expects_continue
    assert [b"100-continue"] == sent_values(head, b"expect")


def test_http_1_0_cannot_wait_for_a_100() -> None:
    """RFC 9110 section 10.1.1: such an expectation is ignored."""
    head = read((b"Expect", b"100-continue"), version="1.0")

    assert (False, []) == (head.expects_continue, sent_values(head, b"expect"))


@pytest.mark.parametrize("value", [b"", b"200-ok", b"100-continue, x", b"100-continue;a=b"])
def test_nothing_else_can_be_expected(value: bytes) -> None:
    assert (417, "expect") == refusal((b"Expect", value))


@pytest.mark.parametrize(
    ("via", "hops"),
    [
        ([], 0),
        ([b"1.1 a"], 1),
        ([b"1.1 a, 1.0 b"], 2),
        ([b"1.1 a", b"HTTP/2 b,1.1 c"], 3),
        ([b""], 0),
        ([b"1.1 a (x, y)", b'1.1 b ("), 1.1 c'], 3),
    ],
)
def test_proxies_are_counted_by_via_and_we_are_the_last(via: list[bytes], hops: int) -> None:
    head = read(*((b"Via", value) for value in via))

    assert hops == head.hops
    assert [*via, b"1.1 slb"] == sent_values(head, b"via")


def test_proxies_of_our_own_name_are_counted_apart() -> None:
    head = read((b"Via", b"1.1 slb, 1.0 other (slb)"), (b"Via", b"HTTP/1.1 SLB, 1.1 slb.a"))

    assert (4, 2) == (head.hops, head.own_hops)


@pytest.mark.parametrize("method", [b"OPTIONS", b"TRACE"])
@pytest.mark.parametrize(
    ("value", "sent_on"),
    [
        (b"1", b"0"),
        (b" 10\t", b"9"),
        (b"0010", b"9"),
        (b"1000000000", b"999999999"),
        (b"9" * 6000, b"999999999"),
    ],
)
def test_max_forwards_is_one_less_when_it_goes_on(
    method: bytes, value: bytes, sent_on: bytes
) -> None:
    """Or the most that is counted here (RFC 9110 section 7.6.2), whatever its length."""
    head = read((b"max-forwards", value), method=method)

    assert ([sent_on], False) == (sent_values(head, b"max-forwards"), head.last)


@pytest.mark.parametrize("method", [b"OPTIONS", b"TRACE"])
@pytest.mark.parametrize("value", [b"0", b"000", b"0" * 40])
def test_a_request_without_forwards_left_is_for_us(method: bytes, value: bytes) -> None:
    assert read((b"Max-Forwards", value), method=method).last


@pytest.mark.parametrize("method", [b"OPTIONS", b"TRACE"])
@pytest.mark.parametrize("values", [[b""], [b"-1"], [b"1.0"], [b"1, 1"], [b"\xb2"], [b"1", b"1"]])
def test_max_forwards_that_is_not_one_number_is_refused(method: bytes, values: list[bytes]) -> None:
    fields = [(b"Max-Forwards", value) for value in values]
    assert (400, "max_forwards") == refusal(*fields, method=method)


@pytest.mark.parametrize("value", [b"0", b"many"])
def test_max_forwards_of_other_methods_is_left_alone(value: bytes) -> None:
    head = read((b"Max-Forwards", value), method=b"GET")

    assert ([value], False) == (sent_values(head, b"max-forwards"), head.last)


def test_via_says_in_which_version_the_request_came() -> None:
    """RFC 9110 section 7.6.3."""
    assert [b"1.0 slb"] == sent_values(read(version="1.0"), b"via")


FORWARDED = (
    (b"X-Forwarded-For", b"203.0.113.9"),
    (b"x-forwarded-for", b"198.51.100.1, 198.51.100.2"),
    (b"X-Forwarded-Proto", b"HTTPS"),
    (b"X-Forwarded-Host", b"shop.example"),
    (b"X-Forwarded-Port", b"443"),
    (b"Forwarded", b"for=203.0.113.9;proto=https"),
)


def test_what_a_stranger_says_of_the_way_is_replaced() -> None:
    head = read(*FORWARDED)

    assert [b"192.0.2.7"] == sent_values(head, b"x-forwarded-for")
    assert [b"http"] == sent_values(head, b"x-forwarded-proto")
    assert [b"example.com"] == sent_values(head, b"x-forwarded-host")
    assert [b"8080"] == sent_values(head, b"x-forwarded-port")
    assert [] == sent_values(head, b"forwarded")
    assert "192.0.2.7" == head.client


def test_what_a_trusted_proxy_says_of_the_way_is_continued() -> None:
    head = read(*FORWARDED, peer=TRUSTED)

    assert [b"203.0.113.9, 198.51.100.1, 198.51.100.2, 10.0.0.1"] == sent_values(
        head, b"x-forwarded-for"
    )
    assert [b"https"] == sent_values(head, b"x-forwarded-proto")
    assert [b"shop.example"] == sent_values(head, b"x-forwarded-host")
    assert [b"example.com"] == sent_values(head, b"host")
    assert [b"443"] == sent_values(head, b"x-forwarded-port")
    assert [] == sent_values(head, b"forwarded")
    assert "198.51.100.2" == head.client


@pytest.mark.parametrize("proto", [b"", b"gopher", b"https, http"])
@pytest.mark.parametrize("host", [b"", b"a b", b"a, b", b"http://a"])
def test_a_trusted_proxy_that_says_nothing_sensible_is_replaced(proto: bytes, host: bytes) -> None:
    head = read(
        (b"X-Forwarded-For", b" "),
        (b"X-Forwarded-Proto", proto),
        (b"X-Forwarded-Host", host),
        peer=TRUSTED,
    )

    assert [b"10.0.0.1"] == sent_values(head, b"x-forwarded-for")
    assert [b"http"] == sent_values(head, b"x-forwarded-proto")
    assert [b"example.com"] == sent_values(head, b"x-forwarded-host")


def test_the_way_over_tls_and_ipv6_is_told() -> None:
    head = read(peer=Peer("2001:db8::1", "edge", scheme="https"))

    assert [b"2001:db8::1"] == sent_values(head, b"x-forwarded-for")
    assert [b"https"] == sent_values(head, b"x-forwarded-proto")
    assert [b"1.1 edge"] == sent_values(head, b"via")


@pytest.mark.parametrize("value", [b"a", b"A-b_c.9", b"x" * 128, b" padded\t"])
def test_a_well_formed_request_id_is_kept(value: bytes) -> None:
    head = read((b"x-request-id", value))

    assert value.strip(b" \t").decode() == head.request_id
    assert [value.strip(b" \t")] == sent_values(head, b"x-request-id")


@pytest.mark.parametrize(
    "value", [b"", b" ", b"x" * 129, b"a b", b'a"b', b"a\\b", b"<a>", b"\xc3\xa9", b"a\n", b"a,b"]
)
def test_any_other_request_id_is_replaced(value: bytes) -> None:
    """It goes into logs and headers."""
    head = read((b"X-Request-ID", value))

    assert ID.decode() == head.request_id
    assert [ID] == sent_values(head, b"x-request-id")


def test_of_two_request_ids_one_goes_on() -> None:
    head = read((b"X-Request-ID", b"one"), (b"X-Request-ID", b"two"))

    assert ("two", [b"two"]) == (head.request_id, sent_values(head, b"x-request-id"))


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ([], False),
        ([b"*/*"], False),
        ([b"text/html"], False),
        ([b"application/json"], True),
        ([b"text/html, Application/JSON;q=0.9"], True),
        ([b"application/problem+json"], True),
        ([b"application/jsonlines"], False),
        ([b"application/json", b"text/html"], True),
        ([b"text/html", b"application/json"], True),
    ],
)
def test_who_accepts_json_gets_errors_in_json(accept: list[bytes], expected: bool) -> None:
    """Several Accept fields are one list (RFC 9110 section 5.3)."""
    head = read(*((b"Accept", value) for value in accept))

    assert expected == head.accepts_json
    assert accept == sent_values(head, b"accept")


def test_a_head_as_long_as_allowed_is_read() -> None:
    fields = [(b"X-%d" % i, b"v" * 300) for i in range(99)]

    assert fields == sent(read(*fields))[1:-6]


@pytest.mark.parametrize("method", [*HTTP, *RTSP, "CONNECT", "PRI"])
@pytest.mark.parametrize("protocol", ["HTTP/1.1", "HTTP/1.0", "RTSP/1.0", "ICE/1.0"])
def test_what_httptools_reads_is_refused_or_can_be_read_again(method: str, protocol: str) -> None:
    reading = requests(f"{method} / {protocol}\r\nHost: h\r\n\r\n".encode())
    if reading.error:
        return
    (message,) = reading.messages
    try:
        head = read_request(
            message.method, message.target, message.version, message.fields, PEER, ID
        )
    except Refusal as refused:
        assert method not in HTTP, refused
    else:
        assert "" == requests(head.wire).error


def test_a_line_without_a_version_is_http_0_9_and_refused() -> None:
    """httptools reads it, with fields and a body, which 0.9 never had."""
    reading = requests(b"POST /\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc")

    assert ("", "0.9") == (reading.error, reading.messages[0].version)
    assert (400, "version") == refusal(version="0.9")


def test_httptools_still_refuses_what_is_left_to_it() -> None:
    """The rules here rest on these; a version that lets one pass must show up."""
    for lines in (
        b"Content-Length: 5\r\nContent-Length: 5",
        b"Content-Length: 5\r\nTransfer-Encoding: chunked",
        b"Transfer-Encoding: chunked\r\nContent-Length: 5",
        b"Content-Length: +5",
        b"Content-Length: 5,5",
        b"Content-Length: 18446744073709551616",
        b"Content-Length:",
        b"Transfer-Encoding: chunked, identity",
        b"Transfer-Encoding:",
        b"X : y",
        b" X: y",
        b": y",
        b"X\x80: y",
        b"X: a\x00b",
        b"X: a\x7fb",
        b"X: a\x0bb",
        b"X: a\rb",
        b"X: a\nb",
        b"X: a\r\n folded",
        b"X",
    ):
        assert requests(b"POST / HTTP/1.1\r\nHost: h\r\n" + lines + b"\r\n\r\n").error, lines
    for line in (
        b"GET /\x80 HTTP/1.1",
        b"GET /\x7f HTTP/1.1",
        b"GET /a b HTTP/1.1",
        b"GET /a\tb HTTP/1.1",
        b"GET a HTTP/1.1",
        b"get / HTTP/1.1",
        b"GET / HTTP/1.2",
        b"GET / http/1.1",
        b"GET / HTTP/1.1 ",
    ):
        assert requests(line + b"\r\nHost: h\r\n\r\n").error, line


@pytest.mark.parametrize("target", [b"/\x80", b"/\xc3\xa9", b"http://\xc3\xa9/", b"/a\x00"])
def test_a_target_is_ascii_in_whatever_pieces_it_comes(target: bytes) -> None:
    """``read_request`` decodes it as such."""
    for place in range(len(target) + 5):
        raw = b"GET " + target + b" HTTP/1.1\r\nHost: h\r\n\r\n"
        assert requests(raw[:place], raw[place:]).error
