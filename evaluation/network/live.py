"""Networks of real proxies under real load: each run in a process of its own that knows nothing.

The nodes run in the process of ``main.py network``, the origins in one that it starts, the load in
this one. Everything listens on loopback ports that the system chooses.
"""

from __future__ import annotations

import asyncio
import gc
import random
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml

from backend.processes import Process, ProcessError, Processes, ending
from config.network import Network
from config.topology import Origin, document_origins
from evaluation.network.analysis import windowed
from evaluation.network.load import Phase, ask, make_questions
from evaluation.network.records import (
    WINDOW,
    Asked,
    Change,
    ChangeKind,
    Hop,
    Purpose,
    Run,
    Setting,
    Shape,
    Snapshot,
    Variant,
    trajectory,
)
from evaluation.network.view import (
    View,
    destination,
    learned_links,
    measured_hops,
    movable,
    read_view,
    victim,
)
from evaluation.progress import Progress
from evaluation.testbed import ExperimentError
from rl.vocabulary import JSON
from traffic.records import Record

MAIN = Path(__file__).resolve().parents[2] / "load_balancer" / "main.py"
ADMIN_SECONDS = 10.0
START_SECONDS = 30.0
PAGES = 10
ORIGIN_MS = 10.0
"""What an origin takes for a page: not less, because time that is nothing but noise has no mean
worth learning."""
ONE_TRY = ("connect_failure", "reset", "invalid_answer", "try_timeout")
"""What is tried again. Not a refusal, as in document 000: where every refusal is tried at the next
parent, hardly any request fails, whatever was learned, and failures would tell nothing of it."""
AHEAD = 2.0
"""Seconds of steady load ahead of the first change."""
STEADY_RATE = 50.0
"""Requests per second while changes are watched."""


@dataclass(frozen=True, slots=True)
class LiveCourse:
    """What every run goes through: learning, and then changes if there are to be any.

    Attributes:
        windows: of learning, at ``rate`` requests per second.
        snapshots: after how many windows to look at the links.
        watched: seconds of steady load after a change.
        trajectories: ways to keep, half of the first requests and half of the last of learning.
    """

    shape: Shape
    windows: int
    rate: float
    purpose: Purpose = Purpose.LEARNING
    snapshots: tuple[int, ...] = ()
    watched: float = 8.0
    trajectories: int = 0

    @property
    def phases(self) -> tuple[Phase, ...]:
        """Of the load."""
        learning = Phase(self.windows * WINDOW, self.rate)
        if self.purpose is Purpose.LEARNING:
            return (learning,)
        watched = round(STEADY_RATE * (AHEAD + self.watched * len(ChangeKind)))
        return (learning, Phase(watched, STEADY_RATE))

    @property
    def requests(self) -> int:
        """Of all phases."""
        return sum(phase.requests for phase in self.phases)

    @property
    def seconds(self) -> float:
        """Of all phases."""
        return sum(phase.seconds for phase in self.phases)

    def changes(self) -> tuple[tuple[float, ChangeKind], ...]:
        """When to do what, in seconds from the start."""
        if self.purpose is Purpose.LEARNING:
            return ()
        first = self.phases[0].seconds + AHEAD
        return tuple((first + self.watched * place, kind) for place, kind in enumerate(ChangeKind))

    def settings(self, variant: Variant, seed: int) -> dict[str, Any]:
        """Of the network, as ``config.network.Network`` reads them; caches, loads and rewards are
        those of ``config/proxy_network.yaml``, but see ``ONE_TRY``."""
        return {
            "base_port": 0,
            "seed": seed,
            "levels": self.shape.levels,
            "width": self.shape.width,
            "origins": {
                "number": self.shape.width,
                "pages": PAGES,
                "base_delay_ms": ORIGIN_MS,
            },
            "node": {
                "strategy": variant.strategy,
                "cache": {"enabled": variant.cache, "entries": 4},
                "retries": {"conditions": list(ONE_TRY)},
            },
        }

    def origins(self) -> tuple[Origin, ...]:
        """What can be asked for."""
        return document_origins(self.shape.width, PAGES)


