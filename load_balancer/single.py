"""One node as a service: alone, or as one of several workers."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Sequence

from config.schema import Settings
from load_balancer.app import App
from load_balancer.hand_over import HandOver
from load_balancer.reloading import Applied, ReloadError
from load_balancer.serving import Operation, url


class SingleNode:
    """A node that runs in this process."""

    def __init__(
        self,
        settings: Settings,
        operation: Operation,
        given: Sequence[socket.socket] = (),
        place: HandOver | None = None,
    ) -> None:
        """
        Args:
            given: sockets that listen already, instead of host and port.
            place: among other workers; None if alone.
        """
        self._settings = settings
        self._operation = operation
        self._given = given
        self._place = place
        self._parent = os.getppid()
        self._app: App | None = None

    async def start(self) -> str:
        balancer, place = self._settings.load_balancer, self._place
        app = App(self._settings, asyncio.get_running_loop(), self._operation, place)
        await app.start(self._given, reuse_port=place is not None)
        self._app = app
        secured = bool(balancer.tls.certificates)
        line = f"ready {balancer.node_name} {url(balancer.host, app.port, secured)}"
        if place is not None:
            return line
        return f"{line} admin {url(balancer.admin_host, app.admin_port)}"

    async def stop(self) -> int:
        cut = 0 if self._app is None else await self._app.stop()
        if self._place is not None and os.getppid() != self._parent:
            # The supervisor was killed: nobody else cleans up, and the last one finds it empty.
            try:
                self._place.admin.unlink(missing_ok=True)
                self._place.admin.parent.rmdir()
            except OSError:
                pass
        return cut

    def hurry(self) -> None:
        if self._app is not None:
            self._app.hurry()

    async def apply(self, settings: Settings) -> Applied:
        if self._app is None:
            raise ReloadError("it is not ready yet")
        return self._app.apply(settings)

    def reopen_logs(self) -> None:
        if self._app is not None:
            self._app.reopen_logs()


def read_place() -> bytes:
    """The hand-over's line from standard input, which goes on afterwards."""
    line = b""
    # Byte by byte at the end only: nothing follows the line as long as the supervisor lives.
    while not line.endswith(b"\n"):
        piece = os.read(0, 1 << 16)
        if not piece:
            break
        line += piece
    return line
