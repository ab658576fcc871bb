"""What is believed of a request's way, and how endpoints are told of it."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from load_balancer.forwarding.fields import (
    FORWARDED,
    FORWARDED_HOST,
    FORWARDED_PORT,
    FORWARDED_PROTO,
    FORWARDED_STANDARD,
)
from load_balancer.forwarding.forwarded import Trust, read_forwarded
from load_balancer.forwarding.peer import Peer
from load_balancer.forwarding.way import Claims, asked_for, tell, way_fields

pytestmark = pytest.mark.unit

NETWORKS = (ipaddress.ip_network("10.0.0.0/8"),)
NAMES = {
    FORWARDED: "X-Forwarded-For",
    FORWARDED_HOST: "X-Forwarded-Host",
    FORWARDED_PORT: "X-Forwarded-Port",
    FORWARDED_PROTO: "X-Forwarded-Proto",
    FORWARDED_STANDARD: "Forwarded",
}
X_CHAIN = (FORWARDED, b"1.2.3.4, 203.0.113.9, 10.0.0.2")
STANDARD = (
    FORWARDED_STANDARD,
    b'for=1.2.3.4;proto=ftp;host=evil, for="[2001:db8::9]";proto=https, '
    b'for=10.0.0.2;host="shop.example:8443";proto=http',
)


def told(
    *claims: tuple[int, bytes],
    client_header: str = "x_forwarded_for",
    forwarded_header: str = "x_forwarded",
    host: bytes = b"node.example",
    modern: bool = True,
    address: str = "10.0.0.1",
) -> tuple[dict[str, str], str]:
    """The fields written for a trusted peer's claims, and the client."""
    trust = Trust(NETWORKS, client_header, forwarded_header)
    peer = Peer(address, "edge", trusted=True, trust=trust, port=8080)
    way, believed = tell(peer, list(claims), host, modern)
    client = believed.client
    lines = [line.partition(": ") for line in way.decode("latin-1").split("\r\n")]
    fields = {name: value for name, _, value in lines}
    assert len(fields) == len(lines)
    return fields, client


def test_the_fields_of_the_way_are_whole_lines_but_for_the_last_end() -> None:
    lines = way_fields(b"1.1 a", b"::1", b"http", b"80", b"h").split(b"\r\n")

    assert [
        b"Via: 1.1 a",
        b"X-Forwarded-For: ::1",
        b"X-Forwarded-Proto: http",
        b"X-Forwarded-Port: 80",
        b"X-Forwarded-Host: h",
    ] == lines


@pytest.mark.parametrize(
    ("claims", "client_header", "client", "chain"),
    [
        ([], "x_forwarded_for", "10.0.0.1", "10.0.0.1"),
        ([X_CHAIN], "x_forwarded_for", "203.0.113.9", "1.2.3.4, 203.0.113.9, 10.0.0.2, 10.0.0.1"),
        ([STANDARD], "x_forwarded_for", "2001:db8::9", "1.2.3.4, 2001:db8::9, 10.0.0.2, 10.0.0.1"),
        (
            [STANDARD, X_CHAIN],
            "x_forwarded_for",
            "203.0.113.9",
            "1.2.3.4, 203.0.113.9, 10.0.0.2, 10.0.0.1",
        ),
        (
            [X_CHAIN, STANDARD],
            "forwarded",
            "2001:db8::9",
            "1.2.3.4, 2001:db8::9, 10.0.0.2, 10.0.0.1",
        ),
        (
            [X_CHAIN],
            "forwarded",
            "203.0.113.9",
            "1.2.3.4, 203.0.113.9, 10.0.0.2, 10.0.0.1",
        ),
        ([(FORWARDED, b"")], "x_forwarded_for", "10.0.0.1", "10.0.0.1"),
        (
            [(FORWARDED_STANDARD, b"for=_hid, for=unknown")],
            "x_forwarded_for",
            "10.0.0.1",
            "_hid, unknown, 10.0.0.1",
        ),
        ([(FORWARDED_STANDARD, b'for="open')], "x_forwarded_for", "10.0.0.1", "10.0.0.1"),
        (
            [(FORWARDED_STANDARD, b'for="open'), (FORWARDED_STANDARD, b"for=203.0.113.9")],
            "forwarded",
            "203.0.113.9",
            "203.0.113.9, 10.0.0.1",
        ),
    ],
)
def test_one_of_the_two_fields_says_who_asked(
    claims: Claims, client_header: str, client: str, chain: str
) -> None:
    """The configured one where both came, the other one's words being dropped; what cannot be read
    is dropped with all that stood before it."""
    fields, found = told(*claims, client_header=client_header)

    assert (client, chain) == (found, fields["X-Forwarded-For"])
    assert "Forwarded" not in fields


