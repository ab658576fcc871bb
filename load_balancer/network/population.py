"""The processes of a network's nodes: one for all, one for each level, or one for each node."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import tempfile
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeAlias

from config.balancer import LoadBalancer
from config.layout import Address
from config.schema import Settings
from load_balancer import workers
from load_balancer.hand_over import GroupHandOver, settings_json
from load_balancer.network.admin import Change
from load_balancer.network.group import Group
from load_balancer.network.links import JSON_TYPE, Link, OtherProcess, OwnProcess
from load_balancer.network.sockets import opened
from load_balancer.serving import FAULT, StartError, say
from load_balancer.workers import NoAnswer, WorkerError
from rl.vocabulary import JSON

Processes: TypeAlias = Literal["one", "level", "node"]

SPARE_SECONDS = 5.0
"""How much longer than its drain may take a process may live."""

AT_A_TIME = 2 * (os.cpu_count() or 1)
"""Processes that start at the same time; more would only make each of them later."""


class Population:
    """The nodes that run here, wherever they do.

    Attributes:
        links: who answers for a node, by name.
        gone: why those do not run any more that did.
    """

    def __init__(self, processes: Processes, node: LoadBalancer) -> None:
        """
        Args:
            node: settings that all nodes have.
        """
        self.links: dict[str, Link] = {}
        self.gone: dict[str, str] = {}
        self._processes = processes
        self._node = node
        self._own: OwnProcess | None = None
        self._all: list[Link] = []
        self._directory = Path()
        self._numbers = 0
        self._watches: set[asyncio.Task[None]] = set()
        self._stopping = False

    async def start(
        self,
        settings: Mapping[str, Settings],
        sockets: Mapping[str, socket.socket],
        levels: Mapping[str, int],
    ) -> None:
        """Run these nodes, on sockets that listen and are not ours any more.

        Raises:
            StartError: one cannot run; ``stop`` ends the others.
        """
        if self._processes == "one":
            group = Group(asyncio.get_running_loop())
            self._own = OwnProcess(group)
            self._all.append(self._own)
            for name, each in settings.items():
                await group.start(each, [sockets[name]])
                self._own.names.add(name)
                self.links[name] = self._own
            group.begin()
            return
        groups: dict[object, list[str]] = {}
        for name in settings:
            key = levels[name] if self._processes == "level" else name
            groups.setdefault(key, []).append(name)
        turn = asyncio.Semaphore(AT_A_TIME)

        async def start(names: list[str]) -> None:
            async with turn:
                await self._start_process([(settings[n], (sockets[n].fileno(),)) for n in names])
                # As long as we hold it too, whoever asks that port waits even if its process died.
                for name in names:
                    sockets[name].close()

        results = await asyncio.gather(
            *(start(names) for names in groups.values()), return_exceptions=True
        )
        for result in results:
            if isinstance(result, BaseException):
                raise result

    async def join(self, settings: Settings) -> int:
        """Run one more; its port.

        Raises:
            Change: it cannot run.
        """
        balancer = settings.load_balancer
        name = balancer.node_name
        if self._own is not None:
            answer = await self._own.ask("POST", "/nodes", settings_json(settings), JSON_TYPE)
            if answer.status_code != 201:
                raise Change(answer.status_code, str(answer.json()["detail"]))
            self._own.names.add(name)
            self.links[name] = self._own
            port = int(answer.json()["port"])
        else:
            try:
                with opened(name, Address(balancer.host, balancer.port)) as own:
                    port = int(own.getsockname()[1])
                    await self._start_process([(settings, (own.fileno(),))])
            except StartError as error:
                raise Change(409, str(error) or f"node {name!r} could not start") from None
        self.gone.pop(name, None)
        return port

    def forget(self, name: str, why: str) -> None:
        """A node is gone, or as good as."""
        link = self.links.pop(name, None)
        if link is not None:
            link.names.discard(name)
        self.gone[name] = why

    async def tell(self, link: Link, target: str, data: JSON = None) -> dict[str, Any]:
        """Ask for a change; the answer, or nothing from a process that gives none."""
        try:
            answer = await link.ask("POST", target, json.dumps(data).encode(), JSON_TYPE)
            found: dict[str, Any] = answer.json()
        except NoAnswer as error:
            say(str(error))
            return {}
        return found

    async def states(self) -> dict[str, dict[str, Any]]:
        """What all of them say of themselves, by name."""
        states: dict[str, dict[str, Any]] = {}

        async def look(link: Link) -> None:
            try:
                answer = (await link.ask("GET", "/nodes")).json()
            except NoAnswer:
                return
            for name, state in answer["nodes"].items():
                states[name] = {**state, "process": answer["pid"]}

        await asyncio.gather(*(look(link) for link in self._all))
        return states

    async def stop(self, first: Collection[str]) -> int:
        """End all; how many connections had to be cut.

        Args:
            first: names of those that clients ask. What they have taken still needs the others.
        """
        self._stopping = True
        cut = 0
        before = [link for link in self._all if link.names & set(first)]
        after = [link for link in self._all if link not in before]
        for links in (before, after):
            cut += sum(await asyncio.gather(*(link.stop(first) for link in links)))
        await asyncio.gather(*self._watches, return_exceptions=True)
        if self._directory.name:
            shutil.rmtree(self._directory, ignore_errors=True)
        return cut

    def hurry(self) -> None:
        """Let ``stop`` wait for nothing any more."""
        for link in self._all:
            link.hurry()

    def reopen_logs(self) -> None:
        """Write to the files that have the logs' names now."""
        for link in self._all:
            link.reopen_logs()

    async def _start_process(self, nodes: Sequence[tuple[Settings, tuple[int, ...]]]) -> None:
        if not self._directory.name:
            # Only its owner may enter it (mode 0700).
            self._directory = Path(tempfile.mkdtemp(prefix="slb-"))
        self._numbers += 1
        number = self._numbers
        place = GroupHandOver(number, self._directory / f"{number}.sock", tuple(nodes))
        patience = self._node.supervision.start_seconds
        try:
            worker = await workers.start(place, patience, "group")
        except WorkerError as error:
            if error.exit_code == StartError("").exit_code:
                raise StartError("") from None  # it has said why
            raise StartError(str(error), FAULT) from None
        names = [settings.load_balancer.node_name for settings, _ in nodes]
        link = OtherProcess(worker, names, self._node.deadlines.drain_seconds + SPARE_SECONDS)
        self._all.append(link)
        self.links |= dict.fromkeys(names, link)
        watch = asyncio.create_task(self._watch(link, place.admin))
        self._watches.add(watch)
        watch.add_done_callback(self._watches.discard)

    async def _watch(self, link: OtherProcess, admin: Path) -> None:
        code = await asyncio.shield(link.ending)
        # One that was killed leaves it behind, and the last one of all removes an empty directory.
        await asyncio.to_thread(admin.unlink, missing_ok=True)
        if self._stopping:
            return
        how = workers.ending(code)
        if link.names:
            say(f"the process of {', '.join(sorted(link.names))} {how}")
        for name in list(link.names):
            self.forget(name, f"its process {how}")
        self._all.remove(link)
