"""What the service manager is told and gives."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from load_balancer.notify import Notifier, given_sockets

pytestmark = pytest.mark.integration

PID = os.getpid()


@pytest.fixture
def manager() -> Iterator[socket.socket]:
    """The other end of NOTIFY_SOCKET."""
    # Not tmp_path: a unix socket's path is short.
    with (
        tempfile.TemporaryDirectory() as folder,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bound,
    ):
        bound.bind(str(Path(folder) / "notify"))
        bound.settimeout(5)
        yield bound


def notifier(manager: socket.socket, **more: str) -> Notifier:
    return Notifier({"NOTIFY_SOCKET": manager.getsockname(), **more}, lambda: 12.5, PID)


def test_each_word_is_one_datagram(manager: socket.socket) -> None:
    """sd_notify(3)."""
    told = notifier(manager)
    told.ready("serves")
    told.reloading()
    told.status("two\nlines")
    told.alive()
    told.stopping("drains")

    assert [
        b"READY=1\nSTATUS=serves",
        b"RELOADING=1\nMONOTONIC_USEC=12500000",
        b"STATUS=two lines",
        b"WATCHDOG=1",
        b"STOPPING=1\nSTATUS=drains",
    ] == [manager.recv(4096) for _ in range(5)]


@pytest.mark.skipif(sys.platform != "linux", reason="abstract names are Linux's")
def test_an_abstract_name_begins_with_an_at_sign() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bound:
        bound.bind(f"\0slb-test-{PID}")
        bound.settimeout(5)
        Notifier({"NOTIFY_SOCKET": f"@slb-test-{PID}"}, lambda: 0.0, PID).alive()
        assert b"WATCHDOG=1" == bound.recv(100)


@pytest.mark.parametrize("address", [None, "", "/no/such/folder/socket"])
def test_nobody_to_tell_is_no_fault(address: str | None) -> None:
    environ = {} if address is None else {"NOTIFY_SOCKET": address}
    told = Notifier(environ, lambda: 0.0, PID)
    told.ready("serves")
    assert told.watchdog_seconds is None


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"WATCHDOG_USEC": "30000000"}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(PID)}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({}, None),
    ],
)
def test_the_watchdog_is_fed_if_it_is_ours(
    manager: socket.socket, more: dict[str, str], expected: float | None
) -> None:
    assert expected == notifier(manager, **more).watchdog_seconds


def test_children_do_not_take_it_for_theirs(manager: socket.socket) -> None:
    environ = {"NOTIFY_SOCKET": "x", "WATCHDOG_USEC": "1", "WATCHDOG_PID": "1", "HOME": "h"}
    Notifier(environ, lambda: 0.0, PID)
    sockets = {"LISTEN_FDS": "1", "LISTEN_PID": "1", "LISTEN_FDNAMES": "a", "HOME": "h"}
    assert [] == given_sockets(sockets, PID)
    assert environ == sockets == {"HOME": "h"}


@pytest.mark.parametrize(
    "environ", [{}, {"LISTEN_FDS": "1"}, {"LISTEN_FDS": "x", "LISTEN_PID": str(PID)}]
)
def test_without_variables_of_ours_there_are_no_sockets(environ: dict[str, str]) -> None:
    assert [] == given_sockets(dict(environ), PID)


GIVEN = """
import os, socket, sys
sys.path.insert(0, {root!r})
from load_balancer.notify import given_sockets
kept = []
for kind in sys.argv[1].split(","):
    if kind == "stream":
        each = socket.create_server(("127.0.0.1", 0))
    elif kind == "datagram":
        each = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    kept.append(each)
    os.dup2(each.fileno(), 100 + len(kept))
# As the manager does it: from 3 on, whatever the interpreter had there.
for number in range(len(kept)):
    os.dup2(101 + number, 3 + number)
environ = {{"LISTEN_FDS": sys.argv[2], "LISTEN_PID": str(os.getpid())}}
try:
    found = given_sockets(environ, os.getpid())
except ValueError as error:
    print(error)
else:
    print(*[each.getsockname()[1] == old.getsockname()[1] for each, old in zip(found, kept)],
          *[os.get_inheritable(each.fileno()) for each in found])
"""


@pytest.mark.parametrize(
    ("kinds", "count", "expected"),
    [
        ("stream", "1", "True False"),
        ("stream,stream", "2", "True True False False"),
        ("stream,datagram", "2", "LISTEN_FDS: descriptor 4 "),
        ("stream", "9", "LISTEN_FDS: descriptor "),
    ],
)
def test_listening_sockets_are_taken_in_their_order(kinds: str, count: str, expected: str) -> None:
    """In a process of its own, because their numbers begin at 3."""
    root = str(Path(__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", GIVEN.format(root=root), kinds, count],
        capture_output=True,
        text=True,
        timeout=20,
    )
    assert done.stdout.startswith(expected), done.stdout + done.stderr