@pytest.mark.parametrize(
    ("claims", "proto", "host", "port"),
    [
        ([], "http", "node.example", "8080"),
        ([X_CHAIN], "http", "node.example", "8080"),
        ([(FORWARDED_PROTO, b"HTTPS")], "https", "node.example", "443"),
        ([(FORWARDED_PROTO, b"http")], "http", "node.example", "80"),

        ([(FORWARDED_PROTO, b"gopher")], "http", "node.example", "8080"),
        ([(FORWARDED_HOST, b"shop.example")], "http", "shop.example", "80"),
        ([(FORWARDED_HOST, b"shop.example:81")], "http", "shop.example:81", "81"),
        ([(FORWARDED_HOST, b"8081")], "http", "8081", "80"),
        ([(FORWARDED_HOST, b"[::1]")], "http", "[::1]", "80"),
        ([(FORWARDED_HOST, b"a b")], "http", "node.example", "8080"),
        ([(FORWARDED_PORT, b"8443"), (FORWARDED_PROTO, b"https")], "https", "node.example", "8443"),
        ([(FORWARDED_PORT, b"65536")], "http", "node.example", "8080"),
        ([(FORWARDED_PORT, b"0")], "http", "node.example", "8080"),
        ([(FORWARDED_PORT, b"+1")], "http", "node.example", "8080"),
        # Of Forwarded, what the proxy says that the client's own connection came to, before the
        # ones behind it; never what stands before that.
        ([STANDARD], "https", "shop.example:8443", "8443"),
        ([STANDARD, (FORWARDED_PROTO, b"http"), (FORWARDED_PORT, b"1")], "https",
         "shop.example:8443", "8443"),
        # A hidden client: what the proxy that hides it says of the rest, and nobody before it.
        ([(FORWARDED_STANDARD, b"for=_a;proto=https;host=b")], "https", "b", "443"),
        ([(FORWARDED_STANDARD, b"for=_a;proto=https;host=b, for=10.0.0.2")], "https", "b", "443"),
        ([(FORWARDED_STANDARD, b"for=_a;proto=https;host=b, for=_c")], "http", "node.example",
         "8080"),
        ([(FORWARDED_STANDARD, b"for=_a;proto=https;host=b, for=192.0.2.7")], "http",
         "node.example", "8080"),
        ([(FORWARDED_STANDARD, b"for=203.0.113.9;host=a b")], "http", "node.example", "8080"),
    ],
)  # fmt: skip
def test_scheme_host_and_port_are_those_that_the_client_used(
    claims: Claims, proto: str, host: str, port: str
) -> None:
    fields, _ = told(*claims)

    assert (proto, host, port) == (
        fields["X-Forwarded-Proto"],
        fields["X-Forwarded-Host"],
        fields["X-Forwarded-Port"],
    )


@pytest.mark.parametrize(
    ("claims", "host", "address", "expected"),
    [
        ([], b"node.example", "192.0.2.1", "for=192.0.2.1;by=_edge;host=node.example;proto=http"),
        ([], b"node:80", "::1", 'for="[::1]";by=_edge;host="node:80";proto=http'),
        ([], b"", "unknown", "for=unknown;by=_edge;proto=http"),
        ([], b"", "fe80::1%eth0", 'for="[fe80::1]";by=_edge;proto=http'),
        (
            [STANDARD],
            b"n",
            "10.0.0.1",
            STANDARD[1].decode() + ", for=10.0.0.1;by=_edge;host=n;proto=http",
        ),
        (
            [X_CHAIN, (FORWARDED_PROTO, b"https"), (FORWARDED_HOST, b"shop")],
            b"n",
            "10.0.0.1",
            "for=1.2.3.4, for=203.0.113.9;host=shop;proto=https, for=10.0.0.2, "
            "for=10.0.0.1;by=_edge;host=n;proto=http",
        ),
        (
            [(FORWARDED_STANDARD, each) for each in (b"for=1.1.1.1", b'for="', b"for=2.2.2.2")],
            b"n",
            "10.0.0.1",
            "for=2.2.2.2, for=10.0.0.1;by=_edge;host=n;proto=http",
        ),
        (
            [(FORWARDED_PROTO, b"https")],
            b"n",
            "10.0.0.1",
            "for=unknown;proto=https, for=10.0.0.1;by=_edge;host=n;proto=http",
        ),
        (
            [(FORWARDED, b"1.1.1.1, hidden, 10.0.0.2"), (FORWARDED_PROTO, b"https")],
            b"n",
            "10.0.0.1",
            "for=1.1.1.1, for=unknown;proto=https, for=10.0.0.2, "
            "for=10.0.0.1;by=_edge;host=n;proto=http",
        ),
        (
            [(FORWARDED, b'x", for=1.1.1.1;by="y, 2001:db8::1, [2001:db8::2]:80')],
            b"n",
            "10.0.0.1",
            'for=unknown, for=unknown, for="[2001:db8::1]", for="[2001:db8::2]", '
            "for=10.0.0.1;by=_edge;host=n;proto=http",
        ),
    ],
)
def test_forwarded_is_written_as_the_standard_has_it(
    claims: Claims, host: bytes, address: str, expected: str
) -> None:
    """RFC 7239: IPv6 quoted and in brackets, what other proxies said before ours, and what they
    said in X-Forwarded-For as elements."""
    fields, _ = told(*claims, forwarded_header="rfc7239", host=host, address=address)

    assert {"Via": "1.1 edge", "Forwarded": expected} == fields


