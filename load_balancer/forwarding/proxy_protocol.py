"""Reads the header that the PROXY protocol puts in front of a connection, versions 1 and 2.

After HAProxy's specification (proxy-protocol.txt, sections 2.1 and 2.2). Knows no connection: it is
given the bytes that came so far and says how many more it needs, so that whoever reads takes not
one byte of what follows, which may be the beginning of TLS.
"""

from __future__ import annotations

import ipaddress
import re

SHORTEST = 15
"""Bytes of the shortest header, ``PROXY UNKNOWN`` with its CRLF."""

V1_LONGEST = 107
"""Bytes of a line of version 1, its CRLF included (section 2.1)."""

V2_SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
V2_HEAD = 16

LONGEST = 4096
"""Bytes of a version 2 header that are read: far more than addresses and usual TLVs have."""

_PORT = re.compile(r"0|[1-9][0-9]{0,4}\Z")
_ADDRESS_BYTES = {0x11: 12, 0x12: 12, 0x21: 36, 0x22: 36, 0x31: 216, 0x32: 216}


class Malformed(ValueError):
    """The bytes are no PROXY header; the message says why."""


class Preamble:
    """A whole header.

    Attributes:
        address, port: of the client; "" and 0 where the proxy speaks for itself or does not know
            (LOCAL, UNKNOWN, or a family that has no address of the internet).
    """

    __slots__ = ("address", "port")

    def __init__(self, address: str = "", port: int = 0) -> None:
        self.address = address
        self.port = port


def read_preamble(data: bytes) -> Preamble | int:
    """The header that ``data`` is; or how many more bytes to read, at the least, without any that
    would be behind it.

    Raises:
        Malformed: it is none and cannot become one, or more than one header was handed in.
    """
    if data[:1] == b"\r":
        return _read_v2(data)
    start = b"PROXY "
    if data[: len(start)] != start[: len(data)]:
        raise Malformed("it does not begin with a PROXY header")
    end = data.find(b"\r\n")
    if end < 0:
        if len(data) >= V1_LONGEST:
            raise Malformed("a line longer than 107 bytes")
        if b"\n" in data or b"\r" in data[:-1]:
            raise Malformed("a line that does not end with CRLF")
        # The line may end with the next two bytes.
        return max(SHORTEST - len(data), 1 if data[-1:] == b"\r" else 2)
    if end + 2 != len(data) or len(data) > V1_LONGEST:
        raise Malformed("bytes behind the header, or a line longer than 107 bytes")
    return _read_v1(data[:end])


def _read_v1(line: bytes) -> Preamble:
    if line == b"PROXY UNKNOWN" or line.startswith(b"PROXY UNKNOWN "):
        return Preamble()
    try:
        words = line.decode("ascii").split(" ")
    except UnicodeDecodeError:
        raise Malformed("a byte that is not ASCII") from None
    if len(words) != 6 or words[1] not in ("TCP4", "TCP6"):
        raise Malformed("not TCP4, TCP6 or UNKNOWN with two addresses and two ports")
    kind = ipaddress.IPv4Address if words[1] == "TCP4" else ipaddress.IPv6Address
    if "%" in line.decode("ascii"):
        raise Malformed("an address with a zone")  # which may be any text
    try:
        source, _ = str(kind(words[2])), kind(words[3])
    except ValueError as error:
        raise Malformed(str(error)) from None
    if not all(_PORT.fullmatch(port) and int(port) <= 65535 for port in words[4:]):
        raise Malformed("a port that is none")
    return Preamble(source, int(words[4]))


def _read_v2(data: bytes) -> Preamble | int:
    if data[: len(V2_SIGNATURE)] != V2_SIGNATURE[: len(data)]:
        raise Malformed("not the signature of version 2")
    if len(data) < V2_HEAD:
        return V2_HEAD - len(data)
    version, family = data[12], data[13]
    length = int.from_bytes(data[14:V2_HEAD], "big")
    if version not in (0x20, 0x21):
        raise Malformed(f"version and command {version:#04x}")
    if V2_HEAD + length > LONGEST:
        raise Malformed(f"a header longer than {LONGEST} bytes")
    needed = _ADDRESS_BYTES.get(family, 0)
    if version == 0x20:
        needed = 0  # what LOCAL says of addresses counts for nothing (section 2.2)
    elif family and not needed:
        raise Malformed(f"family and protocol {family:#04x}")
    if version == 0x21 and length < needed:
        raise Malformed("shorter than its addresses")
    missing = V2_HEAD + length - len(data)
    if missing > 0:
        return missing
    if missing:
        raise Malformed("bytes behind the header")
    if version == 0x20:
        return Preamble()
    _check_tlvs(data, V2_HEAD + needed if family else len(data))
    if family >> 4 == 1:
        return Preamble(str(ipaddress.IPv4Address(data[16:20])), int.from_bytes(data[24:26], "big"))
    if family >> 4 == 2:
        return Preamble(str(ipaddress.IPv6Address(data[16:32])), int.from_bytes(data[48:50], "big"))
    return Preamble()


def _check_tlvs(data: bytes, at: int) -> None:
    while at < len(data):
        if at + 3 > len(data):
            raise Malformed("a TLV without its length")
        at += 3 + int.from_bytes(data[at + 1 : at + 3], "big")
    if at > len(data):
        raise Malformed("a TLV longer than the header")
