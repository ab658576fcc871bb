"""Marks and ways of packets, read back from sockets and from the packets themselves."""

import asyncio
import os
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from load_balancer.forwarding.lanes import connected_socket, endpoint_of, mark_socket
from load_balancer.shaping.clients import Lane
from rl.vocabulary import Endpoint, EndpointStats
from tests.live.asking import get
from tests.live.origin import Origin
from tests.live.rig import proxy
from tests.live.wire import turns

pytestmark = pytest.mark.integration

EXPEDITED = 46
ALL_PROTOCOLS = 3


def rules(**rule: Any) -> dict[str, Any]:
    return {"enabled": True, "rules": [{"name": "r", "match": {"paths": ["/m"]}, **rule}]}


@contextmanager
def capture() -> Iterator[socket.socket]:
    """Every packet on the loopback interface."""
    try:
        taken = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ALL_PROTOCOLS))
    except (OSError, AttributeError):
        pytest.skip("packets are shown to root on Linux only")
    with taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        taken.bind(("lo", 0))
        taken.setblocking(False)
        yield taken


def marks(taken: socket.socket) -> set[tuple[int, int, int]]:
    """Source port, destination port and DSCP of each IPv4 packet with data so far."""
    found: set[tuple[int, int, int]] = set()
    while True:
        try:
            packet = taken.recv(65535)[14:]
        except BlockingIOError:
            return found
        if len(packet) < 40 or packet[0] >> 4 != 4 or packet[9] != socket.IPPROTO_TCP:
            continue
        ip = (packet[0] & 15) * 4
        source, destination = struct.unpack_from("!HH", packet, ip)
        if struct.unpack_from("!H", packet, 2)[0] - ip - (packet[ip + 12] >> 4) * 4 > 0:
            found.add((source, destination, packet[1] >> 2))


async def test_packets_bear_the_mark_both_ways_and_others_do_not() -> None:
    with capture() as taken:
        async with Origin() as origin, proxy(origin, shaping=rules(dscp=EXPEDITED)) as rig:
            client = await rig.client()
            for target in ("/plain", "/m/1", "/plain", "/m/2"):
                client.send(get(target))
                assert 200 == (await client.answer()).status
                await turns()
                seen = marks(taken)
                expected = EXPEDITED if target.startswith("/m") else 0
                down = {dscp for source, _, dscp in seen if source == rig.port}
                up = {dscp for _, destination, dscp in seen if destination == origin.port}
                assert ({expected}, {expected}) == (down, up)
            assert 2 == len(origin.visits)  # each has a connection of its own


async def test_an_endpoint_is_reached_from_the_address_that_is_wanted() -> None:
    async with Origin() as origin, proxy(origin, shaping=rules(source_address="127.0.0.7")) as rig:
        for target, expected in (("/m", "127.0.0.7"), ("/", "127.0.0.1")):
            assert 200 == (await rig.ask(get(target))).status
            told = origin.visits[-1].transport.get_extra_info("peername")
            assert expected == told[0]
            for visit in origin.visits:
                visit.transport.close()
            await rig.holds(lambda: rig.listener.pool.idle_count() == 0, "none is kept")


async def test_a_way_that_does_not_exist_is_an_endpoint_that_cannot_be_reached() -> None:
    async with Origin() as origin, proxy(origin, shaping=rules(source_address="192.0.2.1")) as rig:
        assert 502 == (await rig.ask(get("/m"))).status
        assert {"connect_failed": 1} == rig.counters.refusals


async def test_an_interface_is_bound_to() -> None:
    loop = asyncio.get_running_loop()
    async with Origin() as origin:
        try:
            taken = await connected_socket(
                loop, "127.0.0.1", origin.port, Lane(EXPEDITED, None, "lo")
            )
        except PermissionError:
            assert os.getuid()
            return
        with taken:
            name = taken.getsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, 16)
            assert b"lo" == name.rstrip(b"\0")
            assert EXPEDITED << 2 == taken.getsockopt(socket.IPPROTO_IP, socket.IP_TOS)
        with pytest.raises(OSError):
            await connected_socket(loop, "127.0.0.1", origin.port, Lane(None, None, "nowhere9"))


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_both_families_are_marked(family: socket.AddressFamily) -> None:
    try:
        taken = socket.socket(family)
    except OSError:
        pytest.skip("this machine lacks the family")
    with taken:
        mark_socket(taken, 10)
        if family == socket.AF_INET6:
            assert 40 == taken.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS)
        else:
            assert 40 == taken.getsockopt(socket.IPPROTO_IP, socket.IP_TOS)
    mark_socket(taken, 10)  # it is gone


def test_a_lane_belongs_to_its_endpoint() -> None:
    stats = EndpointStats(Endpoint("a", "h", 1))

    assert stats is endpoint_of(stats)
    assert stats is endpoint_of((stats, Lane(1, None, None)))
