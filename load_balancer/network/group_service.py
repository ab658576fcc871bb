"""One process of a network's nodes, as a service that its parent starts and ends."""

from __future__ import annotations

import asyncio
import os
import socket

from config.schema import Settings
from load_balancer.admin import AdminServer
from load_balancer.hand_over import GroupHandOver
from load_balancer.network.group import Group
from load_balancer.network.group_admin import GroupAdmin
from load_balancer.reloading import Applied, ReloadError
from load_balancer.serving import url


class GroupService:
    """Serves the nodes that it was handed. If its parent is killed, it ends by itself."""

    def __init__(self, place: GroupHandOver) -> None:
        self._place = place
        self._parent = os.getppid()
        self._group = Group(asyncio.get_running_loop(), place.output)
        self._admin = AdminServer(GroupAdmin(self._group), "", 0, place.admin)

    async def start(self) -> str:
        port = 0
        try:
            for settings, descriptors in self._place.nodes:
                given = [socket.socket(fileno=each) for each in descriptors]
                port = (await self._group.start(settings, given)).port
            await self._admin.start()
        except BaseException:
            await self._group.stop()
            raise
        self._group.begin()
        return f"ready group-{self._place.number} {url('127.0.0.1', port)}"

    async def stop(self) -> int:
        cut = await self._group.stop()
        await self._admin.stop()
        if os.getppid() != self._parent:
            # The parent was killed: nobody else cleans up, and the last one finds it empty.
            try:
                self._place.admin.unlink(missing_ok=True)
                self._place.admin.parent.rmdir()
            except OSError:
                pass
        return cut

    def hurry(self) -> None:
        self._group.hurry()

    async def apply(self, settings: Settings) -> Applied:
        raise ReloadError("a network cannot be reloaded; change it through its admin port")

    def reopen_logs(self) -> None:
        self._group.reopen_logs()
