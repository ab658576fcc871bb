"""The whole experiment with networks of proxies: what runs, in which order, and with which seeds.

Virtual runs come first and share the processors; live ones have the machine for themselves.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import yaml

from config.open_files import allow_open_files
from evaluation.machine import Beginning
from evaluation.network.analysis import CLEAN_WITHIN, REFERENCE
from evaluation.network.live import LiveCourse, LiveRun
from evaluation.network.records import (
    WINDOW,
    NetworkResult,
    Purpose,
    Run,
    Setting,
    Shape,
    Variant,
)
from evaluation.network.virtual import COMPARED, Course, play_all
from evaluation.progress import Progress, Steps
from evaluation.testbed import ExperimentError
from traffic.generator import new_event_loop

SMALL = Shape(3, 3)
DOCUMENT = Shape(10, 10)
CLASSICS = ("random", "round_robin", "least_request")
SEEDS = 20
QUICK_SEEDS = 3
MOST_FILES = 16_384
START_SECONDS = {SMALL: 1.5, DOCUMENT: 3.5}
"""What starting and ending a network takes, for the announcement."""
VIRTUAL_RUN_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class LivePart:
    """Some live runs that are alike: every variant under the first of the seeds.

    Attributes:
        seeds: how many of those that the experiment has.
    """

    course: LiveCourse
    variants: tuple[Variant, ...]
    seeds: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be measured.

    Attributes:
        virtual: None for none.
        live: in the order in which they run.
    """

    seeds: tuple[int, ...]
    virtual: Course | None
    variants: tuple[Variant, ...]
    live: tuple[LivePart, ...]

    @property
    def runs(self) -> list[tuple[LiveCourse, Variant, int]]:
        """The live ones."""
        return [
            (part.course, variant, seed)
            for part in self.live
            for seed in self.seeds[: part.seeds]
            for variant in part.variants
        ]

    @property
    def seconds(self) -> float:
        """About as long as it takes."""
        virtual = len(self.variants) * len(self.seeds) * VIRTUAL_RUN_SECONDS
        return (virtual if self.virtual else 0.0) + sum(
            course.seconds + START_SECONDS[course.shape] for course, _, _ in self.runs
        )


def make_plan(
    settings: Sequence[Setting], seeds: Sequence[int] | None = None, quick: bool = False
) -> Plan:
    """The usual experiment, or about a minute of it.

    Args:
        seeds: default: 0 to 19, or three when quick. Parts that take long have the first few.
    """
    windows = CLEAN_WITHIN if quick else 30
    virtual = Course(
        most_windows=windows,
        until_clean=False,
        snapshots=(1, 3, 6, 12, windows),
        trajectories=windows * WINDOW,
    )
    used = tuple(seeds) if seeds is not None else tuple(range(QUICK_SEEDS if quick else SEEDS))
    return Plan(
        seeds=used,
        virtual=virtual if Setting.VIRTUAL in settings else None,
        variants=tuple(Variant(name, cache) for cache in (True, False) for name in COMPARED),
        live=(_quick_parts() if quick else _parts()) if Setting.LIVE in settings else (),
    )


def _parts() -> tuple[LivePart, ...]:
    small = LiveCourse(SMALL, windows=12, rate=300, snapshots=(1, 2, 4), trajectories=24)
    large = LiveCourse(DOCUMENT, windows=20, rate=100, snapshots=(1, 3, 6, 12), trajectories=24)
    classics = tuple(Variant(name, cache) for cache in (True, False) for name in CLASSICS)
    uncached = replace(REFERENCE, cache=False)
    return (
        LivePart(small, (REFERENCE,), SEEDS),
        LivePart(small, (uncached,), 5),
        LivePart(small, classics, 5),
        LivePart(large, (REFERENCE, uncached), 3),
        LivePart(replace(small, windows=8, purpose=Purpose.CHANGES), (REFERENCE,), 3),
        LivePart(replace(large, purpose=Purpose.CHANGES), (REFERENCE,), 2),
    )


