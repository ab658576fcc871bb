"""The logs that a node writes now, and those that a reload has replaced until their last lines are
written."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from config.balancer import LoadBalancer
from config.schema import Settings
from load_balancer.forwarding.listener import Listener
from load_balancer.logs import Logs
from load_balancer.node import Node
from load_balancer.reloading import Step, Swap, Undo

KEYS = (
    "load_balancer.request_log",
    "load_balancer.access_log",
    "load_balancer.shaping.adaptive.log",
)


class CurrentLogs:
    """Where what is logged goes.

    Attributes:
        now: in use.
    """

    def __init__(self, balancer: LoadBalancer, build: Callable[[LoadBalancer], Logs]) -> None:
        """
        Raises:
            StartError: a file cannot be had.
        """
        self.now = build(balancer)
        self._build = build
        self._replaced: list[Logs] = []

    async def flush(self) -> None:
        """Let what has gathered be written, and the replaced ones end."""
        self.now.flush()
        while self._replaced:
            await asyncio.to_thread(self._replaced.pop().close)

    def close(self) -> None:
        """Write what is left, and close all."""
        for each in (self.now, *self._replaced):
            each.close()
        self._replaced.clear()

    def step(self, node: Node, listener: Listener) -> Step:
        """Other files, formats and filters. The files are opened as the last part of a reload, so
        that one that cannot be opened is found while all else can still be put back."""

        def use(logs: Logs) -> None:
            self.now = logs
            node.log_to(logs.request_log)
            listener.access_log = logs.sink

        def prepare(before: Settings, after: Settings) -> Swap:
            def swap() -> Undo:
                old = self.now
                new = self._build(after.load_balancer)
                use(new)
                self._replaced.append(old)

                def undo() -> None:
                    self._replaced.remove(old)
                    use(old)
                    new.close()

                return undo

            return swap

        return Step(KEYS, prepare)
