"""What the kernel knows of a connection, asked of the real one."""

import asyncio
import socket
import struct

import pytest

from load_balancer.forwarding.tcp_info import TcpInfo, read_tcp_info, tcp_info
from tests.live.asking import get
from tests.live.origin import Origin
from tests.live.rig import proxy

pytestmark = pytest.mark.integration


async def test_a_connection_that_has_answered_has_a_round_trip() -> None:
    async with Origin() as origin, proxy(origin) as rig:
        client = await rig.client()
        for _ in range(3):
            client.send(get())
            await client.answer()
        (connection,) = rig.listener.connections

        info = tcp_info(connection.transport)
        assert info is not None
        assert 0 < info.round_trip < 5 and info.segments >= 3
        assert 0 <= info.retransmitted <= info.segments

        kept = list(rig.listener.pool.kept(2))
        assert ["a"] == [stats.id for stats, _ in kept]
        assert tcp_info(kept[0][1].transport) is not None

        transport = connection.transport
        client.abort()
        await rig.holds(lambda: not rig.listener.connections, "it is gone")
        assert tcp_info(transport) is None


async def test_what_is_no_tcp_connection_tells_nothing() -> None:
    reading, writing = socket.socketpair()
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_connection(asyncio.Protocol, sock=reading)
    with writing:
        assert tcp_info(transport) is None
        assert tcp_info(asyncio.BaseTransport()) is None
        transport.abort()
        await asyncio.sleep(0)


def test_offsets_are_those_of_the_structure() -> None:
    """linux/tcp.h: rtt at 68, total_retrans at 100, segs_out at 136."""
    data = bytearray(140)
    struct.pack_into("=I", data, 68, 1500)
    struct.pack_into("=I", data, 100, 3)
    struct.pack_into("=I", data, 136, 77)

    assert TcpInfo(0.0015, 3, 77) == read_tcp_info(bytes(data))
    assert read_tcp_info(bytes(139)) is None
