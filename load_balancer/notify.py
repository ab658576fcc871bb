"""What the service manager is told and gives: readiness, watchdog, sockets (systemd).

The protocol is sd_notify(3): datagrams of ``KEY=value`` lines to the socket in ``NOTIFY_SOCKET``;
sockets come by sd_listen_fds(3). Without those variables nothing is sent and nothing is there.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, MutableMapping

SEND_SECONDS = 0.1
"""How long a word waits for a manager whose queue is full, until it is lost."""

FIRST_DESCRIPTOR = 3
"""SD_LISTEN_FDS_START."""


class Notifier:
    """Tells the service manager; never fails, for it must not be what ends a service.

    Attributes:
        watchdog_seconds: within which ``alive`` must be called; None if nobody waits for it.
    """

    def __init__(
        self, environ: MutableMapping[str, str], clock: Callable[[], float], pid: int
    ) -> None:
        """
        Args:
            environ: what is ours in it is taken out, so that children do not take it for theirs.
            clock: CLOCK_MONOTONIC, in seconds.
        """
        address = environ.pop("NOTIFY_SOCKET", "")
        period = environ.pop("WATCHDOG_USEC", "")
        watched = environ.pop("WATCHDOG_PID", "") or str(pid)
        self.watchdog_seconds: float | None = None
        if address and period.isdigit() and int(period) and watched == str(pid):
            self.watchdog_seconds = int(period) / 1e6
        # An abstract name is written with @ and begins with NUL.
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._clock = clock

    def ready(self, status: str) -> None:
        """It serves; also the end of ``reloading``."""
        self._send("READY=1", f"STATUS={status}")

    def reloading(self) -> None:
        """It takes up a new configuration."""
        self._send("RELOADING=1", f"MONOTONIC_USEC={int(self._clock() * 1e6)}")

    def stopping(self, status: str) -> None:
        """It has begun to end."""
        self._send("STOPPING=1", f"STATUS={status}")

    def status(self, status: str) -> None:
        """A line for people."""
        self._send(f"STATUS={status}")

    def alive(self) -> None:
        """It still turns; for the watchdog."""
        self._send("WATCHDOG=1")

    def _send(self, *lines: str) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
                sender.settimeout(SEND_SECONDS)
                sender.sendto(
                    "\n".join(line.replace("\n", " ") for line in lines).encode(), self._address
                )
        except OSError:
            pass


def given_sockets(environ: MutableMapping[str, str], pid: int) -> list[socket.socket]:
    """The listening sockets that the service manager opened for this process, in its order.

    Raises:
        ValueError: one of them is no listening stream socket.
    """
    count = environ.pop("LISTEN_FDS", "")
    wanted = environ.pop("LISTEN_PID", "")
    environ.pop("LISTEN_FDNAMES", None)
    if wanted != str(pid) or not count.isdigit():
        return []
    given = []
    for descriptor in range(FIRST_DESCRIPTOR, FIRST_DESCRIPTOR + int(count)):
        try:
            os.set_inheritable(descriptor, False)
            each = socket.socket(fileno=descriptor)
            listening = each.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
        except OSError as error:
            raise ValueError(f"LISTEN_FDS: descriptor {descriptor}: {error.strerror}") from None
        if not listening or each.family not in (socket.AF_INET, socket.AF_INET6):
            raise ValueError(f"LISTEN_FDS: descriptor {descriptor} is no listening TCP socket")
        each.setblocking(False)
        given.append(each)
    return given
