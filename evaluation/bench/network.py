"""A whole proxy network: what it serves, what it needs, and how long a killed node is felt.

    python -m evaluation.bench.network serve
    python -m evaluation.bench.network kill --nodes 16

``serve`` keeps some clients busy, each asking the outermost nodes for what no cache has, so that
every request goes all the way. ``kill`` ends nodes between the outermost and the edge, one after
another and the busiest of each level first, under a steady load; each comes back before the next
one goes. With ``--processes node`` it is the node's process that is killed (SIGKILL). What has no
other way to its origin fails until then, and is counted on its own.

Any network will do: ``--config`` and ``--set`` as ``main.py network`` has them. Everything listens
on ports that the system chooses; the load runs in this process.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import random
import signal
import sys
import time
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import httpx
import psutil

from backend.processes import Process, ProcessError, Processes
from config.open_files import allow_open_files
from config.topology import Origin
from evaluation.bench.processor import Tree
from evaluation.network.live import ADMIN_SECONDS, MAIN, START_SECONDS
from evaluation.network.load import KEPT, Phase, ask, make_questions
from evaluation.network.records import Asked, level_of
from evaluation.network.view import View, read_view
from traffic.client import Client, RequestFailed, Target
from traffic.generator import new_event_loop
from traffic.records import Record

MOST_FILES = 16_384
RATE = 50.0
"""Requests per second while nodes are killed."""
LEARNING_RATE = 100.0
"""Before that, while nodes find their ways."""

AHEAD = 1.0
"""Seconds of load before a node is killed."""
PAGES = 10


@dataclass(frozen=True, slots=True)
class Served:
    """What a network did for clients that always wait for an answer, and what it needed.

    Attributes:
        cpu: seconds of processor time, of all processes with their origins.
        hops: answers of nodes.
        memory: resident bytes of all processes but the origins', at the end.
    """

    requests: int
    failures: int
    seconds: float
    cpu: float
    hops: int
    memory: int

    @property
    def line(self) -> str:
        """For a person."""
        return (
            f"{self.requests / self.seconds:.0f} requests/s, {self.failures} failed, "
            f"{self.hops / max(1, self.requests):.1f} hops each, "
            f"{1e6 * self.cpu / max(1, self.hops):.0f} µs of CPU per hop, "
            f"{self.memory / 1e6:.0f} MB"
        )


@dataclass(frozen=True, slots=True)
class Kill:
    """What clients saw of a killed node.

    Attributes:
        share: of the requests before that it had a part in.
        before: failures in the second ahead.
        failures: from then on, of requests that had another way.
        wayless: failures of those that had none.
        last: seconds from the kill to the moment when the last client was told of a failure; 0 if
            none was.
        longest: the longest wait for an answer, in seconds.
    """

    node: str
    share: float
    before: int
    failures: int
    wayless: int
    last: float
    longest: float

    @property
    def line(self) -> str:
        """For a person."""
        return (
            f"{self.node}: in {self.share:.0%} of the ways, {self.failures} failed, the last one "
            f"{self.last:.2f} s after; {self.wayless} had no other way; {self.before} before; "
            f"longest answer {self.longest:.2f} s"
        )


def seen(
    node: str,
    share: float,
    asked: Sequence[Asked],
    killed_at: float,
    wayless: Collection[tuple[str, str]] = (),
) -> Kill:
    """What ``asked`` tells of a node that was killed at ``killed_at``, on the clock of theirs.

    Args:
        wayless: outermost nodes and domains between which there is no way without it.
    """
    failed = [each for each in asked if not each.success]
    excused = [each for each in failed if (each.way[0], each.domain) in wayless]
    ends = [each.at + each.latency for each in failed if each not in excused]
    after = [at for at in ends if at >= killed_at]
    return Kill(
        node=node,
        share=share,
        before=len(ends) - len(after),
        failures=len(after),
        wayless=len(excused),
        last=max((at - killed_at for at in after), default=0.0),
        longest=max((each.latency for each in asked if each.at >= killed_at), default=0.0),
    )


def cut_off(view: View, node: str) -> set[tuple[str, str]]:
    """Outermost nodes and domains between which there is no way without this node."""
    return {
        (each, domain)
        for domain in view.origins
        for each in set(view.outermost) - view.reach(view.edges(domain), [node])
    }


def victims(view: View, asked: Iterable[Asked], number: int) -> list[str]:
    """Nodes that are neither asked by clients nor know an origin: those of each level that had a
    part in most of ``asked``, then the second ones, and so on."""
    work = dict.fromkeys(sorted(view.urls), 0)
    for each in asked:
        for name in each.way:
            work[name] = work.get(name, 0) + 1
    levels: dict[int, list[str]] = {}
    for name in sorted(work, key=lambda each: -work[each]):
        if 1 < level_of(name) < view.levels:
            levels.setdefault(level_of(name), []).append(name)
    turns = itertools.zip_longest(*(levels[level] for level in sorted(levels)))
    return [name for turn in turns for name in turn if name is not None][:number]


class Bench:
    """One running network under load."""

    def __init__(self, process: Process, admin: httpx.AsyncClient, seed: int) -> None:
        self._process = process
        self._admin = admin
        self._dice = random.Random(seed)
        self._numbers = itertools.count()
        self._asked: list[Asked] = []

    async def serve(self, clients: int, learning: float, seconds: float) -> Served:
        """Keep so many clients busy, and measure after so many seconds for so many."""
        view = await self._view()
        asking = {
            name: await Client.open(Target.parse(view.urls[name]), keep=KEPT)
            for name in view.outermost
        }
        origins = self._origins(view)
        end = time.perf_counter() + learning
        await asyncio.gather(*(self._client(asking, origins, end, []) for _ in range(clients)))
        tree = Tree(self._process.pid)
        hops, cpu = await self._hops(), sum(tree.times())
        begun = time.perf_counter()
        answers: list[bool] = []
        await asyncio.gather(
            *(self._client(asking, origins, begun + seconds, answers) for _ in range(clients))
        )
        took = time.perf_counter() - begun
        cpu = sum(tree.times()) - cpu
        hops = await self._hops() - hops
        for each in asking.values():
            each.close()
        document = await self.document()
        pids = {node["process"] for node in document["nodes"] if "process" in node}
        memory = sum(psutil.Process(pid).memory_info().rss for pid in pids | {self._process.pid})
        return Served(len(answers), answers.count(False), took, cpu, hops, memory)

    async def learn(self, seconds: float, number: int) -> list[str]:
        """Let the nodes find their ways; so many of the busiest, see ``victims``."""
        asked = await self._load(Phase(max(1, round(LEARNING_RATE * seconds)), LEARNING_RATE))
        return victims(await self._view(), asked[len(asked) // 2 :], number)

    async def kill(self, name: str, by_signal: bool, watched: float) -> Kill:
        """Kill a node under load, and watch the clients for so many seconds.

        Raises:
            httpx.HTTPError: the network does not do it.
        """
        document = await self.document()
        (node,) = (each for each in document["nodes"] if each["name"] == name)
        wayless = cut_off(read_view(document, "", 1.0), name)
        before = await self._load(Phase(round(RATE * AHEAD), RATE))
        share = sum(name in each.way for each in before) / len(before)
        when: list[float] = []

        async def end() -> None:
            await asyncio.sleep(AHEAD)
            when.append(time.perf_counter())
            if by_signal:
                os.kill(node["process"], signal.SIGKILL)
            else:
                (await self._admin.post(f"/nodes/{name}/fail")).raise_for_status()

        killing = asyncio.create_task(end())
        begun = time.perf_counter()
        asked = await self._load(Phase(round(RATE * (AHEAD + watched)), RATE))
        await killing
        return seen(name, share, asked, when[0] - begun, wayless)

    async def bring_back(self, name: str, document: dict[str, Any]) -> None:
        """A killed node again where it was, knowing nothing.

        Args:
            document: the network before it was killed.
        """
        (node,) = (each for each in document["nodes"] if each["name"] == name)
        links = [link for link in document["links"] if link["kind"] == "node"]
        joining = {
            "name": name,
            "parents": [link["to"] for link in links if link["from"] == name],
            "children": [link["from"] for link in links if link["to"] == name],
            "port": int(node["url"].rpartition(":")[2]),
            "level": node["level"],
        }
        (await self._admin.post("/nodes", json=joining)).raise_for_status()
        await self._load(Phase(round(RATE * AHEAD), RATE))

    async def _client(
        self,
        asking: dict[str, Client],
        origins: Sequence[Origin],
        end: float,
        answers: list[bool],
    ) -> None:
        nodes = list(asking)
        while time.perf_counter() < end:
            number = next(self._numbers)
            origin = self._dice.choice(origins)
            path = f"{self._dice.choice(origin.pages)}?{number}"
            node = asking[self._dice.choice(nodes)]
            try:
                answer = await node.exchange("GET", path, b"", str(number), origin.domain)
                answers.append(answer.status == 200)
            except RequestFailed:
                answers.append(False)

    async def _load(self, phase: Phase) -> list[Asked]:
        view = await self._view()
        questions = [
            replace(question, path=f"{question.path}?{next(self._numbers)}")
            for question in make_questions(
                view.outermost, self._origins(view), (phase,), self._dice
            )
        ]
        found: list[Asked] = []

        def note(asked: Asked, record: Record) -> None:
            found.append(asked)

        await ask(questions, {name: view.urls[name] for name in view.outermost}, note)
        return found

    def _origins(self, view: View) -> list[Origin]:
        pages = tuple(f"/path-{number}/page.html" for number in range(1, PAGES + 1))
        return [Origin(domain, pages) for domain in view.origins]

    async def document(self) -> dict[str, Any]:
        """What the network says of itself."""
        answer = await self._admin.get("/network")
        found: dict[str, Any] = answer.raise_for_status().json()
        return found

    async def _view(self) -> View:
        return read_view(await self.document(), "", 1.0)

    async def _hops(self) -> int:
        document = await self.document()
        return sum(sum(node.get("answers", {}).values()) for node in document["nodes"])


async def measure(options: argparse.Namespace, process: Process) -> list[Served | Kill]:
    """What was asked for; each is printed as soon as it is known."""
    assert process.admin_url is not None
    found: list[Served | Kill] = []
    async with httpx.AsyncClient(
        base_url=process.admin_url, timeout=ADMIN_SECONDS, trust_env=False
    ) as admin:
        bench = Bench(process, admin, options.seed)
        if options.what == "serve":
            found.append(await bench.serve(options.clients, options.learn, options.seconds))
            print(found[-1].line, flush=True)
            return found
        by_signal = options.processes == "node"
        for name in await bench.learn(options.learn, options.nodes):
            document = await bench.document()
            found.append(await bench.kill(name, by_signal, options.watch))
            print(found[-1].line, flush=True)
            await bench.bring_back(name, document)
    return found


def main(argv: Sequence[str] | None = None) -> int:
    """Measure; the process's exit code, 1 if the network could not be started."""
    it = argparse.ArgumentParser(prog="network", description="A whole proxy network, measured.")
    it.add_argument("what", choices=("serve", "kill"))
    it.add_argument("--learn", type=float, default=20.0, help="seconds ahead (%(default)s)")
    it.add_argument("--clients", type=int, default=48, help="that serve asks with (%(default)s)")
    it.add_argument("--seconds", type=float, default=20.0, help="of serve (%(default)s)")
    it.add_argument("--watch", type=float, default=6.0, help="seconds after it (%(default)s)")
    it.add_argument("--nodes", type=int, default=16, help="to kill (%(default)s)")
    it.add_argument("--seed", type=int, default=0)
    it.add_argument("--processes", choices=("one", "level", "node"), default="one")
    it.add_argument("--config", metavar="PATH")
    it.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    options = it.parse_args(argv)
    positive = ("clients", "seconds", "nodes", "learn", "watch")
    if any(getattr(options, name) <= 0 for name in positive):
        it.error(f"{', '.join(f'--{name}' for name in positive)}: must be above 0")
    allow_open_files(MOST_FILES)
    command = [sys.executable, str(MAIN), "network", "--processes", options.processes]
    if options.config:
        command += ["--config", options.config]
    for each in (*options.set, "base_port=0"):
        command += ["--set", each]
    with Processes() as children:
        try:
            process = children.start([*command, "--until-stdin-closes"], START_SECONDS)
        except ProcessError as error:
            print(error, file=sys.stderr)
            return 1
        with asyncio.Runner(loop_factory=new_event_loop) as loop:
            found = loop.run(measure(options, process))
    kills = [each for each in found if isinstance(each, Kill)]
    if kills:
        worst = max(kills, key=lambda kill: kill.last)
        figures = {"nodes": len(kills), "worst": worst.node, "seconds": round(worst.last, 2)}
        figures["failures"] = sum(kill.failures for kill in kills)
        figures["wayless"] = sum(kill.wayless for kill in kills)
        print(json.dumps(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
