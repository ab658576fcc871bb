"""Ports that are kept, and what is wrong with one."""

import errno
import socket
from contextlib import ExitStack

import pytest

from load_balancer.ports import port_problem, reserve

pytestmark = pytest.mark.integration


def listening(port: int, shared: bool) -> socket.socket:
    found = socket.socket()
    try:
        if shared:
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        found.bind(("127.0.0.1", port))
        found.listen()
    except OSError:
        found.close()
        raise
    return found


def test_a_reserved_port_is_shared_by_who_asks_to_and_by_nobody_else() -> None:
    """And takes no connection itself."""
    with ExitStack() as stack:
        (held,) = map(stack.enter_context, reserve("127.0.0.1", 0))
        port = held.getsockname()[1]
        with pytest.raises(OSError, match="in use"):
            listening(port, shared=False)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port))
        one = stack.enter_context(listening(port, shared=True))
        two = stack.enter_context(listening(port, shared=True))
        for each in (one, two):
            each.settimeout(5)
        clients = [
            stack.enter_context(socket.create_connection(("127.0.0.1", port))) for _ in range(20)
        ]
        for each in (one, two):
            each.setblocking(False)
        taken = 0
        for each in (one, two):
            while True:
                try:
                    each.accept()[0].close()
                except BlockingIOError:
                    break
                taken += 1
        assert len(clients) == taken


def test_a_name_has_one_port_on_all_its_addresses() -> None:
    with ExitStack() as stack:
        held = [stack.enter_context(each) for each in reserve("localhost", 0)]
        assert 1 == len({each.getsockname()[1] for each in held})


def test_another_supervisors_port_is_taken() -> None:
    """Its workers listen there; SO_REUSEPORT alone would let two fleets share it by mistake."""
    with ExitStack() as stack:
        (held,) = map(stack.enter_context, reserve("127.0.0.1", 0))
        port = held.getsockname()[1]
        stack.enter_context(listening(port, shared=True))
        with pytest.raises(OSError) as raised:
            reserve("127.0.0.1", port)
        assert errno.EADDRINUSE == raised.value.errno


def test_an_address_that_is_not_here_cannot_be_reserved() -> None:
    with pytest.raises(OSError, match="assign"):
        reserve("192.0.2.1", 0)


def test_the_problem_names_the_key_and_the_cure() -> None:
    taken = OSError(errno.EADDRINUSE, "while doing something")
    assert port_problem("admin_port", "h", 1, taken) == (
        "load_balancer.admin_port: cannot listen on h:1: Address already in use; choose another "
        "one or stop what holds it"
    )
    assert "load_balancer.admin_host: 'h' is no address" in port_problem(
        "admin_port", "h", 1, socket.gaierror()
    )
