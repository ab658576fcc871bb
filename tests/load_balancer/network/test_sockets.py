"""Ports of nodes, before any node runs."""

from __future__ import annotations

import socket

import pytest

from config.layout import Address
from load_balancer.network.sockets import is_here, opened
from load_balancer.serving import StartError

pytestmark = pytest.mark.integration


def test_it_listens_before_its_node_runs() -> None:
    """So that who connects early waits, instead of being refused."""
    with opened("a", Address("localhost", 0)) as listening:
        host, port = listening.getsockname()
        assert host == "127.0.0.1"
        with socket.create_connection((host, port), timeout=20):
            pass


@pytest.mark.parametrize(
    ("host", "said"),
    [("192.0.2.1", "node a cannot listen on 192.0.2.1:0: "), ("no.invalid", "host 'no.invalid'")],
)
def test_what_cannot_be_had_is_said(host: str, said: str) -> None:
    with pytest.raises(StartError, match=said):
        opened("a", Address(host, 0))


def test_which_hosts_are_this_machine() -> None:
    assert is_here("127.0.0.1") and is_here("localhost") and is_here("0.0.0.0")
    assert not is_here("192.0.2.1")
    assert not is_here("no.invalid")
