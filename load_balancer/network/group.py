"""Nodes of a network that live in one process: each with its port, none with an admin port."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Collection, Sequence

from config.schema import Settings
from load_balancer.assembly import FLUSH_SECONDS, STANDARD_OUTPUT, Assembly
from load_balancer.live_endpoints import SETTLE_SECONDS, say
from load_balancer.serving import StartError
from load_balancer.timers import Timers

IMPROVE_SECONDS = 1.0


class Group:
    """The nodes of one process.

    Attributes:
        nodes: those that run, by name.
        ready: requests are wanted.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        output: int = STANDARD_OUTPUT,
        say: Callable[[str], None] = say,
    ) -> None:
        """
        Args:
            output: descriptor of the service's standard output.
            say: takes one line for the operator.
        """
        self.nodes: dict[str, Assembly] = {}
        self.ready = False
        self._loop = loop
        self._output = output
        self._say = say
        self._timers = Timers(loop)
        self._going: set[Assembly] = set()

    def begin(self) -> None:
        """Do from time to time what nodes need. One timer for all of them: a hundred with three
        each would wake the process a thousand times a second."""
        self.ready = True
        self._timers.every(SETTLE_SECONDS, self._settle)
        self._timers.every(FLUSH_SECONDS, self._flush)
        self._timers.every(IMPROVE_SECONDS, self._improve)

    async def start(self, settings: Settings, given: Sequence[socket.socket] = ()) -> Assembly:
        """A node that takes requests.

        Args:
            given: sockets that listen already, instead of host and port.

        Raises:
            StartError: its port or a file cannot be had, or there is one of its name.
        """
        name = settings.load_balancer.node_name
        if name in self.nodes:
            raise StartError(f"there is a node {name!r} already")
        node = Assembly(
            settings, self._loop, output=self._output, say=lambda text: self._say(f"{name}: {text}")
        )
        try:
            await node.start(given)
        except StartError:
            await node.abandon()
            raise
        if settings.metrics.check != "off":
            node.collector.start()
        self.nodes[name] = node
        return node

    async def leave(self, name: str) -> int:
        """Let a node finish what runs and end; how many connections had to be cut.

        Raises:
            KeyError: there is none.
        """
        node = self.nodes.pop(name)
        self._going.add(node)
        try:
            cut = await node.drain()
        finally:
            self._going.discard(node)
        node.logs.close()
        return cut

    async def fail(self, name: str) -> None:
        """End a node in the middle of everything, as a crash would: its port refuses, its
        connections are cut, and nobody is told.

        Raises:
            KeyError: there is none.
        """
        node = self.nodes.pop(name)
        node.listener.crash()
        await node.abandon()

    async def stop(self, first: Collection[str] = ()) -> int:
        """Let all nodes finish and end; how many connections had to be cut.

        Args:
            first: names of those that clients ask. What they have taken still needs the others.
        """
        self.ready = False
        cut = 0
        for chosen in (set(first), set(self.nodes)):
            names = [name for name in self.nodes if name in chosen]
            cut += sum(await asyncio.gather(*(self.leave(name) for name in names)))
        await self._timers.stop()
        return cut

    def hurry(self) -> None:
        """Let ``stop`` wait for nothing any more: cut what runs."""
        for node in (*self.nodes.values(), *self._going):
            node.listener.cut()

    def reopen_logs(self) -> None:
        """Write to the files that have the logs' names now."""
        for node in self.nodes.values():
            node.logs.now.reopen()

    def _settle(self) -> None:
        for node in self.nodes.values():
            node.endpoints.membership.settle()

    async def _flush(self) -> None:
        for node in list(self.nodes.values()):
            await node.logs.flush()
            if node.cache_file is not None:
                node.cache_file.flush()

    async def _improve(self) -> None:
        for node in list(self.nodes.values()):
            await node.improve()
