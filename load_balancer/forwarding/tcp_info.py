"""What the kernel knows of a TCP connection: its round-trip time and what had to be sent again.

Read by ``getsockopt(TCP_INFO)``, which Linux has; elsewhere nothing is known. The offsets are those
of ``struct tcp_info`` in ``linux/tcp.h``, which only ever grows at its end.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import NamedTuple

MICROSECONDS = 1e-6
OPTION: int | None = getattr(socket, "TCP_INFO", None)

_RTT_AT = 68
_RETRANSMITTED_AT = 100
_SEGMENTS_OUT_AT = 136
_SIZE = _SEGMENTS_OUT_AT + 4
_number = struct.Struct("=I").unpack_from


class TcpInfo(NamedTuple):
    """One connection, as its kernel sees it.

    Attributes:
        round_trip: seconds, smoothed (RFC 6298); 0 while none was measured.
        retransmitted: segments that were sent again, since the connection is there.
        segments: that were sent, those included.
    """

    round_trip: float
    retransmitted: int
    segments: int


def tcp_info(transport: asyncio.BaseTransport) -> TcpInfo | None:
    """What is known of a transport's connection; None where that is nothing."""
    taken = transport.get_extra_info("socket")
    if taken is None or OPTION is None:
        return None
    try:
        data = taken.getsockopt(socket.IPPROTO_TCP, OPTION, _SIZE)
    except (OSError, ValueError):
        return None  # it is gone, or is no TCP connection
    return read_tcp_info(data)


def read_tcp_info(data: bytes) -> TcpInfo | None:
    """The structure as the kernel gives it; None if it is too short to have it all."""
    if len(data) < _SIZE:
        return None
    return TcpInfo(
        _number(data, _RTT_AT)[0] * MICROSECONDS,
        _number(data, _RETRANSMITTED_AT)[0],
        _number(data, _SEGMENTS_OUT_AT)[0],
    )