def test_both_can_be_written() -> None:
    fields, _ = told(X_CHAIN, forwarded_header="both", modern=False)

    assert ["Via", *(NAMES[each] for each in (10, 13, 24, 12, 25))] == list(fields)
    assert "1.0 edge" == fields["Via"]
    assert fields["Forwarded"].count("for=") == fields["X-Forwarded-For"].count(",") + 1


@given(
    st.lists(
        st.tuples(
            st.sampled_from(sorted(NAMES)),
            st.text('for=192.0;," \\[]:_%ap', max_size=24).map(str.encode),
        ),
        max_size=5,
    ),
    st.sampled_from(["x_forwarded_for", "forwarded"]),
)
def test_whatever_is_said_the_way_can_be_read(
    claims: list[tuple[int, bytes]], client_header: str
) -> None:
    """Our own words always stand at the end and can be told from the others'."""
    fields, client = told(*claims, client_header=client_header, forwarded_header="both")

    elements = read_forwarded(fields["Forwarded"].encode("latin-1"))
    assert elements is not None
    assert "10.0.0.1" == elements[-1].source
    assert fields["X-Forwarded-For"].endswith("10.0.0.1")
    assert ipaddress.ip_address(client)
    assert 0 < int(fields["X-Forwarded-Port"]) <= 65535


def test_the_port_in_the_host_counts_for_who_says_nothing_of_it() -> None:
    fields, _ = told((FORWARDED_PROTO, b"https"), host=b"node.example:8443")

    assert "8443" == fields["X-Forwarded-Port"]


@pytest.mark.parametrize(
    ("claims", "host", "expected"),
    [
        ([], b"A.test:81", ("http", "a.test:81")),
        ([(FORWARDED_PROTO, b"https")], b"a.test", ("https", "a.test")),
        ([(FORWARDED_HOST, b"A.test")], b"a.test", ("http", "a.test")),
        ([(FORWARDED_HOST, b"b.test")], b"A.test", ("http", "b.test|a.test")),
        ([(FORWARDED_PORT, b"80")], b"a.test", ("http", "a.test")),
        ([(FORWARDED_PROTO, b"https"), (FORWARDED_PORT, b"443")], b"a.test", ("https", "a.test")),
        ([(FORWARDED_PORT, b"81")], b"a.test", ("http", "a.test:81|a.test")),
        ([(FORWARDED_PORT, b"81")], b"a.test:81", ("http", "a.test:81")),
        ([(FORWARDED_PORT, b"81")], b"a.test:82", ("http", "a.test:81|a.test:82")),
        ([(FORWARDED_PORT, b"81")], b"[::1]", ("http", "[::1]:81|[::1]")),
        ([(FORWARDED_PORT, b"81")], b"[::1]:82", ("http", "[::1]:81|[::1]:82")),
        ([(FORWARDED_STANDARD, b"for=1.1.1.1;proto=https;host=b")], b"a", ("https", "b|a")),
    ],
)
def test_what_was_asked_for_is_what_a_trusted_peer_says(
    claims: Claims, host: bytes, expected: tuple[str, str]
) -> None:
    peer = Peer("10.0.0.1", "slb", trusted=True, trust=Trust(NETWORKS))
    _, believed = tell(peer, claims, host, True)
    assert asked_for(believed, peer, host) == expected