class LiveRun:
    """One variant under one seed. After a cancelled ``measure``, ``run`` has what there was."""

    def __init__(
        self,
        course: LiveCourse,
        variant: Variant,
        seed: int,
        folder: Path,
        progress: Progress | None = None,
    ) -> None:
        """
        Args:
            folder: for the network's configuration.
        """
        self._course = course
        self._variant = variant
        self._seed = seed
        self._folder = folder
        self._progress = progress
        self._domain = course.origins()[0].domain
        self._network = Network.model_validate(course.settings(variant, seed))
        self._asked: list[Asked] = []
        self._changes: list[Change] = []
        self._snapshots: list[Snapshot] = []
        self._edges: tuple[str, ...] = ()
        self._hops: tuple[Hop, ...] = ()

    async def measure(self) -> Run:
        """All of it.

        Raises:
            ExperimentError: the network does not come up, or ends on its own.
        """
        with started(self._course.settings(self._variant, self._seed), self._folder) as process:
            assert process.admin_url is not None
            async with httpx.AsyncClient(
                base_url=process.admin_url, timeout=ADMIN_SECONDS, trust_env=False
            ) as admin:
                try:
                    await self._load(admin)
                    await self._end(admin)
                except (ExceptionGroup, httpx.HTTPError) as error:
                    check(process)
                    while isinstance(error, ExceptionGroup):
                        error = error.exceptions[0]
                    raise ExperimentError(f"the network could not be watched: {error!r}") from error
            check(process)
        return self.run()

    async def _load(self, admin: httpx.AsyncClient) -> None:
        course = self._course
        view = await self._view(admin)
        if any(kind is ChangeKind.MOVE for _, kind in course.changes()):
            # What is looked at is what will move.
            self._domain = movable(view)[0]
        self._edges = view.edges(self._domain)
        questions = make_questions(
            view.outermost,
            course.origins(),
            course.phases,
            random.Random(f"questions/{self._seed}"),
        )
        gc.collect()
        gc.freeze()  # so that no long pause for rubbish falls into the load
        begun = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            meddling = group.create_task(self._meddle(admin, begun))
            await ask(
                questions,
                {name: view.urls[name] for name in view.outermost},
                self._note,
                begun,
            )
            meddling.cancel()

    async def _end(self, admin: httpx.AsyncClient) -> None:
        """What is known at the end."""
        view = await self._view(admin)
        self._hops = measured_hops(view)
        if self._course.snapshots:
            windows = len(self._asked) // WINDOW
            self._snapshots.append(Snapshot(windows, self._course.seconds, learned_links(view)))

    async def _meddle(self, admin: httpx.AsyncClient, begun: asyncio.Event) -> None:
        """Looks at the links, and changes the network, when the time for it has come."""
        course = self._course
        await begun.wait()
        start = time.perf_counter()
        todo: list[tuple[float, int | ChangeKind]] = [
            *((windows * WINDOW / course.rate, windows) for windows in course.snapshots),
            *course.changes(),
        ]
        todo.sort(key=lambda each: each[0])
        for at, what in todo:
            await asyncio.sleep(max(0.0, start + at - time.perf_counter()))
            if isinstance(what, ChangeKind):
                await self._change(admin, what, start)
                # What was learned of it is looked at when it should be over.
                await asyncio.sleep(course.watched * 0.75)
                what = len(self._asked) // WINDOW
            await self._look(admin, what, start)

    async def _look(self, admin: httpx.AsyncClient, windows: int, start: float) -> None:
        view = await self._view(admin)
        self._snapshots.append(Snapshot(windows, time.perf_counter() - start, learned_links(view)))

    async def _change(self, admin: httpx.AsyncClient, kind: ChangeKind, start: float) -> None:
        view = await self._view(admin)
        if kind is ChangeKind.KILL:
            name = victim(view, self._domain)
            at = time.perf_counter() - start
            await _post(admin, f"/nodes/{name}/fail")
            self._changes.append(Change(kind, at, (name,), f"node {name} is killed"))
            return
        domain, leaving = self._domain, view.edges(self._domain)
        joining = destination(view, domain)
        host, port = view.origins[domain]
        at = time.perf_counter() - start
        endpoint: JSON = {"id": domain, "host": host, "port": port, "domains": [domain]}
        await _post(admin, f"/nodes/{joining}/endpoints", endpoint)
        for name in leaving:
            await _post(admin, f"/nodes/{name}/endpoints/{domain}/remove")
        self._changes.append(
            Change(
                kind,
                at,
                (*leaving, joining),
                f"the origin of {domain} moves from node {' and '.join(leaving)} to {joining}",
            )
        )

    async def _view(self, admin: httpx.AsyncClient) -> View:
        answer = await admin.get("/network", params={"domain": self._domain})
        reward = self._network.reward
        scale = reward.scale if reward.name == "latency" else 1.0
        return read_view(answer.raise_for_status().json(), self._domain, scale)

    def _note(self, asked: Asked, record: Record) -> None:
        self._asked.append(asked)
        if self._progress is not None:
            self._progress.record(record)

    def run(self) -> Run:
        """What was measured so far."""
        course = self._course
        requests = tuple(sorted(self._asked, key=lambda asked: asked.index))
        half = course.trajectories // 2
        told = [*requests[:half], *requests[: course.windows * WINDOW][-half:]] if half else []
        return Run(
            setting=Setting.LIVE,
            purpose=course.purpose,
            shape=course.shape,
            variant=self._variant,
            reward=self._network.reward.name,
            seed=self._seed,
            domain=self._domain,
            windows=windowed(requests, course.shape.levels),
            edges=self._edges,
            snapshots=tuple(self._snapshots),
            changes=tuple(self._changes),
            requests=requests,
            hops=self._hops,
            trajectories=tuple(
                trajectory(each.way, each.success, each.hit, each.domain) for each in told
            ),
            complete=len(requests) == course.requests,
        )


@contextmanager
def started(settings: dict[str, Any], folder: Path) -> Iterator[Process]:
    """A network that runs; nothing of it is left when the block ends, however it ends.

    Raises:
        ExperimentError: it does not come up.
    """
    config = folder / "network.yaml"
    config.write_text(yaml.safe_dump(settings, sort_keys=False), encoding="utf-8")
    command = [sys.executable, str(MAIN), "network", "--config", str(config)]
    with Processes() as processes:
        try:
            process = processes.start([*command, "--until-stdin-closes"], START_SECONDS)
        except ProcessError as error:
            lines = "\n".join(error.last_lines[-5:])
            raise ExperimentError(f"the network could not start\n{lines}".rstrip()) from None
        yield process


def check(process: Process) -> None:
    """Raises ExperimentError if the network has ended."""
    if process.exit_code is not None:
        lines = "\n".join(process.last_lines[-5:])
        raise ExperimentError(
            f"the network ended with {ending(process.exit_code)} during the experiment\n{lines}"
        )


async def _post(admin: httpx.AsyncClient, path: str, body: JSON = None) -> None:
    """Raises httpx.HTTPError if it is refused."""
    answer = await admin.post(path, json=body)
    answer.raise_for_status()