def _quick_parts() -> tuple[LivePart, ...]:
    small = LiveCourse(SMALL, windows=5, rate=300, snapshots=(1, 2), trajectories=12)
    large = LiveCourse(DOCUMENT, windows=10, rate=100, snapshots=(1, 3, 6), trajectories=12)
    return (
        LivePart(small, (REFERENCE,), 2),
        LivePart(small, (replace(REFERENCE, cache=False), *map(Variant, CLASSICS)), 1),
        LivePart(large, (REFERENCE,), 1),
        LivePart(replace(small, purpose=Purpose.CHANGES, watched=4.0), (REFERENCE,), 1),
    )


class NetworkExperiment:
    """Measures a plan. ``result`` has what was measured, also after an interruption."""

    def __init__(self, plan: Plan, command: str = "") -> None:
        """
        Args:
            command: what a reader types to measure it again.
        """
        self._plan = plan
        self._command = command
        self._runs: list[Run] = []

    def measure(self) -> NetworkResult:
        """All of it, or what was measured until Ctrl-C, or until a network died.

        Raises:
            ExperimentError: a network could not be run before any run was complete.
            KeyboardInterrupt: before any run had measured anything.
        """
        beginning = Beginning.now()
        problem, interrupted = "", False
        try:
            self._virtual()
            if self._plan.live:
                allow_open_files(MOST_FILES)
                with asyncio.Runner(loop_factory=new_event_loop) as loop:
                    loop.run(self._live())
        except KeyboardInterrupt:
            if not any(run.windows for run in self._runs):
                raise
            interrupted = True
        except ExperimentError as error:
            if not any(run.complete for run in self._runs):
                raise
            problem, interrupted = str(error), True
        courses = dict.fromkeys(part.course for part in self._plan.live)
        return NetworkResult(
            runs=tuple(self._runs),
            circumstances=beginning.circumstances(
                self._command,
                "network",
                "networks of caching proxies that learn their routes",
                "---\n".join(
                    yaml.safe_dump(course.settings(REFERENCE, 0), sort_keys=False)
                    for course in courses
                    if course.purpose is Purpose.LEARNING
                ),
            ),
            rates=tuple(dict((course.shape, course.rate) for course in courses).items()),
            interrupted=interrupted,
            problem=problem,
        )

    def _virtual(self) -> None:
        plan = self._plan
        if plan.virtual is None:
            return
        progress = Steps(len(plan.variants) * len(plan.seeds))
        runs = play_all(plan.virtual, plan.variants, plan.seeds, progress=progress)
        found: list[Run] = []
        try:
            with closing(progress), closing(runs):
                found.extend(_slimmed(run, plan.seeds[0]) for run in runs)
        finally:
            # They end in any order; a report has the seeds in theirs.
            order = {variant: place for place, variant in enumerate(plan.variants)}
            self._runs += sorted(found, key=lambda run: (order[run.variant], run.seed))

    async def _live(self) -> None:
        runs = self._plan.runs
        progress = Progress(len(runs), sum(course.requests for course, _, _ in runs))
        try:
            with tempfile.TemporaryDirectory(prefix="slb-network-") as folder:
                for course, variant, seed in runs:
                    await asyncio.sleep(0)  # a Ctrl-C during the start is noticed here
                    if seed != self._plan.seeds[0]:
                        course = replace(course, snapshots=(), trajectories=0)
                    what = "" if course.purpose is Purpose.LEARNING else f", {course.purpose}"
                    progress.begin_run(f"live {course.shape.label}, {variant.label}{what}", seed)
                    live = LiveRun(course, variant, seed, Path(folder), progress)
                    try:
                        await live.measure()
                    finally:
                        self._runs.append(live.run())
                    progress.end_run()
        finally:
            progress.close()


def _slimmed(run: Run, first_seed: int) -> Run:
    """Without what only the first seed of the reference is shown of."""
    if run.variant == REFERENCE and run.seed == first_seed:
        return run
    return replace(run, snapshots=(), trajectories=())
