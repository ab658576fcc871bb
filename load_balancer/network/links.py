"""How a network reaches its nodes: in its own process, or in others."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Collection
from typing import Protocol

import httpx

from load_balancer.network.group import Group
from load_balancer.network.group_admin import GroupAdmin
from load_balancer.workers import NoAnswer, Worker

JSON_TYPE = {"Content-Type": "application/json"}


class Link(Protocol):
    """Some nodes, and who answers for them.

    Attributes:
        number: of the process, 0 for the network's own.
        names: of the nodes that are there.
    """

    number: int
    names: set[str]

    async def ask(
        self, method: str, target: str, content: bytes = b"", headers: dict[str, str] | None = None
    ) -> httpx.Response:
        """What its ``GroupAdmin`` answers.

        Raises:
            NoAnswer: there is none.
        """
        ...

    async def stop(self, first: Collection[str]) -> int:
        """End it; how many connections had to be cut."""
        ...

    def hurry(self) -> None:
        """Let ``stop`` wait for nothing any more."""
        ...

    def reopen_logs(self) -> None:
        """Write to the files that have the logs' names now."""
        ...


class OwnProcess:
    """Nodes in this process."""

    def __init__(self, group: Group) -> None:
        self.number = 0
        self.names: set[str] = set()
        self._group = group
        self._client = httpx.AsyncClient(
            transport=httpx.ASGITransport(GroupAdmin(group)), base_url="http://localhost"
        )

    async def ask(
        self, method: str, target: str, content: bytes = b"", headers: dict[str, str] | None = None
    ) -> httpx.Response:
        """See Link."""
        return await self._client.request(method, target, content=content, headers=headers)

    async def stop(self, first: Collection[str]) -> int:
        """See Link."""
        cut = await self._group.stop(first)
        await self._client.aclose()
        return cut

    def hurry(self) -> None:
        """See Link."""
        self._group.hurry()

    def reopen_logs(self) -> None:
        """See Link."""
        self._group.reopen_logs()


class OtherProcess:
    """Nodes in a process that was started for them.

    Attributes:
        ending: finds out how it ended.
    """

    def __init__(self, worker: Worker, names: Collection[str], patience: float) -> None:
        """
        Args:
            patience: seconds that it may take to end.
        """
        self.number = worker.number
        self.names = set(names)
        self.ending: asyncio.Task[int] = asyncio.create_task(worker.ended())
        self._worker = worker
        self._patience = patience

    async def ask(
        self, method: str, target: str, content: bytes = b"", headers: dict[str, str] | None = None
    ) -> httpx.Response:
        """See Link."""
        if self.ending.done():
            raise NoAnswer(f"process {self.number} has ended")
        return await self._worker.ask(method, target, content, headers)

    async def stop(self, first: Collection[str]) -> int:
        """See Link. It says itself how many it had to cut."""
        self._worker.signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(self._patience):
                await asyncio.shield(self.ending)
        except TimeoutError:
            self._worker.signal(signal.SIGKILL)
            await self.ending
        return 0

    def hurry(self) -> None:
        """See Link."""
        self._worker.signal(signal.SIGTERM)

    def reopen_logs(self) -> None:
        """See Link."""
        self._worker.signal(signal.SIGUSR1)
