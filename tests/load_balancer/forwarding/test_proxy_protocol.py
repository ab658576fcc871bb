"""The PROXY protocol's headers: read exactly, or refused."""

import ipaddress
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from load_balancer.forwarding.proxy_protocol import (
    V2_SIGNATURE,
    Malformed,
    Preamble,
    read_preamble,
)

pytestmark = pytest.mark.unit

V4 = b"\xcb\x00\x71\x09\x0a\x00\x00\x01" + struct.pack("!HH", 4711, 443)


def v2(body: bytes, version: int = 0x21, family: int = 0x11) -> bytes:
    return V2_SIGNATURE + struct.pack("!BBH", version, family, len(body)) + body


def fed(header: bytes, behind: bytes) -> tuple[Preamble, bytes]:
    """Read as a connection would: only so many bytes as were asked for."""
    stream, at = header + behind, 0
    while True:
        found = read_preamble(stream[:at])
        if isinstance(found, Preamble):
            return found, stream[at:]
        assert found > 0
        at += found
        assert at <= len(stream), "more was asked for than there is"


@pytest.mark.parametrize(
    ("header", "address", "port"),
    [
        (b"PROXY TCP4 203.0.113.9 10.0.0.1 4711 443\r\n", "203.0.113.9", 4711),
        (b"PROXY TCP6 2001:db8::1 ::1 65535 0\r\n", "2001:db8::1", 65535),
        (b"PROXY UNKNOWN\r\n", "", 0),
        (b"PROXY UNKNOWN whatever stands there\r\n", "", 0),
        (v2(V4), "203.0.113.9", 4711),
        (v2(V4 + b"\x04\x00\x02ab\x01\x00\x00"), "203.0.113.9", 4711),
        (v2(b"", version=0x20, family=0), "", 0),
        (v2(V4, version=0x20), "", 0),
        (v2(b"whatever", version=0x20, family=0xFF), "", 0),
        (v2(b"", family=0), "", 0),
        (v2(bytes(216), family=0x31), "", 0),
    ],
)
def test_a_header_is_read_to_its_end_and_no_further(header: bytes, address: str, port: int) -> None:
    """What is behind may be a TLS hello, which somebody else must read from its first byte."""
    found, rest = fed(header, b"\x16\x03\x01hello")
    assert (address, port, b"\x16\x03\x01hello") == (found.address, found.port, rest)


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\n",
        b"proxy ",
        b"PROXY TCP4 203.0.113.9 10.0.0.1 4711 443\n",
        b"PROXY TCP4 203.0.113.9 10.0.0.1 4711\r\n",
        b"PROXY TCP4 203.0.113.9  10.0.0.1 4711 443\r\n",
        b"PROXY TCP4 ::1 ::1 1 2\r\n",
        b"PROXY TCP4 203.0.113.9 10.0.0.1 04711 443\r\n",
        b"PROXY TCP4 203.0.113.9 10.0.0.1 65536 443\r\n",
        b"PROXY TCP4 203.0.113.9 10.0.0.1 +1 443\r\n",
        b"PROXY UDP4 203.0.113.9 10.0.0.1 1 2\r\n",
        b"PROXY TCP4 203.0.113.\xff 10.0.0.1 1 2\r\n",
        b"PROXY TCP6 ::1%x ::1 1 2\r\n",
        b"PROXY TCP6 ::1%\nVia:x ::1 1 2\r\n",
        b"PROXY TCP6 ::1 ::1%x 1 2\r\n",
        b"PROXY UNKNOWN" + b" " * 93 + b"\r\n",
        b"PROXY UNKNOWN" + b" " * 94,
        b"PROXY UNKNOWN\r\nG",
        b"\r\n\r\nGET",
        v2(V4, version=0x11),
        v2(V4, version=0x22),
        v2(V4, family=0x41),
        v2(V4[:-1]),
        v2(V4) + b"G",
        v2(V4 + b"\x04\x00"),
        v2(V4 + b"\x04\x00\x03ab"),
        v2(bytes(5000)),
    ],
)
def test_what_is_no_header_is_refused(data: bytes) -> None:
    with pytest.raises(Malformed):
        read_preamble(data)


@given(
    st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)),
    st.integers(0, 65535),
    st.binary(max_size=40),
    st.booleans(),
)
def test_every_address_comes_through(
    client: ipaddress.IPv4Address | ipaddress.IPv6Address, port: int, behind: bytes, binary: bool
) -> None:
    if binary:
        packed = client.packed + client.packed + struct.pack("!HH", port, 1)
        header = v2(packed, family=0x11 if client.version == 4 else 0x21)
    else:
        header = f"PROXY TCP{client.version} {client} {client} {port} 1\r\n".encode()
    found, rest = fed(header, behind)
    assert (str(client), port, behind) == (found.address, found.port, rest)


@given(st.binary(max_size=300), st.sampled_from([b"", b"PROXY ", V2_SIGNATURE]))
def test_no_bytes_do_anything_else(data: bytes, start: bytes) -> None:
    """Read, asked on for, or refused: nothing else ever."""
    try:
        found = read_preamble(start + data)
    except Malformed:
        return
    assert isinstance(found, Preamble) or found > 0
